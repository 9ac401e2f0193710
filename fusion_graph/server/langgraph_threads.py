"""The threads of LangGraph Server: copying one, deleting one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import NotFoundError

_MOST = 100
"""States of a thread's history that are looked at."""
_BEHIND = {"judge": "join", "writer": "review"}
"""The node after which judge or writer is next."""


class ServedThreads:
    """The threads of the server that this process is part of.

    Args:
        client: Returns a client of it.
    """

    def __init__(self, client: Callable[[], LangGraphClient]) -> None:
        self._client = client

    async def copy(self, source: str, target: str) -> str:
        """Copy what can be taken up of a thread; returns the copy's id.

        A run that got to its judge is written anew from its states, so that it gets the id that is wanted, and since
        `langgraph dev` cannot run what its own copies hold. One that stopped among its seats is the server's own copy,
        which has their finished work.
        """
        client = self._client()
        history: Sequence[Any] = await client.threads.get_history(source, limit=_MOST)
        thread = await client.threads.get(source)
        graph = str((thread["metadata"] or {}).get("graph_id"))
        steps = [step for state in reversed(history) if (step := _step(state, graph)) is not None]
        if not history or _step(history[0], graph) is None:
            made = await client.http.post(f"/threads/{source}/copy", json=None)  # the SDK keeps the new id back
            return str(made["thread_id"])
        kept = {key: value for key, value in (thread["metadata"] or {}).items() if key != "assistant_id"}
        await client.threads.create(thread_id=target, graph_id=graph, metadata=kept, supersteps=steps)
        return target

    async def delete(self, thread_id: str) -> None:
        """Delete a thread; nothing happens where there is none."""
        try:
            await self._client().threads.delete(thread_id)
        except NotFoundError:
            return


def _step(state: Mapping[str, Any], graph: str) -> dict[str, Any] | None:
    """Return what brings a new thread into a state; `None` where the graph was not between its own nodes."""
    following = list(state["next"])
    if graph == "fusion_agent" or len(following) > 1 or not state["values"].get("receipt"):
        return None
    if not following:
        return _update(state, "writer" if graph == "fusion" else "judge") if state["values"].get("status") else None
    return _update(state, _BEHIND[following[0]]) if following[0] in _BEHIND else None


def _update(state: Mapping[str, Any], node: str) -> dict[str, Any]:
    return {"updates": [{"values": state["values"], "as_node": node}]}

"""A Response that is stored while its client waits for it."""

from __future__ import annotations

from typing import Any

from fusion_graph.server.background import BackgroundRuns
from fusion_graph.server.errors import ApiError
from fusion_graph.server.input_items import input_items
from fusion_graph.server.planning.plans import ResponsesPlan
from fusion_graph.server.records.response_rows import LostError, NewResponse
from fusion_graph.server.records.store import Store
from fusion_graph.server.render.responses_stream import ResponsesStream
from fusion_graph.server.threads import Threads, thread_of


class Keeping:
    """Stores one Response: as it begins, as it ends, and as cut off where its client leaves.

    Args:
        store: The records.
        runs: The runs of this process.
        threads: The threads of saved runs.
        asked: What is asked.
        body: The request's body.
        response_id: `resp_...`.
        created: Unix time in seconds.
    """

    def __init__(
        self,
        store: Store,
        runs: BackgroundRuns,
        threads: Threads,
        asked: ResponsesPlan,
        body: dict[str, Any],
        *,
        response_id: str,
        created: int,
    ) -> None:
        self._store, self._runs, self._threads, self._asked = store, runs, threads, asked
        self._id, self._created = response_id, created
        self._input = input_items(body["input"])
        self._wire = ResponsesStream(asked.plan, response_id, created)
        self._open = False

    @property
    def thread_id(self) -> str | None:
        """Where the run is saved; nowhere for a Response that is not to be kept."""
        return thread_of(self._id) if self._asked.store else None

    async def begin(self) -> None:
        """Keep that it has begun.

        Raises:
            ApiError: 409: its conversation is busy.
        """
        if not self._asked.store:
            return
        self._runs.busy.add(self._id)
        await self._store.responses.begin(
            NewResponse(
                id=self._id,
                thread_id=thread_of(self._id),
                created_at=self._created,
                background=False,
                plan=self._asked.plan,
                input=self._input,
                response=self._wire.response(),
                conversation=self._asked.conversation,
            )
        )
        self._open = True

    async def end(self, response: dict[str, Any]) -> None:
        """Keep how it ended."""
        conversation = self._asked.conversation
        if self._asked.store:
            self._open = False
            await self._store.responses.note(self._id, [], response, self._input, conversation=conversation)
        elif conversation is not None and response["status"] in ("completed", "incomplete"):
            items = [*self._input, *response["output"]]
            await self._store.conversations.add(conversation, self._asked.plan.owner, items)

    async def close(self, error: BaseException | None) -> None:
        """Close it, however its request ended.

        Args:
            error: What ended the run, if something did. What was refused before it began is not kept at all.
        """
        try:
            if self._open:
                await self._cut_off(error)
        except LostError:
            return
        finally:
            self._runs.busy.discard(self._id)

    async def _cut_off(self, error: BaseException | None) -> None:
        if isinstance(error, ApiError) and error.status < 500:
            await self._threads.delete(thread_of(self._id))
            await self._store.responses.delete(self._id)
            return
        if isinstance(error, Exception):
            self._wire.fail(error if isinstance(error, ApiError) else ApiError(500, "the server failed"))
        else:
            self._wire.cancel()
        await self._store.responses.note(self._id, [], self._wire.response(), self._input)

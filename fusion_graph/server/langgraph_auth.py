"""The same keys in front of LangGraph Server's own endpoints: `langgraph.json` names `auth` in here.

Threads and what hangs on them belong to the key that made them, and so do assistants that a client made; the
assistants of the graphs themselves are everybody's. The custom routes ask the gate themselves, so that a refusal
looks the same however the app is run.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from langgraph_sdk import Auth
from starlette.requests import Request

from fusion_graph.resources import Resources
from fusion_graph.server.database import opened
from fusion_graph.server.errors import ApiError
from fusion_graph.server.gate import Gate
from fusion_graph.server.keys import Keys
from fusion_graph.server.principal import ANONYMOUS
from fusion_graph.server.settings import ServerSettings

auth = Auth()
_assistants: Any = auth.on.assistants
"""LangGraph's types know one action a handler; LangGraph itself takes several."""
OWNER = "owner"
OWN_PATHS = ("/v1/", "/healthz", "/readyz", "/chat", "/assets/")
"""Paths of our own routes: their gate answers for itself."""


@dataclass(slots=True)
class _Held:
    """The gate of one event loop; its database stays open as long as the process."""

    loop: asyncio.AbstractEventLoop
    stack: AsyncExitStack
    gate: Gate


_held: list[_Held] = []
_opening = asyncio.Lock()


async def _gate() -> Gate:
    loop = asyncio.get_running_loop()
    async with _opening:
        for held in _held:
            if held.loop is loop:
                return held.gate
        settings, stack = ServerSettings.from_env(), AsyncExitStack()
        database = await stack.enter_async_context(opened(settings))
        gate = Gate(settings, Keys(database), Resources.from_env())
        _held.append(_Held(loop, stack, gate))
        return gate


@auth.authenticate
async def authenticate(request: Request) -> Auth.types.MinimalUserDict:
    """Say who sends a request.

    Args:
        request: The request.

    Returns:
        The key's id as `identity`.

    Raises:
        HTTPException: 401 without a valid key, 403 for a foreign page, 429 above the key's rate.
    """
    if request.url.path == "/" or request.url.path.startswith(OWN_PATHS):
        return {"identity": ANONYMOUS, "permissions": []}
    try:
        principal = await (await _gate()).principal(request)
    except ApiError as error:
        raise Auth.exceptions.HTTPException(status_code=error.status, detail=error.message) from error
    return {"identity": principal.id, "display_name": principal.name, "permissions": []}


@auth.on
async def nothing_else(ctx: Auth.types.AuthContext, value: Any) -> bool:  # noqa: ARG001 - LangGraph's signature
    """Refuse what no handler below allows."""
    return False


@auth.on.threads
async def own_threads(ctx: Auth.types.AuthContext, value: Any) -> Auth.types.FilterType:
    """Mark what is made with its owner, and show each owner their own threads and runs alone."""
    return _owned(ctx, value)


@auth.on.crons
async def own_crons(ctx: Auth.types.AuthContext, value: Any) -> Auth.types.FilterType:
    """Keep scheduled runs apart in the same way."""
    return _owned(ctx, value)


async def any_assistant(ctx: Auth.types.AuthContext, value: Any) -> dict[str, Any]:  # noqa: ARG001
    """Show the graphs' own assistants to everybody, and others to their owner."""
    return {"$or": [{"created_by": "system"}, {OWNER: ctx.user.identity}]}


async def own_assistants(ctx: Auth.types.AuthContext, value: Any) -> Auth.types.FilterType:
    """Let an owner make, change and remove their own assistants."""
    return _owned(ctx, value)


for _action in (_assistants.read, _assistants.search):
    _action(any_assistant)
for _action in (_assistants.create, _assistants.update, _assistants.delete):
    _action(own_assistants)


@auth.on.store
async def own_store(ctx: Auth.types.AuthContext, value: Any) -> None:
    """Put each owner's part of the store below their own name."""
    namespace = tuple(value.get("namespace") or ())
    if not namespace or namespace[0] != ctx.user.identity:
        value["namespace"] = (ctx.user.identity, *namespace)


def _owned(ctx: Auth.types.AuthContext, value: Any) -> Auth.types.FilterType:
    mine = {OWNER: ctx.user.identity}
    if isinstance(value, dict) and ctx.action in ("create", "update", "create_run"):
        given = {key: entry for key, entry in (value.get("metadata") or {}).items() if key != "created_by"}
        value["metadata"] = {**given, **mine}
    return mine

"""The same keys in front of LangGraph Server's own endpoints: `langgraph.json` names `auth` in here.

Threads and what hangs on them belong to the key that made them, and so do assistants that a client made; the
assistants of the graphs themselves are everybody's. The custom routes ask the gate themselves, so that a refusal
looks the same however the app is run.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from langgraph_sdk import Auth
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from fusion_graph.config import FusionConfig
from fusion_graph.server.errors import ApiError
from fusion_graph.server.langgraph_app import is_own, served
from fusion_graph.server.planning.names import Names, models_of
from fusion_graph.server.principal import ANONYMOUS, Principal
from fusion_graph.server.services import Services

OWNER = "owner"
"""The metadata field that names the owner of a thread, a run, an assistant or a cron job."""
MAY_RUN = "runs"
"""The permission to start runs past the endpoints below `/v1/`, which alone keep a key's limits."""
_LIMITED = "this key has a spending limit or is limited to presets, which only the endpoints below /v1/ keep; ask there"
_RUNNERS = ("/mcp", "/a2a")
"""Paths that do nothing but run, and make a fault of the server of a run that is refused."""
_MAKER = "created_by"
"""The metadata field by which LangGraph Server marks the graphs' own assistants."""

auth = Auth()
_assistants: Any = auth.on.assistants
"""LangGraph's types know one action a handler; LangGraph itself takes several."""


@auth.authenticate
async def authenticate(scope: dict[str, Any]) -> Auth.types.MinimalUserDict:
    """Say who sends a request.

    Args:
        scope: The request's ASGI scope. Its path is what LangGraph Server routes by; an URL holds what clients claim.

    Returns:
        The key's id as `identity`.

    Raises:
        HTTPException: 401 without a valid key, 403 for a foreign page, or for a key whose limits are not kept there,
            429 above the key's rate.
    """
    if is_own(scope["path"]):
        return {"identity": ANONYMOUS, "permissions": []}
    try:
        principal = await _services().gate.principal(HTTPConnection(scope))
    except ApiError as error:
        raise _refusal(error) from error
    limited = principal.presets is not None or principal.limit_usd is not None
    if limited and scope["path"].startswith(_RUNNERS):
        raise Auth.exceptions.HTTPException(status_code=403, detail=_LIMITED)
    return {
        "identity": principal.id,
        "display_name": principal.name,
        "permissions": [] if limited else [MAY_RUN],
    }


def _services() -> Services:
    held: Services = served.state.services
    return held


def _refusal(error: ApiError) -> Exception:
    """LangGraph Server makes 401 and 403 of its own exception, and a fault of every other status."""
    if error.status in (401, 403):
        return Auth.exceptions.HTTPException(status_code=error.status, detail=error.message)
    wait = {} if error.retry_after is None else {"retry-after": str(max(1, round(error.retry_after)))}
    return HTTPException(error.status, error.message, headers=wait)


@auth.on
async def nothing_else(ctx: Auth.types.AuthContext, value: Any) -> bool:  # noqa: ARG001 - LangGraph's signature
    """Refuse what no handler below allows."""
    return False


@auth.on.threads
async def own_threads(ctx: Auth.types.AuthContext, value: Any) -> Auth.types.FilterType:
    """Mark what is made with its owner, and show each owner their own threads and runs alone."""
    return _owned(ctx, value)


@auth.on.threads.create_run
async def own_runs(ctx: Auth.types.AuthContext, value: Auth.types.RunsCreate) -> Auth.types.FilterType:
    """Let an owner run what they may on their own threads."""
    _check_run(ctx, value.get("kwargs") or {})
    return _owned(ctx, value)


@auth.on.crons
async def own_crons(ctx: Auth.types.AuthContext, value: Any) -> Auth.types.FilterType:
    """Keep scheduled runs apart in the same way."""
    if ctx.action in ("create", "update"):
        _check_run(ctx, value.get("payload") or {})
    return _owned(ctx, value)


async def any_assistant(ctx: Auth.types.AuthContext, value: Any) -> dict[str, Any]:  # noqa: ARG001
    """Show the graphs' own assistants to everybody, and others to their owner."""
    return {"$or": [{_MAKER: "system"}, {OWNER: ctx.user.identity}]}


async def own_assistants(ctx: Auth.types.AuthContext, value: Any) -> Auth.types.FilterType:
    """Let an owner make, change and remove their own assistants."""
    if ctx.action in ("create", "update"):
        _check_names(value)
        if isinstance(metadata := value.get("metadata"), MutableMapping):
            metadata.pop(_MAKER, None)
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
    """Mark and filter; in place, since LangGraph Server goes on with the metadata it holds, not with a new dict."""
    mine = {OWNER: ctx.user.identity}
    if ctx.action in ("create", "update", "create_run"):
        metadata = value.get("metadata")
        if isinstance(metadata, MutableMapping):
            metadata.update(mine)
        else:
            value["metadata"] = dict(mine)
    return mine


def _check_run(ctx: Auth.types.AuthContext, run: Mapping[str, Any]) -> None:
    if MAY_RUN not in ctx.permissions:
        raise Auth.exceptions.HTTPException(status_code=403, detail=_LIMITED)
    _check_names(run)


def _check_names(run: Mapping[str, Any]) -> None:
    """Refuse models that the operator does not offer, where they say what they offer.

    Args:
        run: `context` and `config` of a run or an assistant.
    """
    held = _services()
    if held.settings.allowed_models is None:
        return
    names = Names(Principal(), held.settings, held.kit)
    configurable = (run.get("config") or {}).get("configurable")
    for given in (run.get("context"), configurable):
        try:
            for model in models_of(FusionConfig.model_validate(_settings_in(given))):
                names.check_model(model, "context")
        except ApiError as error:
            raise Auth.exceptions.HTTPException(status_code=403, detail=error.message) from error
        except ValidationError as error:
            raise HTTPException(422, f"context: {error}") from error


def _settings_in(given: Any) -> dict[str, Any]:
    """Of what LangGraph puts there, the fields of our settings."""
    known = FusionConfig.model_fields
    return {name: value for name, value in given.items() if name in known} if isinstance(given, Mapping) else {}

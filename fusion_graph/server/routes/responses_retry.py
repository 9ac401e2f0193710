"""`POST /v1/responses/{id}/retry`: what failed once more, or another judge or writer on the same drafts."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fusion_graph.server.bodies import read_object
from fusion_graph.server.disconnects import while_connected
from fusion_graph.server.entering import Again, From
from fusion_graph.server.errors import ApiError
from fusion_graph.server.failed_runs import failed
from fusion_graph.server.keeps import Keeps
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.planning.make import settle
from fusion_graph.server.planning.names import Names
from fusion_graph.server.principal import Principal
from fusion_graph.server.records.response_rows import ANSWERED, StoredResponse
from fusion_graph.server.requests.faults import checked
from fusion_graph.server.requests.plain import plain
from fusion_graph.server.requests.stored import RetryRequest
from fusion_graph.server.routes.listing import ERRORS, body_of
from fusion_graph.server.routes.responses_create import followed
from fusion_graph.server.services import Services, keeping, services

router = APIRouter(responses=ERRORS)


@router.post("/v1/responses/{response_id}/retry", openapi_extra=body_of("RetryRequest", required=False))
async def retry_response(request: Request, response_id: str) -> Response:
    """Take up an earlier response on a copy of its saved run; the answer is a new response."""
    held = services(request)
    principal = await held.gate.principal(request)
    keeps = keeping(held)
    asked = checked(RetryRequest, plain(await _body(request, held)))
    earlier = await keeps.store.responses.get(response_id, principal.id)
    plan = _plan(earlier, asked, principal, held)
    again = Again(response_id, _at(earlier, asked), asked.changes)
    background = bool(asked.background)
    response = await keeps.runs.start_again(earlier, plan, again, principal, background=background)
    started = str(response["id"])
    headers = {"x-generation-id": started}
    if asked.stream:
        ends = AsyncExitStack()
        if not background:
            ends.push_async_callback(keeps.runs.cancel, started, principal.id)
        return await followed(held, keeps.runs, started, principal.id, headers=headers, ends=ends)
    if background:
        return JSONResponse(response, headers=headers)
    return await while_connected(request, _whole(keeps, started, principal))


async def _body(request: Request, held: Services) -> dict[str, Any]:
    if not await request.body():
        return {}
    return await read_object(request, held.settings.max_body_bytes)


def _at(earlier: StoredResponse, asked: RetryRequest) -> From:
    if earlier.under_way:
        raise ApiError(409, f"{earlier.id!r} is under way; wait for its end, or cancel it", code="run_conflict")
    if earlier.plan.graph == "fusion_agent" and earlier.status in ANSWERED:
        told = "its calling model convened the panel by itself; only with mode fuse or analyze can parts be done again"
        raise ApiError(409, f"{earlier.id!r} cannot be taken up: {told}", code="run_conflict")
    if asked.judge is not None:
        return "judge"
    return "seats" if asked.writer is None else "writer"


def _plan(earlier: StoredResponse, asked: RetryRequest, principal: Principal, held: Services) -> RunPlan:
    names = Names(principal, held.settings, held.kit)
    for field in ("judge", "writer"):
        named = getattr(asked, field)
        if named is not None:
            names.check_model(named, field)
    config = earlier.plan.config.model_copy(update=asked.changes)
    settle(held.kit, config)
    echo = {name: value for name, value in earlier.plan.echo.items() if name != "conversation"}
    return replace(earlier.plan, config=config, echo={**echo, "retry_of": earlier.id})


async def _whole(keeps: Keeps, response_id: str, principal: Principal) -> Response:
    try:
        run = await keeps.runs.ended(response_id)
    finally:
        await keeps.runs.cancel(response_id, principal.id)
    kept = await keeps.store.responses.get(response_id, principal.id)
    if run is not None and run.result is not None and run.result.output["status"] != "ok":
        raise failed(run.result)
    if kept.status not in ANSWERED:
        error = kept.response["error"] or {"message": f"the run is {kept.status}"}
        raise ApiError(error.get("status", 500), error["message"], code=error.get("reason"))
    return JSONResponse(kept.response, headers={"x-generation-id": response_id})

"""Stored responses: fetching, following, listing, cancelling and deleting them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fusion_graph.server.errors import ApiError
from fusion_graph.server.requests.faults import bad
from fusion_graph.server.routes.listing import ERRORS, After, Limit, Order, listed, page_of
from fusion_graph.server.routes.responses_create import followed
from fusion_graph.server.services import keeping, services

router = APIRouter(prefix="/v1/responses", responses=ERRORS)
Status = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]


@router.get("")
async def list_responses(
    request: Request, limit: Limit = 20, after: After = None, status: Status | None = None
) -> dict[str, Any]:
    """List your responses in short, the newest first."""
    held = services(request)
    principal = await held.gate.principal(request)
    kept = keeping(held).store.responses
    data, more = await kept.page(principal.id, limit=limit, after=after, status=status)
    return listed(data, more=more)


@router.get("/{response_id}")
async def get_response(
    request: Request,
    response_id: str,
    *,
    stream: bool = False,
    starting_after: Annotated[int | None, Query(ge=-1, lt=2**31)] = None,
) -> Response:
    """Return a response as it stands; with `stream=true` follow a background run's events."""
    held = services(request)
    principal = await held.gate.principal(request)
    keeps = keeping(held)
    kept = await keeps.store.responses.get(response_id, principal.id)
    headers = {"x-generation-id": response_id}
    if not stream:
        if starting_after is not None:
            raise bad("starting_after: it is for stream=true; leave it out", "starting_after")
        return JSONResponse(kept.response, headers=headers)
    if not kept.background:
        raise bad("stream: only background responses can be followed; fetch this one without stream", "stream")
    return await followed(held, keeps.runs, response_id, principal.id, starting_after, headers=headers)


@router.post("/{response_id}/cancel")
async def cancel_response(request: Request, response_id: str) -> dict[str, Any]:
    """Cancel a background run; one that has ended is returned as it is."""
    held = services(request)
    principal = await held.gate.principal(request)
    keeps = keeping(held)
    kept = await keeps.store.responses.get(response_id, principal.id)
    if not kept.background:
        told = f"response_id: {response_id!r} is no background response; its run ends with the request that made it"
        raise ApiError(400, told, code="not_background", param="response_id")
    return await keeps.runs.cancel(response_id, principal.id)


@router.delete("/{response_id}")
async def delete_response(request: Request, response_id: str) -> dict[str, Any]:
    """Delete a response with its events and its saved run; a background run is cancelled first."""
    held = services(request)
    principal = await held.gate.principal(request)
    await keeping(held).runs.delete(response_id, principal.id)
    return {"id": response_id, "object": "response", "deleted": True}


@router.get("/{response_id}/input_items")
async def list_input_items(
    request: Request, response_id: str, limit: Limit = 20, after: After = None, order: Order = "desc"
) -> dict[str, Any]:
    """List the items of the request's own input; those of earlier turns are in the responses of those turns."""
    held = services(request)
    principal = await held.gate.principal(request)
    kept = await keeping(held).store.responses.get(response_id, principal.id)
    return page_of(kept.input, limit, after, order)

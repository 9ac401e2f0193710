"""`POST /v1/messages`."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fusion_graph.server.bodies import read_object
from fusion_graph.server.disconnects import while_connected
from fusion_graph.server.idempotency import Once
from fusion_graph.server.planning import plan_messages
from fusion_graph.server.principal import Principal
from fusion_graph.server.render.items import new_id
from fusion_graph.server.render.messages import message
from fusion_graph.server.render.messages_stream import MessagesStream
from fusion_graph.server.routes.planned import planned
from fusion_graph.server.running import Start, running
from fusion_graph.server.services import Services, services
from fusion_graph.server.sse import named_frame
from fusion_graph.server.streaming import stream_run

router = APIRouter()


@router.post("/v1/messages", include_in_schema=False)
async def create_message(request: Request) -> Response:
    """Answer a conversation."""
    held = services(request)
    principal = await held.gate.principal(request)
    body = await read_object(request, held.settings.max_body_bytes)
    if held.keeps is None:
        return await _answered(request, held, principal, body)
    once = Once(held.keeps.store.claims, request, principal, body)
    return await once.answer(lambda _: _answered(request, held, principal, body))


async def _answered(request: Request, held: Services, principal: Principal, body: dict[str, Any]) -> Response:
    asked = await planned(held, lambda: plan_messages(body, principal, held.settings, held.kit))
    start = Start(held, principal, asked.plan, new_id("msg"), asked.stream)
    if not asked.stream:
        return await while_connected(request, _whole(start))
    make = partial(MessagesStream, message_id=start.id)
    return await stream_run(request, start, make=make, frame=named_frame)


async def _whole(start: Start) -> Response:
    async with running(start) as run:
        result = await run.whole()
        told = message(result, run.tally, start.id)
    return JSONResponse(told, headers={"x-generation-id": start.id})

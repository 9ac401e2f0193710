"""`POST /v1/chat/completions`."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import uuid4

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fusion_graph.server.bodies import read_object
from fusion_graph.server.disconnects import while_connected
from fusion_graph.server.idempotency import Once
from fusion_graph.server.planning import ChatPlan, plan_chat
from fusion_graph.server.principal import Principal
from fusion_graph.server.render.chat import chat_completion
from fusion_graph.server.render.chat_stream import ChatStream, UsagePlace
from fusion_graph.server.routes.planned import planned
from fusion_graph.server.running import Start, running
from fusion_graph.server.services import Services, services
from fusion_graph.server.sse import DONE, frame
from fusion_graph.server.streaming import stream_run

router = APIRouter()


@router.post("/v1/chat/completions", include_in_schema=False)
async def create_chat_completion(request: Request) -> Response:
    """Answer a conversation."""
    held = services(request)
    principal = await held.gate.principal(request)
    body = await read_object(request, held.settings.max_body_bytes)
    if held.keeps is None:
        return await _answered(request, held, principal, body)
    once = Once(held.keeps.store.claims, request, principal, body)
    return await once.answer(lambda _: _answered(request, held, principal, body))


async def _answered(request: Request, held: Services, principal: Principal, body: dict[str, Any]) -> Response:
    asked = await planned(held, lambda: plan_chat(body, principal, held.settings, held.kit))
    completion_id = f"chatcmpl-{uuid4().hex}"
    start = Start(held, principal, asked.plan, completion_id, asked.stream)
    if not asked.stream:
        return await while_connected(request, _whole(start))
    make = partial(
        ChatStream,
        completion_id=completion_id,
        created=start.created,
        usage=_usage_place(body, asked),
        include_fusion_events=asked.include_fusion_events,
    )
    return await stream_run(request, start, make=make, frame=frame, end=(DONE,))


async def _whole(start: Start) -> Response:
    async with running(start) as run:
        result = await run.whole()
        told = chat_completion(result, run.tally, start.id, start.created)
    return JSONResponse(told, headers={"x-generation-id": start.id})


def _usage_place(body: dict[str, Any], asked: ChatPlan) -> UsagePlace:
    """Where the usage goes: a chunk without choices is for those alone who asked for it, since it breaks others."""
    if not asked.include_usage:
        return "none"
    options = body.get("stream_options")
    return "own" if isinstance(options, dict) and options.get("include_usage") is True else "last"

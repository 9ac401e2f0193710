"""`POST /v1/responses`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter
from langchain_core.messages import AnyMessage
from sse_starlette import ServerSentEvent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fusion_graph.server.bodies import read_object
from fusion_graph.server.disconnects import while_connected
from fusion_graph.server.errors import ApiError
from fusion_graph.server.idempotency import Once
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.planning import ResponsesPlan, continues, plan_responses
from fusion_graph.server.principal import Principal
from fusion_graph.server.render.items import new_id
from fusion_graph.server.render.responses_stream import ResponsesStream
from fusion_graph.server.routes.planned import planned
from fusion_graph.server.running import Run, Start, running
from fusion_graph.server.services import Background, Services, keeping, services
from fusion_graph.server.sse import ENDING_SECONDS, EventStream, named_frame
from fusion_graph.server.streaming import WireStream, stream_run

router = APIRouter()


@router.post("/v1/responses", include_in_schema=False)
async def create_response(request: Request) -> Response:
    """Answer a conversation, at once, as a stream, or in the background."""
    held = services(request)
    principal = await held.gate.principal(request)
    body = await read_object(request, held.settings.max_body_bytes)
    if held.keeps is None:
        return await _answered(request, held, principal, body, None)
    once = Once(held.keeps.store.claims, request, principal, body)
    return await once.answer(
        lambda claim: _answered(request, held, principal, body, claim),
        lambda response_id: _again(held, response_id, body, principal),
    )


async def _answered(
    request: Request, held: Services, principal: Principal, body: dict[str, Any], claim: tuple[str, str] | None
) -> Response:
    earlier = await _earlier(held, body, principal)
    asked = await planned(held, lambda: plan_responses(body, principal, held.settings, held.kit, earlier))
    if asked.background:
        return await _background(held, asked, body, principal, claim)
    start = Start(held, principal, asked.plan, new_id("resp"), asked.stream)
    if held.records is not None:
        kept = held.records.response(asked, body, response_id=start.id, created=start.created)
        start = replace(start, kept=kept)
    creation = _Creation(start)
    if asked.stream:
        return await creation.stream(request)
    return await while_connected(request, creation.whole())


async def _earlier(held: Services, body: dict[str, Any], principal: Principal) -> list[AnyMessage]:
    previous, conversation = continues(body)
    if previous is None and conversation is None:
        return []
    if held.continuity is None:
        field = "conversation" if previous is None else "previous_response_id"
        raise ApiError(400, f"{field}: this server keeps no responses", code="not_supported", param=field)
    return await held.continuity.earlier(body, principal)


@dataclass(frozen=True, slots=True)
class _Creation:
    start: Start

    async def whole(self) -> Response:
        """Run to the end, and return the Response or the error."""
        async with running(self.start) as run:
            wire = self._wire(run.plan)
            async for event in run.events():
                wire.feed(event)
            await self.keep(run, wire)
            run.outcome()
        return JSONResponse(wire.response(), headers={"x-generation-id": self.start.id})

    async def stream(self, request: Request) -> Response:
        """Return the stream."""
        return await stream_run(request, self.start, make=self._wire, frame=named_frame, ended=self.keep)

    def _wire(self, plan: RunPlan) -> ResponsesStream:
        return ResponsesStream(plan, self.start.id, self.start.created)

    async def keep(self, run: Run, wire: WireStream) -> None:
        """Store the Response, if it is to be."""
        if self.start.kept is not None and run.result is not None and isinstance(wire, ResponsesStream):
            await self.start.kept.end(wire.response())


async def _again(held: Services, response_id: str, body: dict[str, Any], principal: Principal) -> Response:
    """Give back the background run that a request with the same `Idempotency-Key` has started."""
    keeps = keeping(held)
    kept = await keeps.store.responses.get(response_id, principal.id)
    headers = {"x-generation-id": response_id}
    if body.get("stream"):
        return await followed(held, keeps.runs, response_id, principal.id, headers=headers)
    return JSONResponse(kept.response, headers=headers)


async def _background(
    held: Services,
    asked: ResponsesPlan,
    body: dict[str, Any],
    principal: Principal,
    claim: tuple[str, str] | None,
) -> Response:
    if held.background is None:
        raise ApiError(400, "background: this server runs nothing in the background", param="background")
    response = await held.background.start(asked, body, principal, claim)
    headers = {"x-generation-id": str(response["id"])}
    if not asked.stream:
        return JSONResponse(response, headers=headers)
    return await followed(held, held.background, str(response["id"]), principal.id, headers=headers)


async def followed(
    held: Services,
    background: Background,
    response_id: str,
    owner: str,
    starting_after: int | None = None,
    *,
    headers: dict[str, str],
    ends: AsyncExitStack | None = None,
) -> EventStream:
    """Return the stream of a background run; it ends with its client, and the run goes on.

    Args:
        held: The app's services.
        background: The runs.
        response_id: Which one.
        owner: Who asks.
        starting_after: The last event that the client has.
        headers: More headers.
        ends: Closed with the stream: for a run that shall not go on. Without it the stream is cut at once where the
            server ends, as its client can come back.

    Raises:
        ApiError: There is no such run of this owner.
    """
    stack = ends or AsyncExitStack()
    events = await stack.enter_async_context(background.subscribe(response_id, owner, starting_after))

    async def frames() -> AsyncIterator[ServerSentEvent]:
        async for told in events:
            yield named_frame(told)

    ending = ENDING_SECONDS if ends is not None else 0.0
    return EventStream(frames(), stack, keep_alive=held.settings.keep_alive, headers=headers, ending=ending)

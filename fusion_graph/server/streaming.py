"""A run as a stream of server-sent events, for any of the APIs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any, Protocol

from sse_starlette import ServerSentEvent
from starlette.requests import Request

from fusion_graph.server.error_responses import internal_error, log_failure
from fusion_graph.server.errors import ApiError
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.run_events import RunEvent
from fusion_graph.server.running import Run, Start, running
from fusion_graph.server.sse import EventStream

Wire = list[dict[str, Any]]
Ended = Callable[["Run", "WireStream"], Awaitable[None]]


class WireStream(Protocol):
    """Makes an API's events."""

    def opening(self) -> Wire:
        """Return the events that need no run."""

    def feed(self, event: RunEvent) -> Wire:
        """Take in one event of the run."""

    def fail(self, error: ApiError) -> Wire:
        """End the stream with an error."""


async def stream_run(
    request: Request,
    start: Start,
    *,
    make: Callable[[RunPlan], WireStream],
    frame: Callable[[dict[str, Any]], ServerSentEvent],
    end: tuple[ServerSentEvent, ...] = (),
    ended: Ended | None = None,
) -> EventStream:
    """Start a run, and return the stream that ends it.

    Args:
        request: The request.
        start: What the run starts from.
        make: Makes the API's stream, given the plan as it is run.
        frame: Makes a server-sent event of one of its events.
        end: What is sent after the last one.
        ended: Called once the run has ended, before its last events are sent.

    Raises:
        ApiError: There is no room, or the run cannot start.
    """
    stack = AsyncExitStack()
    try:
        run = await stack.enter_async_context(running(start))
        await run.begin()
    except BaseException:
        await stack.aclose()
        raise
    wire = make(run.plan)

    async def frames() -> AsyncIterator[ServerSentEvent]:
        for told in wire.opening():
            yield frame(told)
        async with aclosing(_wire(run, wire, request, ended)) as events:
            async for told in events:
                yield frame(told)
        for last in end:
            yield last

    keep_alive = start.services.settings.keep_alive
    return EventStream(frames(), stack, keep_alive=keep_alive, headers={"x-generation-id": start.id})


async def _wire(
    run: Run, wire: WireStream, request: Request, ended: Ended | None
) -> AsyncGenerator[dict[str, Any], None]:
    try:
        async with aclosing(run.events()) as events:
            async for event in events:
                told = wire.feed(event)
                if run.result is not None and ended is not None:
                    await ended(run, wire)
                for one in told:
                    yield one
    except ApiError as error:
        for one in wire.fail(error):
            yield one
    except Exception as error:  # noqa: BLE001 - the boundary: the status is sent, so the stream itself has to say it
        log_failure(error, request.scope.get("request_id"))
        for one in wire.fail(internal_error()):
            yield one

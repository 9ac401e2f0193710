"""Server-sent events: one JSON object each, comments while nothing happens, and an end that leaves nothing open."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send
from typing_extensions import override

SEND_SECONDS = 120.0
"""A client that takes nothing for this long is gone."""
ENDING_SECONDS = 9.0
"""What a run's stream has left once the server is told to end; less than the server itself waits."""
KEEP_ALIVE = "FUSION PROCESSING"


class EventStream(EventSourceResponse):
    """A stream that owns what makes it.

    Args:
        frames: The events.
        stack: What is closed at the end, however the stream ends: the run, and its room.
        keep_alive: Seconds between two comments.
        headers: More headers.
        ending: Seconds that it has left once the server is told to end.
    """

    def __init__(
        self,
        frames: AsyncIterator[ServerSentEvent],
        stack: AsyncExitStack,
        *,
        keep_alive: float,
        headers: Mapping[str, str],
        ending: float = ENDING_SECONDS,
    ) -> None:
        self._stack = stack
        super().__init__(
            frames,
            headers=headers,
            ping=keep_alive,
            ping_message_factory=lambda: ServerSentEvent(comment=KEEP_ALIVE, sep="\n"),
            sep="\n",
            send_timeout=SEND_SECONDS,
            shutdown_grace_period=ending,
        )

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            return
        finally:
            with anyio.CancelScope(shield=True):
                await self._stack.aclose()


def frame(data: Mapping[str, Any], event: str | None = None) -> ServerSentEvent:
    """Make one event.

    Args:
        data: What it carries.
        event: Its name, where the API names its events.
    """
    return ServerSentEvent(data=json.dumps(data, ensure_ascii=False, separators=(",", ":")), event=event, sep="\n")


def named_frame(data: Mapping[str, Any]) -> ServerSentEvent:
    """Make one event whose name is its `type`."""
    return frame(data, str(data["type"]))


DONE = ServerSentEvent(data="[DONE]", sep="\n")
"""The end of a stream of chat chunks."""

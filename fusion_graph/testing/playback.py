"""Plays one reply over HTTP, and stops as soon as the client has left."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from starlette.types import Receive, Scope, Send

from fusion_graph.testing.calls import CallLog, ReceivedCall
from fusion_graph.testing.faults import Fault
from fusion_graph.testing.replies import Completion, Malformed, Reply
from fusion_graph.testing.script import Script
from fusion_graph.testing.wire import chunks, late_error, whole

_JSON = "application/json"
_EVENTS = "text/event-stream; charset=utf-8"


class Playback:
    """The ASGI response to one call."""

    def __init__(self, call: ReceivedCall, script: Script | Fault, log: CallLog) -> None:
        """Prepare a response.

        Args:
            call: The call.
            script: The script of its model, or the error for a model that has none.
            log: Where the call is recorded.
        """
        self._call = call
        self._script = script
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the call.

        Args:
            scope: The request's scope; its state holds `drop`, which closes the connection.
            receive: Where the client's leaving shows.
            send: Where the response goes.
        """
        outlet = _Outlet(self._call, send, scope["state"]["drop"])
        with self._log.open(self._call):
            async with anyio.create_task_group() as group:
                group.start_soon(self._leave_with_client, receive, group.cancel_scope)
                await _play(await self._reply(), self._call, outlet)
                group.cancel_scope.cancel()

    async def _leave_with_client(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            continue
        ours = self._call.completed or self._call.cut or self._log.closing
        self._call.disconnected = not ours
        scope.cancel()

    async def _reply(self) -> Reply:
        if isinstance(self._script, Fault):
            return self._script
        try:
            return await self._script.answer(self._call)
        except Exception as error:  # noqa: BLE001 - a script's error is kept for the test, which raises it
            self._log.script_errors.append(error)
            return Fault(500, f"The script of {self._call.model!r} raised {error!r}.", code="script_error")


class _Outlet:
    """The response as it is written; keeps the call's record."""

    def __init__(self, call: ReceivedCall, send: Send, drop: Callable[[], None]) -> None:
        self._call = call
        self._send = send
        self._drop = drop

    async def start(self, status: int, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        pairs = {"content-type": content_type, **(headers or {})}
        raw = [(name.encode(), value.encode()) for name, value in pairs.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})
        self._call.status = status

    async def write(self, text: str) -> None:
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def event(self, data: str) -> None:
        await self.write(f"data: {data}\n\n")

    async def finish(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        self._call.completed = not self._call.cut

    async def cut(self) -> None:
        self._call.cut = True
        self._drop()
        await anyio.sleep_forever()


async def _play(reply: Reply, call: ReceivedCall, outlet: _Outlet) -> None:
    await anyio.sleep(reply.delay)
    if isinstance(reply, Fault):
        await _send_json(outlet, reply.status, {"error": reply.error()}, reply.headers())
    elif isinstance(reply, Malformed):
        await _play_malformed(reply, call, outlet)
    elif isinstance(reply, Completion) and call.stream:
        await _play_stream(reply, call, outlet)
    elif isinstance(reply, Completion):
        await _play_whole(reply, call, outlet)


async def _play_malformed(reply: Malformed, call: ReceivedCall, outlet: _Outlet) -> None:
    await outlet.start(200, _EVENTS if call.stream else reply.content_type)
    await (outlet.event(reply.body) if call.stream else outlet.write(reply.body))
    await outlet.finish()


async def _play_whole(reply: Completion, call: ReceivedCall, outlet: _Outlet) -> None:
    call.cut = reply.cut_after is not None
    if call.cut and reply.cut_with is None:
        await outlet.cut()
    await _send_json(outlet, 200, whole(reply, call))


async def _play_stream(reply: Completion, call: ReceivedCall, outlet: _Outlet) -> None:
    await outlet.start(200, _EVENTS)
    for sent, chunk in enumerate(chunks(reply, call)):
        if sent == reply.cut_after:
            break
        if sent:
            await anyio.sleep(reply.chunk_delay)
        await outlet.event(json.dumps(chunk))
    await _end_stream(reply, call, outlet)


async def _end_stream(reply: Completion, call: ReceivedCall, outlet: _Outlet) -> None:
    call.cut = reply.cut_after is not None
    if reply.cut_with is not None:
        await outlet.event(json.dumps(late_error(reply.cut_with, reply, call)))
    elif call.cut:
        await outlet.cut()
    else:
        await outlet.event("[DONE]")
    await outlet.finish()


async def _send_json(
    outlet: _Outlet, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> None:
    await outlet.start(status, _JSON, headers)
    await outlet.write(json.dumps(body))
    await outlet.finish()

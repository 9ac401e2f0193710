"""A scripted panel behind a really running app, and how the tests of this folder ask it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from fusion_graph.server.planning import ResponsesPlan
from fusion_graph.testing import ReceivedCall, ScriptedServer, ToolCall

ALPHA, BETA, JUDGE, WRITER = "acme/alpha", "bolt/beta", "dune/delta", "echo/omega"
QUESTION = "Does a carbon tax cut emissions?"
DRAFTS = {ALPHA: "It does, by a fifth.", BETA: "It does, slowly."}
ANSWER = "On balance it does, says the panel."
FUSE = {"id": "fusion", "mode": "fuse", "analysis_models": [ALPHA, BETA], "model": JUDGE, "tools": []}
AUTO = {**FUSE, "mode": "auto"}


def analysis(**lists: Any) -> str:
    """A judge's answer: the lists given, the others empty."""
    names = ("consensus", "contradictions", "partial_coverage", "unique_insights", "blind_spots")
    return json.dumps({**{name: [] for name in names}, **lists})


AGREED = analysis(consensus=[{"point": "It does.", "drafts": ["A", "B"], "sources": []}])


def script(server: ScriptedServer) -> None:
    """Let every model do its part."""
    for model, draft in DRAFTS.items():
        server.on(model, draft)
    server.on(JUDGE, AGREED)
    server.on(WRITER, ANSWER)


def convenes(answer: Any) -> Callable[[ReceivedCall], Any]:
    """A calling model that asks the panel first, and then says `answer`."""
    return lambda call: answer if call.tool_results else ToolCall("fusion", {"question": QUESTION})


@dataclass
class Kept:
    """Records that a test can look at."""

    responses: list[tuple[ResponsesPlan, dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    generations: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def response(self, asked: ResponsesPlan, body: dict[str, Any], *, response_id: str, created: int) -> KeptResponse:
        del response_id, created
        return KeptResponse(self, asked, body)

    async def put_generation(self, owner: str, generation: dict[str, Any]) -> None:
        self.generations.append((owner, generation))


@dataclass
class KeptResponse:
    """A Response that a test can look at once it has ended."""

    kept: Kept
    asked: ResponsesPlan
    body: dict[str, Any]
    thread_id: str | None = None

    async def begin(self) -> None:
        """Nothing is kept yet."""

    async def end(self, response: dict[str, Any]) -> None:
        if self.asked.store:
            self.kept.responses.append((self.asked, self.body, response))

    async def close(self, error: BaseException | None) -> None:
        """Nothing is open."""


@dataclass
class Api:
    """A running app.

    Attributes:
        url: Its address.
        app: The app itself.
        models: The scripted model server behind it.
        kept: What it has recorded.
    """

    url: str
    app: FastAPI
    models: ScriptedServer
    kept: Kept

    def body(self, **more: Any) -> dict[str, Any]:
        """A chat request that always deliberates."""
        messages = [{"role": "user", "content": QUESTION}]
        return {"model": WRITER, "messages": messages, "plugins": [FUSE], **more}

    def asks(self, **more: Any) -> dict[str, Any]:
        """A Responses request that always deliberates."""
        return {"model": WRITER, "input": QUESTION, "plugins": [FUSE], **more}

    async def until_idle(self) -> None:
        """Wait until no model is being asked."""
        await self.models.until(lambda: self.models.calls and self.models.open_requests == 0)


@contextmanager
def serving(app: FastAPI, patience: int = 2) -> Iterator[str]:
    """Run an app in a thread of its own, on a free loopback port; yields its address.

    Args:
        app: The app.
        patience: Seconds that requests under way have at the end.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=patience)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(running.serve(sockets=[listener])), name="api", daemon=True)
    thread.start()
    deadline = time.monotonic() + 15
    while not running.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the app did not start")
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join()
        listener.close()


async def events_of(response: httpx.Response) -> list[tuple[str | None, Any]]:
    """Read a stream of server-sent events to its end: name and data of each; comments are `(":", text)`."""
    found: list[tuple[str | None, Any]] = []
    name: str | None = None
    async for line in response.aiter_lines():
        if line.startswith(":"):
            found.append((":", line[1:].strip()))
        elif line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
            found.append((name, data if data == "[DONE]" else json.loads(data)))
        elif not line:
            name = None
    return found

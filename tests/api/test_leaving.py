"""Many clients that leave at any moment, and slow ones: what a process holds afterwards is what it held before."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_house import ALPHA, BETA, FUSE, JUDGE, QUESTION, WRITER, script

from fusion_graph.testing import ScriptedServer, Text

CLIENTS = 200
POOL = 2 * 15
"""Descriptors of SQLite at most: SQLAlchemy's pool opens 15 connections, and those of cancelled requests close while it
opens others; SQLite keeps a closed one's descriptor for the next connection as long as any other holds a lock."""
IDLE = 2
"""Connections to models that the HTTP pool opened for a call that was then not made, and keeps for the next one."""
LONG = " ".join(["word"] * 60)
PRESET = f'[presets.general-fast]\npanel = ["{ALPHA}", "{BETA}"]\njudge = "{JUDGE}"\ntools = []\n'
SERVER = Path(__file__).parent / "watched_server.py"

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")


@dataclass
class Watched:
    """A server process, and what it tells of itself."""

    port: int
    models: ScriptedServer
    before: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def held(self) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as client:
            told: dict[str, Any] = (await client.get("/held")).json()
            return told

    async def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until what it holds is right; returns it, right or not."""
        deadline = time.monotonic() + 15
        while not holds(told := await self.held()) and time.monotonic() < deadline:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
        return told


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    presets, log = folder / "presets.toml", folder / "log"
    presets.write_text(PRESET)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with ScriptedServer() as models, log.open("wb") as out:
        script(models)
        for model in (ALPHA, BETA):
            models.on(model, Text(LONG, delay=0.2, chunk_delay=0.01))
        models.on(WRITER, Text(LONG, chunk_delay=0.01))
        given = [str(folder / "server.sqlite"), models.base_url, str(presets), str(port)]
        env = {name: os.environ[name] for name in ("PATH", "HOME", "VIRTUAL_ENV") if name in os.environ}
        process = subprocess.Popen([sys.executable, str(SERVER), *given], env=env, stdout=out, stderr=out)
        try:
            _wait_until_up(port, process, log)
            yield Watched(port, models)
        finally:
            process.terminate()
            process.wait(timeout=20)
    assert "Traceback" not in log.read_text("utf-8"), log.read_text("utf-8")


def _wait_until_up(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not come up: {log.read_text('utf-8')}")


def _requests(chance: random.Random) -> bytes:
    """Any request, as bytes; long ones have a body that takes a while to send."""
    question = QUESTION + " " * chance.choice([0, 0, 400_000])
    asked: dict[str, Any] = {"model": WRITER, "plugins": [FUSE], "stream": chance.random() < 0.5}
    said = [{"role": "user", "content": question}]
    path, body = chance.choice(
        [
            ("/v1/chat/completions", {**asked, "messages": said}),
            ("/v1/responses", {**asked, "input": question}),
            ("/v1/messages", {**asked, "messages": said, "max_tokens": 500}),
            ("/v1/responses", {**asked, "input": question, "store": False}),
            ("/v1/chat/completions", {"model": "openrouter/fusion", "messages": said, "stream": True}),
            ("/v1/estimate", {**asked, "messages": said}),
        ]
    )
    sent = json.dumps(body).encode()
    key = f"Idempotency-Key: {chance.random()}\r\n" if chance.random() < 0.2 else ""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{key}Content-Length: {len(sent)}\r\n\r\n"
    return head.encode() + sent


async def _leave(port: int, chance: random.Random) -> None:
    """Send some or all of a request, read for a while, and break off, by FIN or by RST."""
    request = _requests(chance)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        if chance.random() < 0.3:
            request = request[: chance.randrange(len(request))]
        writer.write(request)
        reading = asyncio.create_task(reader.read())
        await asyncio.wait({reading}, timeout=chance.random() * 1.5)
        reading.cancel()
        if chance.random() < 0.5:
            writer.transport.abort()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _all_leave(watched: Watched, chance: random.Random, clients: int, seconds: float) -> None:
    async def one() -> None:
        await asyncio.sleep(chance.random() * seconds)
        await _leave(watched.port, chance)

    await asyncio.gather(*[one() for _ in range(clients)])


def _left(now: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """What is more than it was."""
    most = {**before["descriptors"], "server.sqlite": POOL, "server.sqlite-wal": POOL, "gone": 1}
    most["socket"] += IDLE
    kinds = [kind for kind, count in now["descriptors"].items() if count > most.get(kind, 0)]
    more = [name for name in ("runs", "busy", "connections", "tasks") if now[name] > before[name]]
    return [*kinds, *more]


async def _at_rest(watched: Watched, settled: dict[str, Any]) -> dict[str, Any]:
    """Wait for the end of what others left; a few answers take up connections to models that were opened in vain."""
    await watched.until(lambda now: now["runs"] == 0 and now["connections"] == 1)
    for _ in range(3):
        await _answered(watched)
    return await watched.until(lambda now: not _left(now, settled))


async def _answered(watched: Watched) -> None:
    async with httpx.AsyncClient(base_url=watched.url, timeout=30) as client:
        answer = await client.post("/v1/responses", json={"model": WRITER, "input": QUESTION, "plugins": [FUSE]})
    assert answer.json()["status"] == "completed"


@pytest.fixture
async def settled(watched: Watched) -> dict[str, Any]:
    """What it holds once everything was loaded and used."""
    if not watched.before:
        await _all_leave(watched, random.Random(0), 30, seconds=1)
        await watched.until(lambda told: told["runs"] == 0 and told["connections"] == 1)
        await _answered(watched)
        watched.before = await watched.held()
    return watched.before


async def test_of_200_clients_that_leave_at_any_moment_nothing_is_left(
    watched: Watched, settled: dict[str, Any]
) -> None:
    await _all_leave(watched, random.Random(7), CLIENTS, seconds=2)
    told = await _at_rest(watched, settled)
    assert _left(told, settled) == [], f"{told} after {settled}"
    assert told["megabytes"] < settled["megabytes"] + 40
    assert watched.models.open_requests == 0


async def test_slow_readers_hold_no_more_than_the_run_itself(watched: Watched, settled: dict[str, Any]) -> None:
    watched.models.on(WRITER, " ".join(["w" * 2_000] * 300))
    body = json.dumps({"model": WRITER, "input": QUESTION, "plugins": [FUSE], "stream": True}).encode()
    head = f"POST /v1/responses HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    before = len(watched.models.calls_of(WRITER))
    readers = []
    for _ in range(4):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", watched.port))
        sock.sendall(head.encode() + body)
        readers.append(sock)
    await watched.models.until(lambda: len(watched.models.calls_of(WRITER)) >= before + 4, 20)
    await watched.models.until(lambda: watched.models.open_requests == 0, 20)
    waiting = await watched.held()
    assert waiting["megabytes"] < settled["megabytes"] + 80
    for sock in readers:
        sock.close()
    told = await _at_rest(watched, settled)
    assert _left(told, settled) == [], f"{told} after {settled}"

"""`fusion serve`: what it refuses to start with, what it says, and how it ends."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import httpx
import pytest
from api_house import ALPHA, ANSWER, FUSE, QUESTION, WRITER, serving
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mortal_server import MortalServer
from typer.testing import CliRunner

from fusion_graph import Resources
from fusion_graph.cli import app
from fusion_graph.server.app import create_app
from fusion_graph.server.services import OpenGate
from fusion_graph.server.settings import ServerSettings
from fusion_graph.testing import ScriptedServer, Text

BODY = {"model": WRITER, "messages": [{"role": "user", "content": QUESTION}], "plugins": [FUSE]}
WORDS = [f"word{n} " for n in range(8)]


async def test_it_says_where_it_listens_and_no_more_and_lets_a_stream_end_when_it_is_told_to_end(
    scripted: ScriptedServer, sqlite: str, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    scripted.on(WRITER, ANSWER, Text("".join(WORDS), chunk_delay=0.3))
    server = MortalServer(sqlite, scripted.base_url, log)
    try:
        server.wait_until_up()
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            assert (await client.post("/v1/chat/completions", json=BODY)).is_success
            await _list_tools(server.url)
            said = await _streamed_past_the_end(client, server)
        assert server.stop() == -signal.SIGTERM
    finally:
        server.kill()
    assert said == "".join(WORDS)
    told = log.read_text("utf-8").splitlines()
    assert told[0].startswith("fusion-graph listens on ")
    assert len(told) == 5, told


async def _list_tools(url: str) -> None:
    async with (
        streamable_http_client(f"{url}/mcp") as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        await session.list_tools()


async def _streamed_past_the_end(client: httpx.AsyncClient, server: MortalServer) -> str:
    """What a stream says to its `[DONE]`, if the server is told to end at its first word."""
    said, done = "", False
    async with client.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}) as response:
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                done = done or line == "data: [DONE]"
                continue
            if not said:
                server.tell_to_end()
            said += "".join(choice["delta"].get("content", "") for choice in json.loads(line[6:])["choices"])
    assert done
    return said


async def test_who_waits_for_an_answer_is_told_that_the_server_ends(scripted: ScriptedServer) -> None:
    scripted.on(ALPHA, Text("late", delay=60))
    served = create_app(
        ServerSettings(), Resources.from_env({"FUSION_GATEWAY_URL": scripted.base_url}), gate=OpenGate()
    )
    async with httpx.AsyncClient(timeout=30) as client:
        with serving(served, patience=0) as url:
            asked = asyncio.create_task(client.post(f"{url}/v1/chat/completions", json=BODY))
            await scripted.until(lambda: scripted.open_requests == 1 and len(scripted.calls) == 2)
        response = await asked
    assert (response.status_code, response.json()["error"]["code"]) == (503, "server_ended")
    assert response.headers["retry-after"] == "1"
    await scripted.until(lambda: scripted.open_requests == 0)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--database", "{folder}/text.sqlite"], "database: it cannot be opened: file is not a database"),
        (["--database", "postgresql://ada:geheim@127.0.0.1:1/x"], "database: it cannot be opened: connection failed"),
        (["--database", "{folder}/new.sqlite", "--preset", "nope"], "preset: there is no preset 'nope'"),
    ],
)
def test_what_cannot_be_served_is_an_error_in_a_sentence_before_it_listens(
    options: list[str], told: str, tmp_path: Path
) -> None:
    (tmp_path / "text.sqlite").write_text("This is no database, but it is long enough to be looked at." * 20, "utf-8")
    given = [option.replace("{folder}", str(tmp_path)) for option in options]
    refused = CliRunner().invoke(app, ["serve", "--port", "0", *given])
    assert refused.exit_code == 2
    assert told in refused.output
    assert "listens" not in refused.output
    assert "geheim" not in refused.output

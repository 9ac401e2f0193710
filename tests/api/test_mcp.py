"""The MCP server, with the real MCP client: a subprocess on standard input and output, and HTTP."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from api_house import ALPHA, ANSWER, BETA, JUDGE, QUESTION, Api, script, serving
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from fusion_graph import Resources
from fusion_graph.server.app import create_app
from fusion_graph.server.database import opened
from fusion_graph.server.keys import Keys
from fusion_graph.server.settings import ServerSettings
from fusion_graph.testing import Fault, ScriptedServer

PRESETS = f"""
[presets.house]
description = "Two seats"
panel = ["{ALPHA}", "{BETA}"]
judge = "{JUDGE}"
writer = "echo/omega"
tools = []
"""


@asynccontextmanager
async def over_http(url: str, key: str | None = None) -> AsyncIterator[ClientSession]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx.AsyncClient(headers=headers, timeout=30) as http,
        streamable_http_client(f"{url}/mcp", http_client=http) as (read, write, _),
        ClientSession(read, write, read_timeout_seconds=timedelta(seconds=30)) as session,
    ):
        await session.initialize()
        yield session


async def test_the_tool_says_what_it_takes_and_gives(api: Api):
    async with over_http(api.url) as session:
        (tool,) = (await session.list_tools()).tools
    assert tool.name == "fusion"
    assert set(tool.inputSchema["properties"]) == {"question", "preset", "panel", "mode"}
    assert tool.inputSchema["required"] == ["question"]
    assert {"answer", "analysis", "sources", "receipt"} <= set(tool.outputSchema["properties"])
    assert tool.annotations.readOnlyHint is True


async def test_a_question_comes_back_with_answer_analysis_and_receipt_and_progress_on_the_way(api: Api):
    told: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async with over_http(api.url) as session:
        result = await session.call_tool(
            "fusion", {"question": QUESTION, "panel": [JUDGE, BETA]}, progress_callback=hear
        )
    assert result.isError is False
    found = result.structuredContent
    assert found["answer"]
    assert [entry["model"] for entry in found["responses"]] == [JUDGE, BETA]
    assert found["receipt"]["totals"]["calls"] == 4
    assert found["answer"] in result.content[0].text
    assert [one[0] for one in told] == sorted({one[0] for one in told})
    assert any(message and "has a draft" in message for _, _, message in told)
    assert told[-1][2] == "done"


async def test_analyze_gives_the_comparison_without_prose(api: Api):
    async with over_http(api.url) as session:
        result = await session.call_tool("fusion", {"question": QUESTION, "panel": [JUDGE, BETA], "mode": "analyze"})
    assert result.structuredContent["answer"] is None
    assert set(result.structuredContent["analysis"]) >= {"consensus", "blind_spots"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"question": ""}, "question"),
        ({"question": QUESTION, "preset": "no-such"}, "no-such"),
        ({"question": QUESTION, "panel": ["openrouter/fusion"]}, "fusion"),
        ({"question": QUESTION, "mode": "guess"}, "mode"),
    ],
)
async def test_bad_arguments_are_named_and_no_model_is_asked(api: Api, arguments: dict[str, object], said: str):
    async with over_http(api.url) as session:
        result = await session.call_tool("fusion", arguments)
    assert result.isError is True
    assert said in result.content[0].text
    assert api.models.calls == []


async def test_a_panel_without_any_draft_is_an_error_that_says_why(api: Api):
    for model in (ALPHA, BETA):
        api.models.on(model, Fault(402))
    async with over_http(api.url) as session:
        result = await session.call_tool("fusion", {"question": QUESTION, "panel": [ALPHA, BETA]})
    assert result.isError is True
    assert "insufficient_credits" in result.content[0].text


async def test_over_http_the_gate_is_the_same(server: ScriptedServer, resources: Resources, tmp_path: Path):
    script(server)
    settings = ServerSettings(database=str(tmp_path / "s.sqlite"))
    async with opened(settings) as database:
        _, secret = await Keys(database).add("agent")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accepts = {"accept": "application/json, text/event-stream"}
    with serving(create_app(settings, resources)) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            refused = await client.post("/mcp", json=call, headers=accepts)
        assert refused.status_code == 401
        async with over_http(url, secret) as session:
            assert len((await session.list_tools()).tools) == 1


async def test_on_standard_input_a_preset_of_the_operator_answers(server: ScriptedServer, tmp_path: Path):
    script(server)
    presets = tmp_path / "presets.toml"
    presets.write_text(PRESETS)
    started = StdioServerParameters(
        command=sys.executable,
        args=["-m", "fusion_graph.cli", "mcp", "--presets-file", str(presets), "--gateway-url", server.base_url],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    async with (
        stdio_client(started) as (read, write),
        ClientSession(read, write, read_timeout_seconds=timedelta(seconds=40)) as session,
    ):
        await session.initialize()
        result = await session.call_tool("fusion", {"question": QUESTION, "preset": "house"})
    assert result.isError is False, result.content
    assert result.structuredContent["answer"] == ANSWER

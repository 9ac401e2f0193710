"""The server's own MCP endpoint: the three graphs are tools for any MCP client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from langgraph_dev import REPOSITORY, LangGraphDev
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextContent
from scripted_panel import QUESTION, comparison

from fusion_graph.presets import load_catalog
from fusion_graph.testing import ScriptedServer


@asynccontextmanager
async def mcp_session(server: LangGraphDev) -> AsyncIterator[ClientSession]:
    async with (
        streamable_http_client(f"{server.url}/mcp") as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


async def test_the_graphs_are_listed_with_our_descriptions(langgraph: LangGraphDev) -> None:
    async with mcp_session(langgraph) as session:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}

    graphs = json.loads((REPOSITORY / "langgraph.json").read_text("utf-8"))["graphs"]
    assert {name: tool.description for name, tool in tools.items() if name in graphs} == {
        name: graph["description"] for name, graph in graphs.items()
    }
    assert tools["fusion"].inputSchema["required"] == ["messages"]


async def test_a_call_of_fusion_runs_the_panel_of_the_gateway(langgraph: LangGraphDev, models: ScriptedServer) -> None:
    catalog = load_catalog()
    high = catalog.preset("general-high")
    for seat in high.seats():
        models.on(catalog.aliases[seat.model], "It does.")
    models.on(catalog.aliases[high.judge or ""], "It does.", comparison(), "It does, says the panel of the preset.")

    async with mcp_session(langgraph) as session:
        result = await session.call_tool("fusion", {"messages": [{"role": "user", "content": QUESTION}]})

    assert not result.isError
    assert isinstance(result.content[0], TextContent)
    assert "It does, says the panel of the preset." in result.content[0].text

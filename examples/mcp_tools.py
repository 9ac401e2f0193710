"""An MCP server's tools in the hands of the panel.

    pip install 'fusion-graph[mcp]'
    python examples/mcp_tools.py "Which of the two plants is cheaper to run at 55 dollars a tonne?"

The MCP server is this very file, started with --serve and spoken to over stdio; any other one works the same
way. Models are those that the environment offers, and must be able to call tools.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.sessions import StdioConnection
from langchain_mcp_adapters.tools import load_mcp_tools
from mcp.server.fastmcp import FastMCP

from fusion_graph import FusionConfig, Resources, build_fusion_graph

QUESTION = "Which of the two plants, north or south, is cheaper to run at 55 dollars a tonne?"
TONNES = {"north": 1200, "south": 800}
PLANTS: StdioConnection = {"transport": "stdio", "command": sys.executable, "args": [__file__, "--serve"]}


def serve() -> None:
    """Run the MCP server: one tool, over stdio."""
    server = FastMCP("plants", log_level="WARNING")

    @server.tool()
    def yearly_tax(plant: str, dollars_per_tonne: float) -> str:
        """Say what a carbon tax costs a plant per year; plants are `north` and `south`."""
        return f"{plant}: {TONNES[plant] * dollars_per_tonne:,.0f} dollars a year"

    server.run("stdio")


async def main(question: str = QUESTION) -> None:
    async with MultiServerMCPClient({"plants": PLANTS}).session("plants") as session:
        tools = await load_mcp_tools(session)
        config = FusionConfig(tools=[tool.name for tool in tools])
        graph = build_fusion_graph(config, resources=replace(Resources.from_env(), tools=tools))
        output: dict[str, Any] = await graph.ainvoke({"messages": [HumanMessage(question)]})
    print(output["messages"][-1].text)
    print({seat["label"]: seat["tool_calls"] for seat in output["receipt"]["seats"]})


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve()
    else:
        asyncio.run(main(*sys.argv[1:]))

"""A scripted panel with known prices, and how the tests of this folder run it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.tools import BaseTool, tool

from fusion_graph import (
    FusionConfig,
    Gateway,
    Resources,
    build_deliberation_graph,
    build_fusion_agent,
    build_fusion_graph,
)
from fusion_graph.graph import Graph
from fusion_graph.testing import ReceivedCall, Reply, ScriptedServer, Text, ToolCall, Usage

QUESTION = "Does a carbon tax cut emissions?"
SEATS = ("acme/alpha", "bolt/beta", "core/gamma")
JUDGE, WRITER, UNPRICED = "dune/delta", "echo/omega", "fog/free"
EMPTY = {"consensus": [], "contradictions": [], "partial_coverage": [], "unique_insights": [], "blind_spots": ["b"]}
ANALYSIS = json.dumps(EMPTY)
CALL = Usage(1000, 1000)
"""What a scripted call reports unless a test says otherwise."""
COST = 0.11
"""What that costs at the house's prices: 10 dollars a million in, 100 out."""
CAP = 1000


@tool
def look(query: str) -> str:
    """Look something up."""
    return f"found {query}"


def seeker(turns: int, text: str = "A draft.", usage: Usage | None = CALL) -> Any:
    """A model that looks things up for so many turns, as long as it has tools, and then writes."""

    def answer(call: ReceivedCall) -> Reply:
        done = sum(message["role"] == "tool" for message in call.messages)
        if call.tool_names and done < turns:
            return ToolCall("look", {"query": str(done)}, usage=usage)
        return Text(text, usage=usage)

    return answer


@dataclass
class PricedHouse:
    """The scripted server, and graphs whose gateway it is."""

    server: ScriptedServer
    folder: Path

    def __post_init__(self) -> None:
        for model in (*SEATS, UNPRICED):
            self.server.on(model, seeker(0))
        self.server.on(JUDGE, Text(ANALYSIS, usage=CALL))
        self.server.on(WRITER, Text("The answer.", usage=CALL))
        prices = [f'"{model}" = {{ input = 10, output = 100 }}' for model in (*SEATS, JUDGE, WRITER)]
        self.prices = self.folder / "prices.toml"
        self.prices.write_text("[prices]\n" + "\n".join(prices), "utf-8")

    def resources(self, at_hand: Sequence[BaseTool] = (look,)) -> Resources:
        return Resources(gateway=Gateway(self.server.base_url, ""), presets=self.prices, tools=tuple(at_hand))

    def config(self, **settings: Any) -> FusionConfig:
        base = {
            "panel": list(SEATS),
            "judge": JUDGE,
            "writer": WRITER,
            "tools": ["look"],
            "max_completion_tokens": CAP,
        }
        return FusionConfig.model_validate({**base, **settings})

    def fusion(self, at_hand: Sequence[BaseTool] = (look,), checkpointer: Any = None, **settings: Any) -> Graph:
        config = self.config(**{"tools": [tool.name for tool in at_hand], **settings})
        return build_fusion_graph(config, resources=self.resources(at_hand), checkpointer=checkpointer)

    def deliberation(self, **settings: Any) -> Graph:
        return build_deliberation_graph(self.config(**settings), resources=self.resources())

    def agent(self, **settings: Any) -> Graph:
        return build_fusion_agent(self.config(**settings), resources=self.resources())

    async def ask(self, at_hand: Sequence[BaseTool] = (look,), **settings: Any) -> dict[str, Any]:
        return await ask(self.fusion(at_hand, **settings))


async def ask(graph: Graph, config: Any = None, question: str = QUESTION) -> dict[str, Any]:
    """Run a graph once."""
    return dict(await graph.ainvoke({"messages": [HumanMessage(question)]}, config))


def reasons(output: dict[str, Any]) -> list[tuple[str, str]]:
    """Part and reason of everything that the receipt calls degraded."""
    return [(entry["part"], entry["reason"]) for entry in output["receipt"]["degraded"]]


def parts(receipt: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything on a receipt that made calls."""
    return [part for part in (*receipt["seats"], receipt["judge"], receipt["writer"]) if part and part["calls"]]


def added(amounts: Sequence[float]) -> Decimal:
    """Add amounts as they are written."""
    return sum((Decimal(str(amount)) for amount in amounts), Decimal(0))

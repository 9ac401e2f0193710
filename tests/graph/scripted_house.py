"""A scripted panel, judge and writer, and how the tests of this folder run the graphs on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.tools import BaseTool

from fusion_graph import (
    FusionConfig,
    Resources,
    build_deliberation_graph,
    build_fusion_agent,
    build_fusion_graph,
)
from fusion_graph.testing import ReceivedCall, ScriptedServer

QUESTION = "Does a carbon tax cut emissions?"
ALPHA, BETA, GAMMA = "acme/alpha", "bolt/beta", "core/gamma"
JUDGE, WRITER = "dune/delta", "echo/omega"
ANSWER = "On balance it does, says the panel."


def analysis(**lists: Any) -> str:
    """A judge's answer: the lists given, the others empty."""
    empty: dict[str, Any] = {
        "consensus": [],
        "contradictions": [],
        "partial_coverage": [],
        "unique_insights": [],
        "blind_spots": [],
    }
    return json.dumps({**empty, **lists})


AGREED = analysis(consensus=[{"point": "It does.", "drafts": ["A", "B"], "sources": []}])


def draft_of(model: str) -> str:
    """What a seat's model writes unless a test scripts it otherwise; it does not name the model."""
    return {ALPHA: "It does, by a fifth.", BETA: "It does, slowly.", GAMMA: "It depends."}[model]


@dataclass
class House:
    """The scripted server, and graphs whose gateway it is; they are `Any`, since contexts may be plain dicts."""

    server: ScriptedServer
    resources: Resources

    def __post_init__(self) -> None:
        for model in (ALPHA, BETA, GAMMA):
            self.server.on(model, draft_of(model))
        self.server.on(JUDGE, AGREED)
        self.server.on(WRITER, ANSWER)

    def fusion(self, *, tools: Sequence[BaseTool] = (), checkpointer: Any = None, **settings: Any) -> Any:
        config, resources = config_of(tools, settings), self.with_tools(tools)
        return build_fusion_graph(config, resources=resources, checkpointer=checkpointer)

    def deliberation(self, *, tools: Sequence[BaseTool] = (), checkpointer: Any = None, **settings: Any) -> Any:
        config, resources = config_of(tools, settings), self.with_tools(tools)
        return build_deliberation_graph(config, resources=resources, checkpointer=checkpointer)

    def agent(self, *, own: Sequence[BaseTool] = (), checkpointer: Any = None, **settings: Any) -> Any:
        config = config_of((), settings)
        return build_fusion_agent(config, tools=own, resources=self.resources, checkpointer=checkpointer)

    def with_tools(self, tools: Sequence[BaseTool]) -> Resources:
        return Resources(gateway=self.resources.gateway, tools=tuple(tools))

    async def ask(
        self, messages: Sequence[AnyMessage] | str = QUESTION, *, tools: Sequence[BaseTool] = (), **settings: Any
    ) -> dict[str, Any]:
        """Run the whole graph once, with these settings as its defaults."""
        return await ask(self.fusion(tools=tools, **settings), messages)

    async def stream(
        self, messages: str = QUESTION, *, tools: Sequence[BaseTool] = (), **settings: Any
    ) -> dict[str, Any]:
        """Run the whole graph once with its models streaming, and return the last state."""
        last: dict[str, Any] = {}
        graph = self.fusion(tools=tools, **settings)
        stream = graph.astream(asked(messages), stream_mode=["messages", "values"], subgraphs=True)
        async for namespace, mode, data in stream:
            if mode == "values" and not namespace:
                last = data
        return last

    def calls(self, model: str) -> list[ReceivedCall]:
        return self.server.calls_of(model)


def config_of(tools: Sequence[BaseTool], settings: dict[str, Any]) -> FusionConfig:
    base: dict[str, Any] = {
        "panel": [ALPHA, BETA],
        "judge": JUDGE,
        "writer": WRITER,
        "tools": [tool.name for tool in tools],
    }
    return FusionConfig.model_validate({**base, **settings})


def asked(messages: Sequence[AnyMessage] | str = QUESTION) -> dict[str, Any]:
    """The input of a run."""
    return {"messages": [HumanMessage(messages)] if isinstance(messages, str) else list(messages)}


async def ask(
    graph: Any, messages: Sequence[AnyMessage] | str = QUESTION, config: Any = None, *, context: Any = None
) -> dict[str, Any]:
    """Run a compiled graph once."""
    return dict(await graph.ainvoke(asked(messages), config, context=context))


def system_text(call: ReceivedCall) -> str:
    """The system prompt of a request."""
    return str(next(m["content"] for m in call.messages if m["role"] == "system"))


def user_texts(call: ReceivedCall) -> list[str]:
    """What a request says in the user's name."""
    return [str(m["content"]) for m in call.messages if m["role"] == "user"]


def reasons(output: dict[str, Any]) -> list[tuple[str, str]]:
    """Part and reason of everything that the receipt calls degraded."""
    return [(entry["part"], entry["reason"]) for entry in output["receipt"]["degraded"]]


def seat(output: dict[str, Any], seat_id: str) -> dict[str, Any]:
    """A seat's entry on the receipt."""
    return dict(next(entry for entry in output["receipt"]["seats"] if entry["seat_id"] == seat_id))

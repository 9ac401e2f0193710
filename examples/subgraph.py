"""The fusion graph as a node of another LangGraph agent.

    python examples/subgraph.py "What are the strongest arguments for and against carbon taxes?"

The host answers from its own state and context; the panel is one of its nodes. Models are those that the
environment offers (see .env.example); with none at all, the panel quotes the folder word for word.
The folder is FUSION_CORPUS, else examples/corpus.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from fusion_graph import FusionConfig, Resources, build_fusion_graph

QUESTION = "What are the strongest arguments for and against carbon taxes?"
FOLDER = Path(__file__).parent / "corpus"


@dataclass
class Desk:
    """The host's own context. The panel reads its field `fusion` and nothing else of it."""

    reader: str = "the editor"
    fusion: FusionConfig = field(default_factory=FusionConfig)


class DeskState(MessagesState):
    """The host's own state: of what the panel returns, the keys that are named here."""

    analysis: dict[str, Any] | None
    receipt: dict[str, Any]


def cover_note(state: DeskState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """The host's own last word: what the panel could not settle."""
    disputed = [item["topic"] for item in (state["analysis"] or {}).get("contradictions", [])]
    seats = len(state["receipt"]["seats"])
    unsettled = "; ".join(disputed) if disputed else "nothing"
    return {"messages": [AIMessage(f"For {runtime.context.reader}: {seats} seats were asked. Unsettled: {unsettled}.")]}


def build_desk(resources: Resources) -> CompiledStateGraph[DeskState, Desk, MessagesState, DeskState]:
    """Build the host around the panel."""
    builder = StateGraph(DeskState, context_schema=Desk, input_schema=MessagesState)
    builder.add_node("panel", build_fusion_graph(resources=resources))
    builder.add_node("cover_note", cover_note)
    builder.add_edge(START, "panel")
    builder.add_edge("panel", "cover_note")
    builder.add_edge("cover_note", END)
    return builder.compile(name="desk")


async def main(question: str = QUESTION) -> None:
    resources = Resources.from_env()
    desk = build_desk(replace(resources, corpus=resources.corpus or FOLDER))
    context = Desk(reader="the morning meeting", fusion=FusionConfig(max_tool_calls=3))
    state = await desk.ainvoke({"messages": [HumanMessage(question)]}, context=context)
    for message in state["messages"][1:]:
        print(f"{message.text}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

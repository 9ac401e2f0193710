"""A step is saved before the next one is begun, unless whoever runs the graph asks for less."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from household import BETA, JUDGE, WRITER, House
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from mortal import QUESTION

from fusion_graph import build_deliberation_graph, build_fusion_agent, build_fusion_graph

ASKED: Any = {"messages": [HumanMessage(QUESTION)]}
CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}}


class SlowSaver(InMemorySaver):
    """Takes its time, and remembers when it saved."""

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[tuple[float, float]] = []

    async def aput(self, config: RunnableConfig, *rest: Any) -> RunnableConfig:
        began = time.monotonic()
        await asyncio.sleep(0.1)
        saved = await super().aput(config, *rest)
        if not config["configurable"].get("checkpoint_ns"):
            self.spans.append((began, time.monotonic()))
        return saved


def overlapping(house: House, saver: SlowSaver) -> set[str]:
    """Models that were asked while a step of the graph was still being saved."""
    return {call.model for call in house.server.calls for began, ended in saver.spans if began < call.at < ended}


@pytest.mark.parametrize("build", [build_fusion_graph, build_deliberation_graph, build_fusion_agent])
async def test_no_model_is_asked_before_what_came_before_is_saved(house: House, build: Any) -> None:
    saver = SlowSaver()
    await build(house.config(), resources=house.resources, checkpointer=saver).ainvoke(ASKED, CONFIG)
    assert len(saver.spans) >= 2
    assert overlapping(house, saver) == set()


async def test_a_run_may_ask_for_less(house: House) -> None:
    saver = SlowSaver()
    graph = build_fusion_graph(house.config(), resources=house.resources, checkpointer=saver)
    await graph.ainvoke(ASKED, CONFIG, durability="async")
    assert {BETA, JUDGE, WRITER} <= overlapping(house, saver)

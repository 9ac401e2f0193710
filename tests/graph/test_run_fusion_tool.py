"""`fusion` as a tool of somebody else's agent, and what happens when a part of a fusion calls it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage, ToolMessage
from scripted_house import AGREED, ALPHA, BETA, JUDGE, WRITER, House, ask, config_of, seat

from fusion_graph import FusionConfig, Resources, build_fusion_graph, fusion_tool
from fusion_graph.testing import ReceivedCall, Reply, Text, ToolCall, chat_model

FUSE = ToolCall("fusion", {"question": "The whole question?"})


def inner(house: House) -> FusionConfig:
    """Settings of a fusion that could be started from inside another one."""
    return FusionConfig(panel=[ALPHA], judge=JUDGE, writer=WRITER, tools=[])


async def test_a_panelist_that_tries_to_fuse_is_refused_and_the_run_goes_on(house: House) -> None:
    nested = fusion_tool(inner(house), resources=house.resources)
    told: list[str] = []

    def fusing(call: ReceivedCall) -> Reply:
        if not call.tool_results:
            return ToolCall("fusion", {"question": "Go deeper?"})
        told.extend(call.tool_results)
        return Text("A draft without it.")

    house.server.on(BETA, fusing)
    config = FusionConfig(panel=[BETA], judge=JUDGE, writer=WRITER, tools=["fusion"])
    output = await ask(build_fusion_graph(config, resources=house.with_tools([nested])))
    assert "fusion_invocation_capped" in told[0]
    assert house.calls(ALPHA) == []
    assert output["responses"][0]["content"] == "A draft without it."
    assert seat(output, "seat-1")["outcome"] == "ok"
    assert output["sources"] == []


async def test_a_judge_that_tries_to_fuse_is_refused_too(house: House) -> None:
    nested = fusion_tool(inner(house), resources=house.resources)
    house.server.on(JUDGE, ToolCall("fusion", {"question": "Go deeper?"}), AGREED)
    config = FusionConfig(panel=[BETA], judge=JUDGE, writer=WRITER, tools=["fusion"])
    output = await ask(build_fusion_graph(config, resources=house.with_tools([nested])))
    assert "fusion_invocation_capped" in house.calls(JUDGE)[1].tool_results[0]
    assert house.calls(ALPHA) == []
    assert output["analysis"]["consensus"] == ["It does."]


@pytest.mark.parametrize("mode", ["analyze", "fuse"])
async def test_the_tool_in_somebody_s_agent_returns_plain_data_and_the_whole_output(house: House, mode: Any) -> None:
    fusion = fusion_tool(config_of((), {}), resources=house.resources, mode=mode)
    house.server.on("host/model", FUSE, "Done.")
    agent = create_agent(chat_model(house.server, "host/model"), [fusion])
    output = await agent.ainvoke({"messages": [HumanMessage("Ask the panel.")]})
    message = next(m for m in output["messages"] if isinstance(m, ToolMessage))
    told = json.loads(str(message.text))
    assert told["status"] == "ok"
    assert told["analysis"]["consensus"] == ["It does."]
    assert ("answer" in told) == (mode == "fuse")
    assert len(house.calls(WRITER)) == (1 if mode == "fuse" else 0)
    held = message.artifact["output"]
    assert held["receipt"]["totals"]["calls"] == (4 if mode == "fuse" else 3)
    json.dumps(message.artifact)
    assert output["messages"][-1].text == "Done."


async def test_the_tool_tells_a_misconfiguration_instead_of_raising(house: House) -> None:
    fusion = fusion_tool(FusionConfig(panel=["anthropic:claude-x"], tools=[]), resources=Resources())
    told = json.loads(await fusion.ainvoke({"question": "Why?"}))
    assert (told["status"], told["failure_reason"]) == ("error", "invalid_request")
    assert "ANTHROPIC_API_KEY" in told["error"]

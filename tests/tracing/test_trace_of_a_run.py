from __future__ import annotations

import pytest
from trace_house import ALPHA, BETA, GATEWAY_KEY, JUDGE, WRITER, config, resources, script
from trace_tree import assert_whole, below, drawn, named

from fusion_graph import build_deliberation_graph, build_fusion_agent, build_fusion_graph, fusion_tool
from fusion_graph.testing import Text, ToolCall, Usage, chat_model

QUESTION = {"messages": [("user", "Does it?")]}


@pytest.fixture(autouse=True)
def _scripted(server, monkeypatch):
    monkeypatch.setenv("PLANTED_GATEWAY_API_KEY", GATEWAY_KEY)
    script(server)


async def test_a_run_is_one_tree_whose_root_is_named_by_the_graph(server, recorder):
    await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    runs = recorder.runs
    root = assert_whole(runs, "fusion")
    nodes = [run.name for run in runs if run.parent_run_id == root.id]
    assert nodes == ["fan_out", "panelist", "panelist", "join", "judge", "writer"]
    assert {run.session_name for run in runs} == {"fusion-tests"}


async def test_each_seat_is_a_sub_agent_that_says_who_asked_who_answered_how_it_ended_and_what_it_cost(
    server, recorder
):
    await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    runs = recorder.runs
    (first,), (second,) = named(runs, "seat-1"), named(runs, "seat-2")
    assert "fusion:seat-1" in first.tags
    facts = {
        "fusion_part": "seat-1",
        "seat_id": "seat-1",
        "seat_label": ALPHA,
        "requested_model": ALPHA,
        "served_model": f"{ALPHA}-0425",
        "outcome": "ok",
        "calls": 1,
        "input_tokens": 100,
        "output_tokens": 20,
        "cost_usd": 0.01,
        "cost_is": "known",
    }
    assert facts.items() <= first.metadata.items()
    assert {"seat_role": "The sceptic", "requested_model": BETA, "cost_usd": 0.02}.items() <= second.metadata.items()
    nodes = named(runs, "panelist")
    assert {node.metadata["seat_id"]: node.metadata["outcome"] for node in nodes} == {"seat-1": "ok", "seat-2": "ok"}


async def test_what_a_part_came_to_is_not_said_of_the_runs_below_it(server, recorder):
    await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    runs = recorder.runs
    inner = below(runs, named(runs, "seat-1")[0])
    assert inner
    for run in inner:
        assert run.metadata["seat_id"] == "seat-1"
        assert "outcome" not in run.metadata
        assert "cost_usd" not in run.metadata


async def test_judge_and_writer_say_the_same_and_the_judge_its_rung(server, recorder):
    await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    runs = recorder.runs
    judge = named(runs, "judge", outcome="ok")[0].metadata
    writer = named(runs, "writer", outcome="ok")[0].metadata
    assert (judge["requested_model"], judge["served_model"], judge["rung"]) == (JUDGE, JUDGE, "native")
    assert (writer["requested_model"], writer["served_model"]) == (WRITER, WRITER)
    assert (judge["cost_usd"], writer["cost_usd"]) == (0.03, 0.04)
    assert {tag for run in runs for tag in run.tags or []} >= {"fusion:judge", "fusion:writer"}


async def test_usage_and_reported_cost_stand_in_langsmiths_own_fields(server, recorder):
    output = await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    calls = [run for run in recorder.runs if run.run_type == "llm"]
    used = {run.metadata["fusion_part"]: run.metadata["usage_metadata"] for run in calls}
    assert {part: usage["total_cost"] for part, usage in used.items()} == {
        "seat-1": 0.01,
        "seat-2": 0.02,
        "judge": 0.03,
        "writer": 0.04,
    }
    assert (used["judge"]["input_tokens"], used["judge"]["output_tokens"], used["judge"]["total_tokens"]) == (
        900,
        80,
        980,
    )
    assert {run.metadata["ls_model_name"] for run in calls} == {ALPHA, BETA, JUDGE, WRITER}
    assert "total_cost" not in output["messages"][-1].usage_metadata


async def test_a_cost_that_nobody_reports_is_unknown_and_never_zero(server, recorder):
    for model in (ALPHA, BETA, JUDGE, WRITER):
        server.on(model, Text("It does.", usage=Usage(100, 20)))
    await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    for run in recorder.runs:
        assert "cost_usd" not in run.metadata
        assert "total_cost" not in run.metadata.get("usage_metadata", {})
    assert assert_whole(recorder.runs, "fusion").metadata["cost_is"] == "unknown"


async def test_the_receipt_is_the_roots_output_and_its_sums_are_the_roots_metadata(server, recorder):
    output = await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    root = assert_whole(recorder.runs, "fusion")
    assert root.outputs["receipt"] == output["receipt"]
    facts = {"status": "ok", "seats": 2, "drafts": 2, "calls": 4, "cost_usd": 0.1, "cost_is": "known", "degraded": []}
    assert facts.items() <= root.metadata.items()
    assert (root.metadata["input_tokens"], root.metadata["output_tokens"]) == (1810, 170)


async def test_a_deliberation_ends_with_the_judge(server, recorder):
    await build_deliberation_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    root = assert_whole(recorder.runs, "deliberation")
    assert (root.metadata["status"], root.metadata["rung"]) == ("ok", "native")
    assert not named(recorder.runs, "writer")


async def test_a_streamed_run_is_traced_the_same(server, recorder):
    graph = build_fusion_graph(config(), resources=resources(server))
    async for _ in graph.astream(QUESTION, stream_mode=["messages", "custom"], subgraphs=True):
        pass
    runs = recorder.runs
    root = assert_whole(runs, "fusion")
    assert root.metadata["cost_usd"] == 0.1
    costs = [run.metadata["usage_metadata"]["total_cost"] for run in runs if run.run_type == "llm"]
    assert sorted(costs) == [0.01, 0.02, 0.03, 0.04]


async def test_the_agents_panel_lies_inside_its_tool_call(server, recorder):
    asks = ToolCall("fusion", {"question": "Does it?"}, usage=Usage(10, 5, cost=0.005))
    server.on(WRITER, asks, Text("It does.", usage=Usage(10, 5, cost=0.005)))
    agent = build_fusion_agent(config(), resources=resources(server))
    await agent.ainvoke(QUESTION, context={"tool_choice": "required"})
    runs = recorder.runs
    root = assert_whole(runs, "fusion_agent")
    (call,) = [run for run in runs if run.run_type == "tool"]
    (panel,) = named(runs, "deliberation")
    assert panel.parent_run_id == call.id
    assert {run.metadata["seat_id"] for run in below(runs, panel) if run.name == "panelist"} == {"seat-1", "seat-2"}
    caller = next(run for run in named(runs, "caller") if "outcome" in run.metadata)
    assert (caller.metadata["requested_model"], caller.metadata["cost_usd"]) == (WRITER, 0.01)
    assert panel.metadata["cost_usd"] == 0.06
    assert root.metadata["cost_usd"] == 0.07


async def test_the_tool_of_anybodys_agent_lies_inside_the_agents_tree(server, recorder):
    from langchain.agents import create_agent

    server.on("eve/caller", ToolCall("fusion", {"question": "Does it?"}), Text("It does."))
    tool = fusion_tool(config(), resources=resources(server), mode="fuse")
    agent = create_agent(chat_model(server, "eve/caller"), [tool], name="mine")
    await agent.ainvoke(QUESTION)
    runs = recorder.runs
    assert_whole(runs, "mine")
    (fused,) = named(runs, "fusion", status="ok")
    assert named(runs, "writer", outcome="ok")[0] in below(runs, fused)


async def test_the_tree_can_be_drawn(server, recorder):
    await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    lines = drawn(recorder.runs).splitlines()
    assert lines[0].startswith("fusion  status=ok")
    assert lines[2].startswith("   panelist  seat_id=seat-1  outcome=ok")
    assert lines[-1].strip().startswith("writer  dora/writer: 700 + 40 tokens")

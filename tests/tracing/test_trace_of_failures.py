from __future__ import annotations

import asyncio

import pytest
from trace_house import ALPHA, BETA, GATEWAY_KEY, JUDGE, WRITER, config, resources, script
from trace_tree import assert_whole, below, named

from fusion_graph import build_fusion_graph
from fusion_graph.testing import Fault, Text

QUESTION = {"messages": [("user", "Does it?")]}


@pytest.fixture(autouse=True)
def _scripted(server, monkeypatch):
    monkeypatch.setenv("PLANTED_GATEWAY_API_KEY", GATEWAY_KEY)
    script(server)


async def test_a_failed_seat_is_an_error_in_the_tree_and_says_which(server, recorder):
    server.on(BETA, Fault(402))
    await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    runs = recorder.runs
    root = assert_whole(runs, "fusion")
    (seat,) = named(runs, "seat-2")
    assert (seat.metadata["outcome"], seat.metadata["failure"]) == ("failed", "insufficient_credits")
    assert (seat.metadata["cost_is"], "served_model" in seat.metadata) == ("unknown", False)
    assert "Insufficient credits" in seat.error
    (node,) = named(runs, "panelist", seat_id="seat-2")
    assert (node.metadata["outcome"], node.error) == ("failed", None)
    assert root.metadata["degraded"] == ["seat-2: seat_failed"]
    assert (root.metadata["drafts"], root.metadata["cost_is"], root.error) == (1, "at_least", None)


async def test_a_seat_that_was_refused_or_stayed_empty_says_so(server, recorder):
    server.on(ALPHA, Text(refusal="I will not.")).on(BETA, Text(""))
    await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    runs = recorder.runs
    outcomes = {seat: named(runs, seat)[0].metadata["outcome"] for seat in ("seat-1", "seat-2")}
    assert outcomes == {"seat-1": "refused", "seat-2": "empty"}
    root = assert_whole(runs, "fusion")
    assert (root.metadata["status"], root.metadata["failure_reason"]) == ("error", "all_panels_failed")


async def test_a_seat_that_ran_out_of_time_has_ended_in_the_tree_with_its_model_call(server, recorder):
    server.on(BETA, Text("late", delay=30))
    await build_fusion_graph(config(seat_timeout=0.3), resources=resources(server)).ainvoke(QUESTION)
    runs = recorder.runs
    assert_whole(runs, "fusion")
    (seat,) = named(runs, "seat-2")
    assert seat.metadata["outcome"] == "timed_out"
    (call,) = [run for run in below(runs, seat) if run.run_type == "llm"]
    assert "CancelledError" in call.error


async def test_a_straggler_that_a_quorum_cut_off_is_marked(server, recorder):
    server.on(BETA, Text("late", delay=30))
    await build_fusion_graph(config(quorum=1, grace=0.0), resources=resources(server)).ainvoke(QUESTION)
    runs = recorder.runs
    assert_whole(runs, "fusion")
    assert named(runs, "seat-2")[0].metadata["outcome"] == "timed_out"


@pytest.mark.parametrize("late", [ALPHA, JUDGE, WRITER])
async def test_a_cancelled_run_leaves_no_run_open(server, recorder, late):
    server.on(late, Text("late", delay=30))
    task = asyncio.create_task(build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION))
    await server.until(lambda: len(server.calls_of(late)) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    runs = recorder.runs
    root = assert_whole(runs, "fusion")
    assert "CancelledError" in root.error
    if late == ALPHA:
        assert named(runs, "seat-1")[0].metadata["outcome"] == "cancelled"
        assert named(runs, "panelist", seat_id="seat-1")[0].error


async def test_a_judge_and_a_writer_that_failed_say_so(server, recorder):
    server.on(JUDGE, Text("no json")).on(WRITER, Fault(500))
    await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    runs = recorder.runs
    root = assert_whole(runs, "fusion")
    assert named(runs, "judge", outcome="judge_not_valid_json", calls=2)
    (writer,) = named(runs, "writer", outcome="failed")
    assert writer.metadata["failure"] == "upstream"
    assert len([run for run in below(runs, writer) if run.error]) == 3
    assert {"judge: judge_not_valid_json", "writer: writer_failed"} <= set(root.metadata["degraded"])


async def test_a_fallback_model_that_took_over_is_named(server, recorder):
    server.on(BETA, Fault(404))
    panel = [{"model": ALPHA}, {"model": BETA, "fallbacks": [ALPHA]}]
    await build_fusion_graph(config(panel=panel), resources=resources(server)).ainvoke(QUESTION)
    facts = named(recorder.runs, "seat-2")[0].metadata
    assert (facts["requested_model"], facts["answered_by"], facts["served_model"]) == (BETA, ALPHA, f"{ALPHA}-0425")


async def test_a_run_refused_for_its_config_is_a_failed_root(server, recorder):
    graph = build_fusion_graph(config(tools=["no_such_tool"]), resources=resources(server))
    with pytest.raises(ValueError, match="no_such_tool"):
        await graph.ainvoke(QUESTION)
    assert "no_such_tool" in assert_whole(recorder.runs, "fusion").error

"""Quorum, grace and a person's review on a real LangGraph Server, where settings and answers come as JSON."""

from __future__ import annotations

from typing import Any

from langgraph_sdk.client import LangGraphClient
from scripted_panel import Panel, asked

from fusion_graph.testing import ScriptedServer, Text

NEVER = Text("too late", delay=60)


async def test_a_straggler_is_cut_off_on_the_server(
    client: LangGraphClient, panel: Panel, models: ScriptedServer
) -> None:
    panel.says("gamma", NEVER)
    seats = [panel.model(part) for part in ("alpha", "beta", "gamma")]
    context = panel.context(*seats, quorum=2, grace=0.3)

    output: Any = await client.runs.wait(None, "fusion", input=asked(), context=context)

    assert [seat["outcome"] for seat in output["receipt"]["seats"]] == ["ok", "ok", "timed_out"]
    assert output["receipt"]["seats"][2]["failure"]["kind"] == "straggler"
    assert output["receipt"]["totals"]["calls"] == 5
    assert output["messages"][-1]["content"] == "It does, says the panel."
    (straggler,) = panel.calls("gamma")
    await models.until(lambda: straggler.disconnected)
    assert panel.calls("judge")[0].at - straggler.at < 20


async def test_a_run_waits_for_a_person_and_goes_on_with_what_was_changed(
    client: LangGraphClient, panel: Panel
) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    context = panel.context(review=["judge", "writer"])
    await client.runs.wait(thread_id, "fusion", input=asked(), context=context)
    (stop,) = [one for task in (await client.threads.get_state(thread_id))["tasks"] for one in task["interrupts"]]
    assert [draft["seat_id"] for draft in stop["value"]["drafts"]] == ["seat-1", "seat-2"]

    wrong: Any = {"resume": {"drop": ["nobody"]}}
    again: Any = await client.runs.wait(thread_id, "fusion", command=wrong)
    assert "drop: 'nobody' has no draft" in again["__interrupt__"][0]["value"]["problem"]
    right: Any = {"resume": {"drop": ["seat-1"]}}
    later: Any = await client.runs.wait(thread_id, "fusion", command=right)
    assert later["__interrupt__"][0]["value"]["review"] == "writer"
    output: Any = await client.runs.wait(thread_id, "fusion", command={"resume": True})

    assert output["messages"][-1]["content"] == "It does, says the panel."
    assert [(edit["what"], edit["seat_id"]) for edit in output["receipt"]["edits"]] == [("dropped", "seat-1")]
    assert "by a fifth" not in panel.calls("judge")[0].prompt
    assert [len(panel.calls(part)) for part in ("alpha", "beta", "judge", "writer")] == [1, 1, 1, 1]

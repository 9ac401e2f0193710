from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from priced_house import (
    ANALYSIS,
    CALL,
    CAP,
    COST,
    JUDGE,
    QUESTION,
    SEATS,
    UNPRICED,
    WRITER,
    PricedHouse,
    ask,
    look,
    reasons,
    seeker,
)

from fusion_graph import ConfigError, Seat
from fusion_graph.errors import LimitTooLowError
from fusion_graph.testing import Fault, Text, ToolCall, ToolCalls, Usage

ALPHA, BETA, GAMMA = SEATS


def outcomes(output: dict[str, Any]) -> list[tuple[str, int]]:
    return [(seat["outcome"], seat["calls"]) for seat in output["receipt"]["seats"]]


async def test_an_ample_limit_changes_nothing_and_is_on_the_receipt(house: PricedHouse) -> None:
    free = await house.ask()
    output = await house.ask(max_cost_usd=50, max_total_tokens=10**6)
    assert output["receipt"]["degraded"] == free["receipt"]["degraded"] == []
    assert free["receipt"]["limits"] is None
    assert output["receipt"]["limits"] == {
        "max_cost_usd": 50.0,
        "max_total_tokens": 10**6,
        "counted_usd": output["receipt"]["totals"]["usage"]["cost_usd"],
        "counted_tokens": 10_000,
        "unpriced": [],
    }


@pytest.mark.parametrize("limit", [{"max_cost_usd": 1.2}, {"max_total_tokens": 32_000}])
async def test_near_a_limit_seats_write_without_tools_and_judge_and_writer_finish(house: PricedHouse, limit) -> None:
    for model in SEATS:
        house.server.on(model, seeker(4))
    output = await house.ask(**limit)
    assert output["status"] == "ok"
    assert output["messages"][-1].text == "The answer."
    assert output["analysis"] is not None
    assert [outcome for outcome, _ in outcomes(output)] == ["ok", "ok", "ok"]
    assert all(calls < 5 for _, calls in outcomes(output))
    assert next((part, reason) for part, reason in reasons(output) if part != JUDGE) == ("run", "partial")
    assert {("seat-1", "budget_reached"), ("seat-2", "budget_reached")} <= set(reasons(output))
    counted = output["receipt"]["limits"]
    assert counted["counted_usd"] <= limit.get("max_cost_usd", 10)
    assert counted["counted_tokens"] <= limit.get("max_total_tokens", 10**9)
    last = house.server.calls_of(ALPHA)[-1]
    assert last.tool_names == []


async def test_a_limit_that_suffices_for_some_seats_gives_them_a_draft_and_the_others_a_typed_failure(
    house: PricedHouse,
) -> None:
    for model in SEATS:
        house.server.on(model, seeker(4))
    output = await house.ask(max_cost_usd=0.6)
    assert outcomes(output) == [("ok", 1), ("failed", 0), ("failed", 0)]
    failure = output["receipt"]["seats"][1]["failure"]
    assert failure["kind"] == "budget"
    assert failure["message"] == "no call was made: it might have exceeded max_cost_usd=0.6"
    assert output["messages"][-1].text == "The answer."
    assert output["receipt"]["totals"]["usage"]["cost_usd"] == pytest.approx(3 * COST)


@pytest.mark.parametrize("field", ["max_cost_usd", "max_total_tokens"])
async def test_a_limit_too_low_to_begin_is_an_error_before_anything_is_spent(house: PricedHouse, field) -> None:
    with pytest.raises(LimitTooLowError) as caught:
        await house.ask(**{field: 0.1 if field == "max_cost_usd" else 1000})
    words = str(caught.value)
    assert words.startswith(f"{field}: ")
    assert f"max_completion_tokens ({CAP})" in words
    assert house.server.calls == []
    needed = re.search(r"may take ([0-9.]+) (USD|tokens)", words)
    assert needed is not None
    enough = float(needed[1]) if field == "max_cost_usd" else int(needed[1])
    assert (await house.ask(**{field: enough}))["status"] == "ok"


async def test_parallel_seats_never_have_more_under_way_than_the_limit_allows(house: PricedHouse) -> None:
    for model in SEATS:
        house.server.on(model, Text("A draft.", usage=CALL, delay=0.1))
    output = await house.ask((), max_cost_usd=0.75)
    assert output["receipt"]["limits"]["counted_usd"] <= 0.75
    assert sum(outcome == "ok" for outcome, _ in outcomes(output)) >= 2


async def test_reported_use_above_the_bound_is_an_overshoot_of_one_call_per_seat_and_is_told(
    house: PricedHouse,
) -> None:
    greedy = Usage(1000, 1000, cost=0.9)
    for model in SEATS:
        house.server.on(model, seeker(4, usage=greedy))
    output = await house.ask(max_cost_usd=1.2)
    assert ("run", "budget_exceeded") in reasons(output)
    assert output["receipt"]["totals"]["usage"]["cost_usd"] <= 1.2 + 3 * 0.9 + 2 * COST
    assert output["status"] == "ok"
    assert output["analysis"] is not None
    assert len(house.server.calls_of(JUDGE)) == len(house.server.calls_of(WRITER)) == 1


async def test_a_limit_that_cannot_be_enforced_is_said_at_the_start_and_on_the_receipt(house: PricedHouse) -> None:
    graph = house.fusion(panel=[ALPHA, Seat(model=BETA, fallbacks=[UNPRICED])], max_cost_usd=5)
    events = [event async for event in graph.astream({"messages": [HumanMessage(QUESTION)]}, stream_mode="custom")]
    assert events[0]["type"] == "fusion.started"
    assert events[0]["limits"]["unpriced"] == [UNPRICED]
    output = await ask(graph)
    (entry,) = [entry for entry in output["receipt"]["degraded"] if entry["reason"] == "budget_not_enforceable"]
    assert entry["part"] == "run"
    assert UNPRICED in entry["detail"]
    assert output["receipt"]["limits"]["unpriced"] == [UNPRICED]


async def test_what_an_unpriced_model_reports_is_counted_afterwards_and_tokens_are_limited_all_the_same(
    house: PricedHouse,
) -> None:
    house.server.on(UNPRICED, seeker(4, usage=Usage(1000, 1000, cost=0.3)))
    output = await house.ask(panel=[UNPRICED], max_cost_usd=0.9)
    assert outcomes(output) == [("ok", 2)]
    assert ("seat-1", "budget_reached") in reasons(output)
    house.server.on(UNPRICED, seeker(4))
    output = await house.ask(panel=[UNPRICED], max_total_tokens=30_000)
    assert ("seat-1", "budget_reached") in reasons(output)
    assert output["receipt"]["limits"]["unpriced"] == []


async def test_a_call_that_was_refused_costs_nothing_and_one_that_broke_off_counts_with_the_most(
    house: PricedHouse,
) -> None:
    house.server.on(ALPHA, Fault(503), Fault(429), Text("A draft.", usage=CALL))
    output = await house.ask((), panel=[ALPHA], max_cost_usd=5)
    assert output["receipt"]["limits"]["counted_usd"] == pytest.approx(3 * COST)
    house.server.on(ALPHA, Text("A draft.", usage=CALL, cut_after=1), Text("A draft.", usage=CALL))
    output = await house.ask((), panel=[ALPHA], max_cost_usd=5)
    assert output["receipt"]["totals"]["usage"]["cost_usd"] == pytest.approx(3 * COST)
    assert output["receipt"]["limits"]["counted_usd"] > 3 * COST + CAP * 100 / 10**6


async def test_a_straggler_that_is_cancelled_counts_with_the_most_it_can_have_used(house: PricedHouse) -> None:
    house.server.on(GAMMA, Text("late", delay=5, usage=CALL))
    output = await house.ask((), quorum=2, grace=0.1, max_cost_usd=5)
    assert outcomes(output)[2] == ("timed_out", 1)
    assert output["receipt"]["limits"]["counted_usd"] > 4 * COST + CAP * 100 / 10**6


async def test_a_call_without_usage_counts_with_the_most_it_can_have_used(house: PricedHouse) -> None:
    house.server.on(ALPHA, Text("A draft.", usage=None))
    output = await house.ask((), panel=[ALPHA], max_cost_usd=5, max_total_tokens=10**6)
    assert output["receipt"]["totals"]["usage"]["cost_usd"] == pytest.approx(2 * COST)
    assert output["receipt"]["limits"]["counted_usd"] > 3 * COST - 0.02
    assert output["receipt"]["limits"]["counted_tokens"] > 5000


async def test_long_words_between_tool_calls_stand_as_a_draft_where_no_last_turn_fits(house: PricedHouse) -> None:
    words = "What I found so far is this. " * 10
    wordy = ToolCall("look", {"query": "a"}, usage=Usage(1000, 1000, cost=4.0), content=words)
    house.server.on(ALPHA, wordy, Fault(500), Text("never", usage=CALL))
    house.server.on(UNPRICED, wordy, Text("never", usage=CALL))
    output = await house.ask(panel=[UNPRICED], max_cost_usd=3.0)
    seat = output["receipt"]["seats"][0]
    assert seat["outcome"] in ("ok", "truncated")
    assert ("seat-1", "budget_reached") in reasons(output)


async def test_searches_count_against_the_limit(house: PricedHouse) -> None:
    from langchain_core.tools import tool

    @tool(response_format="content_and_artifact")
    def dear(query: str) -> tuple[str, dict[str, float]]:
        """Look something up for much money."""
        return "found", {"fee_usd": 2.0}

    again = ToolCalls([ToolCall("dear", {"query": "a"}), ToolCall("dear", {"query": "b"})], usage=CALL)
    house.server.on(ALPHA, lambda call: again if call.tool_names else Text("A draft.", usage=CALL))
    output = await house.ask([dear], panel=[ALPHA], max_cost_usd=4.5)
    assert outcomes(output) == [("ok", 2)]
    assert output["receipt"]["limits"]["counted_usd"] == pytest.approx(4.0 + 4 * COST)


async def test_a_judge_that_may_not_go_on_compares_without_tools(house: PricedHouse) -> None:
    def judging(call: Any) -> Any:
        return ToolCall("look", {"query": "a"}, usage=CALL) if call.tool_names else Text(ANALYSIS, usage=CALL)

    house.server.on(JUDGE, judging)
    output = await house.ask(panel=[ALPHA], max_cost_usd=0.8)
    assert output["analysis"] is not None
    assert ("judge", "budget_reached") in reasons(output)
    assert ("run", "partial") in reasons(output)
    assert output["messages"][-1].text == "The answer."


async def test_a_repair_that_does_not_fit_leaves_the_run_without_an_analysis_but_with_an_answer(
    house: PricedHouse,
) -> None:
    house.server.on(JUDGE, Text("no JSON", usage=Usage(1000, 1000, cost=2.0)))
    output = await house.ask((), panel=[ALPHA], max_cost_usd=1.0)
    assert output["analysis"] is None
    assert len(house.server.calls_of(JUDGE)) == 1
    assert output["receipt"]["judge"]["failure"]["kind"] == "budget"
    assert output["messages"][-1].text == "The answer."


async def test_the_deliberation_keeps_nothing_for_a_writer(house: PricedHouse) -> None:
    with pytest.raises(ConfigError, match="writer"):
        await house.ask((), max_cost_usd=0.4)
    output = await ask(house.deliberation(tools=[], max_cost_usd=0.4))
    assert output["status"] == "ok"
    assert output["receipt"]["limits"]["counted_usd"] <= 0.4


async def test_a_calling_model_and_the_panel_it_convenes_share_one_limit(house: PricedHouse) -> None:
    house.server.on(WRITER, ToolCall("fusion", {"question": "Why?"}, usage=CALL), Text("It does.", usage=CALL))
    output = await ask(house.agent(tools=[], max_cost_usd=5))
    receipt = output["receipt"]
    assert receipt["totals"]["usage"]["cost_usd"] == pytest.approx(6 * COST)
    assert receipt["limits"]["counted_usd"] == receipt["totals"]["usage"]["cost_usd"]


async def test_a_calling_model_whose_limit_allows_no_panel_answers_itself(house: PricedHouse) -> None:
    house.server.on(WRITER, ToolCall("fusion", {"question": "Why?"}, usage=CALL), Text("It does.", usage=CALL))
    output = await ask(house.agent(tools=[], max_cost_usd=0.6))
    assert output["messages"][-1].text == "It does."
    assert not output["receipt"]["deliberated"]
    assert house.server.calls_of(ALPHA) == []
    assert output["receipt"]["limits"]["counted_usd"] <= 0.6


@pytest.mark.parametrize("settings", [{"max_cost_usd": 0.2}, {"max_cost_usd": 0.6, "tool_choice": "required"}])
async def test_a_calling_models_limit_too_low_to_begin_is_an_error(house: PricedHouse, settings) -> None:
    with pytest.raises(LimitTooLowError, match="max_cost_usd"):
        await ask(house.agent(tools=[], **settings))
    assert house.server.calls == []


async def test_after_a_resume_what_finished_seats_spent_is_counted(house: PricedHouse) -> None:
    saver, thread = InMemorySaver(), {"configurable": {"thread_id": "t"}}
    house.server.on(GAMMA, Text("late", delay=30))
    first = asyncio.create_task(ask(house.fusion((), checkpointer=saver, max_cost_usd=5), thread))
    while sum(call.completed for call in house.server.calls) < 2:  # noqa: ASYNC110 - the server is another thread
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    house.server.on(GAMMA, Text("A draft.", usage=CALL))
    again = house.fusion((), checkpointer=saver, max_cost_usd=5)
    output = await again.ainvoke(None, thread)
    assert len(house.server.calls_of(ALPHA)) == 1
    assert output["receipt"]["limits"]["counted_usd"] == pytest.approx(5 * COST)


async def test_a_seat_whose_own_model_no_longer_fits_goes_on_with_a_cheaper_fallback(house: PricedHouse) -> None:
    house.prices.write_text(house.prices.read_text() + '\n"cheap/one" = { input = 0.1, output = 0.1 }\n')
    house.server.on("cheap/one", Text("A cheap draft.", usage=CALL))
    seats = [Seat(model=ALPHA), Seat(model=BETA, fallbacks=["cheap/one"])]
    output = await house.ask((look,), panel=seats, max_cost_usd=0.57)
    assert output["receipt"]["seats"][1]["answered_by"] == "cheap/one"
    assert [outcome for outcome, _ in outcomes(output)] == ["ok", "ok"]

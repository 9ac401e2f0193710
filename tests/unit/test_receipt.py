from __future__ import annotations

import json
import time
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from fusion_graph.failures import Failure
from fusion_graph.meter import Meter, Usage
from fusion_graph.outcomes import FoundSource, PanelistOutcome
from fusion_graph.receipt import Degradation, Kinship, PartReceipt, Receipt, SeatReceipt, Shown
from fusion_graph.sources import CitationCheck

COST = st.none() | st.integers(0, 10**9).map(lambda millionths: float(Decimal(millionths) / 10**6))
TOKENS = st.none() | st.integers(0, 10**8)
USAGE = st.builds(Usage, input_tokens=TOKENS, output_tokens=TOKENS, cost_usd=COST)
SEAT = st.builds(
    SeatReceipt,
    seat_id=st.sampled_from(["a", "b", "c"]),
    label=st.just("A"),
    requested_model=st.just("v/a"),
    outcome=st.sampled_from(["ok", "failed", "timed_out", "refused", "empty", "truncated", "cancelled"]),
    calls=st.integers(1, 9),
    tool_calls=st.integers(0, 9),
    usage=USAGE,
)
PART = st.builds(
    PartReceipt, requested_model=st.just("v/j"), calls=st.integers(1, 9), tool_calls=st.integers(0, 9), usage=USAGE
)


def seat(**facts):
    given = {"seat_id": "a", "label": "A", "requested_model": "v/a", "outcome": "ok", "calls": 1}
    return SeatReceipt(**{**given, **facts})


def part(**facts):
    return PartReceipt(**{"requested_model": "v/j", "calls": 1, **facts})


@given(st.lists(SEAT, max_size=8), st.none() | PART, st.none() | PART)
@settings(deadline=None)
def test_the_totals_are_the_sums_of_the_parts(seats, judge, writer):
    receipt = Receipt().amended(seats=seats, judge=judge, writer=writer)
    parts = [*seats, *[one for one in (judge, writer) if one]]
    assert receipt.totals.calls == sum(one.calls for one in parts)
    assert receipt.totals.tool_calls == sum(one.tool_calls for one in parts)
    costs = [Decimal(str(one.usage.cost_usd)) for one in parts if one.usage.cost_usd is not None]
    assert receipt.totals.usage.cost_usd == (float(sum(costs)) if costs else None)
    assert receipt.totals.usage.cost_at_least == any(one.usage.cost_usd is None for one in parts)


@given(st.lists(SEAT, max_size=4), st.none() | PART)
@settings(deadline=None)
def test_any_receipt_is_plain_json_and_comes_back_from_it(seats, judge):
    receipt = Receipt(started_at=time.time()).amended(seats=seats, judge=judge, status="ok")
    state = receipt.as_state()
    assert Receipt.model_validate(json.loads(json.dumps(state, allow_nan=False))) == receipt
    assert Receipt.model_validate(state).as_state() == state


def test_a_full_receipt_comes_back_from_the_state():
    full = Receipt(
        preset="general-high",
        chosen="named in the config",
        seed=2**32 - 1,
        shown_order=[Shown(label="A", seat_id="b")],
        kinship=[Kinship(part="judge", seat_id="a", family="anthropic")],
        rung="repaired",
        citations=CitationCheck(cited=["S1"], citations=2, unregistered=["S9"]),
        started_at=1.0,
    ).amended(
        seats=[seat(failure=Failure(kind="rate_limited", message="slow", status_code=429, retry_after=1.5))],
        judge=part(failure=Failure(kind="timeout", message="late")),
        writer=part(),
        degraded=[Degradation(part="judge", reason="judge_not_valid_json", detail="it is not JSON")],
        status="error",
        failure_reason="all_panels_failed",
    )
    assert Receipt.model_validate(json.loads(json.dumps(full.as_state(), allow_nan=False))) == full


def test_what_was_degraded_adds_up_and_everything_else_is_replaced():
    receipt = Receipt(seed=1)
    for reason in ("one", "two"):
        receipt = receipt.amended(degraded=[Degradation(part="run", reason=reason)], seed=5)
    assert [lost.reason for lost in receipt.amended(status="ok").degraded] == ["one", "two"]
    assert receipt.seed == 5


def test_amending_leaves_the_receipt_before_as_it_was():
    before = Receipt()
    before.amended(status="ok", degraded=[Degradation(part="run", reason="x")], seats=[seat()])
    assert before == Receipt()


def test_a_part_amended_twice_counts_once():
    receipt = Receipt().amended(judge=part(calls=3)).amended(judge=part(calls=5))
    assert receipt.totals.calls == 5


def test_unknown_costs_stay_unknown_in_the_totals_and_never_become_zero():
    totals = Receipt().amended(seats=[seat(), seat(seat_id="b")]).totals
    assert (totals.usage.cost_usd, totals.usage.input_tokens) == (None, None)
    assert totals.usage.cost_at_least


def test_a_part_that_made_no_call_makes_no_sum_uncertain():
    known = Usage(input_tokens=1, output_tokens=1, cost_usd=0.5)
    totals = Receipt().amended(seats=[seat(usage=known), seat(seat_id="b", calls=0, outcome="failed")]).totals
    assert totals.usage == known


def test_the_wall_time_runs_from_the_start_and_is_unknown_without_one():
    assert Receipt().amended().seconds is None
    assert Receipt(started_at=time.time() - 2).amended().seconds == pytest.approx(2, abs=0.5)


def test_a_seats_entry_has_the_outcomes_facts_without_draft_and_sources():
    outcome = PanelistOutcome(
        seat_id="a",
        label="A",
        role="critic",
        model="v/a",
        served_model="v/a-1",
        outcome="truncated",
        content="a long draft",
        sources=[FoundSource(url="https://x.org/a", title="t"), FoundSource(url="https://x.org/b", title="t")],
        usage=Usage(input_tokens=3, output_tokens=2),
        calls=2,
        tool_calls=1,
        latency=1.5,
        finish_reason="length",
    )
    entry = SeatReceipt.of(outcome)
    assert (entry.requested_model, entry.served_model, entry.sources, entry.outcome) == ("v/a", "v/a-1", 2, "truncated")
    assert (entry.calls, entry.tool_calls, entry.latency, entry.usage) == (2, 1, 1.5, outcome.usage)
    assert "a long draft" not in json.dumps(entry.model_dump(mode="json"))


def test_a_parts_entry_counts_that_part_alone():
    meter = Meter()
    for name, served in (("judge", "j-1"), ("writer", "w-1"), ("judge", "j-2")):
        run = uuid4()
        meter.on_chat_model_start({}, [[HumanMessage("?")]], run_id=run, metadata={"fusion_part": name})
        facts = {"model_name": served, "finish_reason": "stop", "token_usage": {"cost": 0.25}}
        message = AIMessage("x", response_metadata=facts)
        meter.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]), run_id=run)
    meter.on_tool_start({}, "{}", metadata={"fusion_part": "judge"})
    entry = PartReceipt.of("judge", "v/j", meter, time.monotonic() - 1)
    assert (entry.requested_model, entry.served_model, entry.calls, entry.tool_calls) == ("v/j", "j-2", 2, 1)
    assert (entry.usage.cost_usd, entry.finish_reason) == (0.5, "stop")
    assert entry.latency == pytest.approx(1, abs=0.5)


def test_a_part_that_never_got_an_answer_names_no_served_model():
    entry = PartReceipt.of("judge", "v/j", Meter(), time.monotonic(), Failure(kind="timeout", message="late"))
    assert (entry.served_model, entry.calls, entry.finish_reason) == (None, 0, None)
    assert entry.failure is not None

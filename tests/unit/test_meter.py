from __future__ import annotations

import json
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from fusion_graph.meter import Meter, Usage, finish_reason, served_model, usage_of

COUNTS = st.none() | st.integers(0, 10**9)
COSTS = st.none() | st.integers(0, 10**10).map(lambda billionths: float(Decimal(billionths) / 10**9))
USAGES = st.builds(
    Usage,
    input_tokens=COUNTS,
    output_tokens=COUNTS,
    cached_tokens=COUNTS,
    reasoning_tokens=COUNTS,
    cost_usd=COSTS,
    tokens_at_least=st.booleans(),
    cost_at_least=st.booleans(),
)


def known(values):
    return [value for value in values if value is not None]


@given(st.lists(USAGES, max_size=8))
@settings(deadline=None)
def test_a_total_is_the_sum_of_what_is_known(parts):
    total = Usage.total(parts)
    for name in ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"):
        values = known(getattr(part, name) for part in parts)
        assert getattr(total, name) == (sum(values) if values else None)
    costs = known(part.cost_usd for part in parts)
    assert total.cost_usd == (float(sum(Decimal(str(cost)) for cost in costs)) if costs else None)


@given(st.lists(USAGES, max_size=6), st.lists(USAGES, max_size=6))
@settings(deadline=None)
def test_totals_of_totals_are_the_total_to_the_last_digit(first, second):
    if first and second:
        assert Usage.total([Usage.total(first), Usage.total(second)]) == Usage.total([*first, *second])


def test_ten_times_ten_cents_is_one_dollar():
    assert Usage.total([Usage(cost_usd=0.1)] * 10).cost_usd == 1.0


def test_a_sum_over_unknowns_alone_is_unknown_and_never_zero():
    total = Usage.total([Usage(), Usage()])
    assert (total.input_tokens, total.output_tokens, total.cost_usd) == (None, None, None)
    assert total.tokens_at_least
    assert total.cost_at_least


def test_nothing_at_all_is_unknown_and_no_lower_bound():
    assert Usage.total([]) == Usage()


def test_what_costs_nothing_is_zero_and_not_unknown():
    assert Usage.total([Usage(input_tokens=0, output_tokens=0, cost_usd=0.0)]).cost_usd == 0.0


@pytest.mark.parametrize(
    ("part", "tokens", "cost"),
    [
        (Usage(input_tokens=1, output_tokens=1, cost_usd=0.1), False, False),
        (Usage(input_tokens=1, output_tokens=1), False, True),
        (Usage(cost_usd=0.1), True, False),
        (Usage(input_tokens=1, cost_usd=0.1), True, False),
        (Usage(output_tokens=1, cost_usd=0.1), True, False),
        (Usage(input_tokens=1, output_tokens=1, cost_usd=0.1, tokens_at_least=True, cost_at_least=True), True, True),
    ],
)
def test_a_part_that_does_not_know_makes_the_sum_a_lower_bound(part, tokens, cost):
    total = Usage.total([Usage(input_tokens=5, output_tokens=5, cost_usd=0.5), part])
    assert (total.tokens_at_least, total.cost_at_least) == (tokens, cost)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"finish_reason": "stop"}, "stop"),
        ({"finish_reason": "length"}, "length"),
        ({"finish_reason": "tool_calls"}, "tool_calls"),
        ({"finish_reason": "content_filter"}, "content_filter"),
        ({"stop_reason": "end_turn"}, "stop"),
        ({"stop_reason": "stop_sequence"}, "stop"),
        ({"stop_reason": "max_tokens"}, "length"),
        ({"stop_reason": "model_context_window_exceeded"}, "length"),
        ({"stop_reason": "tool_use"}, "tool_calls"),
        ({"stop_reason": "refusal"}, "content_filter"),
        ({"stop_reason": "pause_turn"}, "pause_turn"),
        ({"finish_reason": "STOP"}, "stop"),
        ({"finish_reason": "MAX_TOKENS"}, "length"),
        ({"finish_reason": "SAFETY"}, "content_filter"),
        ({"finish_reason": "PROHIBITED_CONTENT"}, "content_filter"),
        ({"finish_reason": "BLOCKLIST"}, "content_filter"),
        ({"finish_reason": "FinishReason.MAX_TOKENS"}, "length"),
        ({"finish_reason": "MALFORMED_FUNCTION_CALL"}, "MALFORMED_FUNCTION_CALL"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "completed", "incomplete_details": None}, None),
        ({"done_reason": "stop"}, "stop"),
        ({"finish_reason": "stopstop"}, "stop"),
        ({"finish_reason": "lengthlength"}, "length"),
        ({"finish_reason": ""}, None),
        ({"finish_reason": None}, None),
        ({}, None),
    ],
)
def test_why_a_model_stopped_is_said_in_one_vocabulary(facts, word):
    assert finish_reason(AIMessage("", response_metadata=facts)) == word


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"model_name": "gpt-5.5-2026-04-01"}, "gpt-5.5-2026-04-01"),
        ({"model": "claude-opus-4-8"}, "claude-opus-4-8"),
        ({"model_name": "a/ba/b"}, "a/b"),
        ({"model_name": "", "model": ""}, None),
        ({}, None),
    ],
)
def test_the_model_that_really_answered_is_read_where_the_provider_said_so(facts, name):
    assert served_model(AIMessage("", response_metadata=facts)) == name


def test_tokens_of_every_kind_and_the_cost_are_read_from_a_message():
    message = AIMessage(
        "",
        usage_metadata={
            "input_tokens": 100,
            "output_tokens": 50,
            "total_tokens": 150,
            "input_token_details": {"cache_read": 80},
            "output_token_details": {"reasoning": 30},
        },
        response_metadata={"token_usage": {"cost": 0.0125}},
    )
    assert usage_of(message) == Usage(
        input_tokens=100,
        output_tokens=50,
        cached_tokens=80,
        reasoning_tokens=30,
        cost_usd=0.0125,
        cost_source="provider",
    )


@pytest.mark.parametrize(
    ("cost", "read"),
    [
        (0, 0.0),
        ("0.25", 0.25),
        (None, None),
        ("free", None),
        ({"total": 1}, None),
        (float("nan"), None),
        (float("inf"), None),
        (-1.0, None),
    ],
)
def test_a_cost_that_is_no_amount_is_unknown(cost, read):
    assert usage_of(AIMessage("", response_metadata={"token_usage": {"cost": cost}})).cost_usd == read


@pytest.mark.parametrize("raw", [None, [], "12", {"cost": None}, {"prompt_tokens": 3}])
def test_a_message_without_usage_uses_nothing_that_is_known(raw):
    assert usage_of(AIMessage("", response_metadata={"token_usage": raw})) == Usage()


def result(text="hi", **facts):
    return LLMResult(generations=[[ChatGeneration(message=AIMessage(text, **facts))]])


def opened(meter, part="seat-1"):
    run = uuid4()
    meter.on_chat_model_start({}, [[HumanMessage("?")]], run_id=run, metadata={"fusion_part": part})
    return run


def test_every_call_is_counted_for_the_part_that_made_it():
    meter = Meter()
    for part, cost in (("a", 0.1), ("b", 0.2), ("a", 0.4)):
        meter.on_llm_end(result(response_metadata={"token_usage": {"cost": cost}}), run_id=opened(meter, part))
    assert (meter.count("a"), meter.count("b"), meter.count("c"), meter.count()) == (2, 1, 0, 3)
    assert (meter.usage("a").cost_usd, meter.usage("b").cost_usd, meter.usage().cost_usd) == (0.5, 0.2, 0.7)


def test_a_failed_call_counts_and_makes_the_sum_a_lower_bound():
    meter = Meter()
    facts = {"usage_metadata": {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}}
    meter.on_llm_end(result(**facts), run_id=opened(meter))
    meter.on_llm_error(RuntimeError("gone"), run_id=opened(meter))
    assert meter.count() == 2
    assert meter.usage() == Usage(input_tokens=5, output_tokens=1, tokens_at_least=True, cost_at_least=True)


def test_a_call_still_open_makes_the_sum_a_lower_bound_too():
    meter = Meter()
    opened(meter)
    assert meter.usage().tokens_at_least
    assert meter.last() is None


def test_the_last_good_call_of_a_part_says_who_answered_and_why_it_stopped():
    meter = Meter()
    first = {"response_metadata": {"model_name": "served-1", "finish_reason": "tool_calls"}}
    second = {"response_metadata": {"model_name": "served-2", "finish_reason": "stop"}}
    for facts in (first, second):
        meter.on_llm_end(result(**facts), run_id=opened(meter, "a"))
    meter.on_llm_error(RuntimeError("gone"), run_id=opened(meter, "a"))
    last = meter.last("a")
    assert last is not None
    assert (last.served_model, last.finish_reason, last.failed) == ("served-2", "stop", False)
    assert meter.last("b") is None


def test_answers_to_calls_it_never_saw_are_passed_over():
    meter = Meter()
    meter.on_llm_end(result(), run_id=uuid4())
    meter.on_llm_error(RuntimeError("gone"), run_id=uuid4())
    assert meter.calls == []


def test_an_answer_without_a_message_leaves_its_usage_unknown():
    meter = Meter()
    meter.on_llm_end(LLMResult(generations=[[]]), run_id=opened(meter))
    assert meter.usage().input_tokens is None
    assert meter.calls[0].seconds is not None


def test_tool_calls_are_counted_by_part():
    meter = Meter()
    for part in ("a", "a", "b"):
        meter.on_tool_start({}, "{}", metadata={"fusion_part": part})
    assert meter.tool_calls == {"a": 2, "b": 1}


@given(USAGES)
@settings(deadline=None)
def test_a_usage_survives_being_saved(usage):
    assert Usage.model_validate(json.loads(json.dumps(usage.model_dump(mode="json"), allow_nan=False))) == usage

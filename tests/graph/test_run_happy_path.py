"""A run in which everything works: order, output, seats, and what reaches the wire."""

from __future__ import annotations

import json

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from pydantic import ValidationError
from scripted_house import (
    ALPHA,
    ANSWER,
    BETA,
    GAMMA,
    JUDGE,
    QUESTION,
    WRITER,
    House,
    asked,
    draft_of,
    seat,
    system_text,
)

from fusion_graph import Analysis, FusionConfig, Receipt
from fusion_graph.testing import Researcher, Text, Usage


@tool
def lookup(query: str) -> str:
    """Look something up."""
    return f"Nothing on {query}."


@tool
def calculate(formula: str) -> str:
    """Calculate something."""
    return f"{formula} = 4"


async def test_the_nodes_run_in_the_order_of_the_picture(house: House) -> None:
    graph = house.fusion()
    order = [name async for part in graph.astream(asked(), stream_mode="updates") for name in part]
    assert order == ["fan_out", "panelist", "panelist", "join", "judge", "writer"]


async def test_the_output_has_the_documented_keys_and_no_others(house: House) -> None:
    output = await house.ask()
    assert set(output) == {
        "messages", "analysis", "responses", "failed_models", "sources", "receipt", "status", "failure_reason",
    }  # fmt: skip
    assert output["status"] == "ok"
    assert output["failure_reason"] is None
    assert output["failed_models"] == []
    assert [entry["content"] for entry in output["responses"]] == [draft_of(ALPHA), draft_of(BETA)]


async def test_the_answer_is_appended_to_the_conversation_and_every_message_has_an_id(house: House) -> None:
    question = HumanMessage(QUESTION, id="mine")
    output = await house.ask([question])
    first, answer = output["messages"]
    assert first.id == "mine"
    assert isinstance(answer, AIMessage)
    assert answer.text == ANSWER
    assert answer.id


async def test_the_streamed_answer_has_the_id_of_the_message_in_the_state(house: House) -> None:
    ids, last = set(), {}
    stream = house.fusion().astream(asked(), stream_mode=["messages", "values"])
    async for mode, data in stream:
        if mode == "values":
            last = data
        elif data[1].get("fusion_part") == "writer":
            ids.add(data[0].id)
    assert ids == {last["messages"][-1].id}


async def test_analysis_and_receipt_are_plain_data_of_their_types(house: House) -> None:
    output = await house.ask()
    json.dumps({key: value for key, value in output.items() if key != "messages"})
    assert Analysis.model_validate(output["analysis"]).consensus == ["It does."]
    receipt = Receipt.model_validate(output["receipt"])
    assert receipt.rung == "native"
    assert receipt.degraded == []
    assert receipt.totals.calls == 4
    assert receipt.seconds is not None


async def test_the_receipt_sums_tokens_and_cost_and_names_the_served_models(house: House) -> None:
    for model, text, cost in ((ALPHA, "a", 0.1), (BETA, "b", 0.2), (JUDGE, "{}", 0.3), (WRITER, "w", 0.4)):
        usage = Usage(prompt_tokens=100, completion_tokens=10, cached_tokens=50, reasoning_tokens=5, cost=cost)
        house.server.on(model, Text(text, usage=usage, served_model=f"{model}-2026"))
    output = await house.ask()
    receipt = output["receipt"]
    assert seat(output, "seat-1")["served_model"] == f"{ALPHA}-2026"
    assert seat(output, "seat-1")["requested_model"] == ALPHA
    assert receipt["writer"]["served_model"] == f"{WRITER}-2026"
    assert seat(output, "seat-2")["usage"]["cost_usd"] == 0.2
    totals = receipt["totals"]["usage"]
    assert totals["cost_usd"] == pytest.approx(
        0.1 + 0.2 + 0.3 * 2 + 0.4
    )  # the judge is asked twice: `{}` is no analysis
    assert (totals["input_tokens"], totals["output_tokens"]) == (500, 50)
    assert (totals["cached_tokens"], totals["reasoning_tokens"]) == (250, 25)
    assert not totals["cost_at_least"]
    assert not totals["tokens_at_least"]


async def test_cost_and_tokens_that_nobody_reports_are_unknown_and_not_zero(house: House) -> None:
    house.server.on(ALPHA, Text("a", usage=None))
    output = await house.ask()
    assert seat(output, "seat-1")["usage"]["input_tokens"] is None
    assert seat(output, "seat-1")["usage"]["cost_usd"] is None
    assert output["receipt"]["totals"]["usage"]["tokens_at_least"] is True
    assert output["receipt"]["totals"]["usage"]["cost_usd"] is None


@pytest.mark.parametrize("size", [1, 8])
async def test_panels_of_one_and_of_eight_are_run_in_full(house: House, size: int) -> None:
    output = await house.ask(panel=[ALPHA] * size)
    assert len(output["responses"]) == size
    assert len(house.calls(ALPHA)) == size
    assert len(house.calls(JUDGE)) == 1


@pytest.mark.parametrize("size", [0, 9])
async def test_panels_of_none_and_of_nine_are_refused_before_any_call(house: House, size: int) -> None:
    with pytest.raises(ValidationError, match="panel"):
        FusionConfig(panel=[ALPHA] * size)
    with pytest.raises(ValueError, match="panel"):
        await house.fusion().ainvoke(asked(), context={"panel": [ALPHA] * size})
    assert house.server.calls == []


async def test_the_seats_work_in_parallel(house: House) -> None:
    for model in (ALPHA, BETA, GAMMA):
        house.server.on(model, Text("a draft", delay=0.2))
    await house.ask(panel=[ALPHA, BETA, GAMMA])
    assert house.server.max_parallel == 3


@pytest.mark.parametrize("times", [2, 3])
async def test_self_fusion_keeps_state_receipt_and_events_apart_by_seat(house: House, times: int) -> None:
    house.server.on(ALPHA, *[f"draft {n}" for n in range(times)])
    graph = house.fusion(panel=[ALPHA] * times)
    events, last = [], {}
    async for mode, data in graph.astream(asked(), stream_mode=["custom", "values"]):
        if mode == "custom":
            events.append(data)
        else:
            last = data
    ids = [f"seat-{n + 1}" for n in range(times)]
    assert set(last["outcomes"]) == set(ids)
    assert [entry["seat_id"] for entry in last["responses"]] == ids
    assert {entry["content"] for entry in last["responses"]} == {f"draft {n}" for n in range(times)}
    assert [entry["label"] for entry in last["responses"]] == [f"{ALPHA} #{n + 1}" for n in range(times)]
    assert [entry["seat_id"] for entry in last["receipt"]["seats"]] == ids
    assert sorted(e["seat_id"] for e in events if e["type"] == "panel.completed") == ids
    assert sorted(e["seat_id"] for e in events if e["type"] == "panel.added") == ids


async def test_what_a_seat_sets_for_itself_reaches_the_wire_and_no_other_seat(house: House) -> None:
    own = {
        "id": "matcher",
        "model": ALPHA,
        "label": "The matcher",
        "role": "match invoices to payments",
        "instructions": "Answer as a table.",
        "tools": ["calculate"],
        "max_tool_calls": 2,
        "max_completion_tokens": 321,
        "temperature": 0.9,
        "reasoning": {"effort": "low"},
    }
    output = await house.ask(
        tools=[lookup, calculate], panel=[own, BETA], max_tool_calls=7, temperature=0.2, max_completion_tokens=777
    )
    mine, other = house.calls(ALPHA)[0], house.calls(BETA)[0]
    assert mine.tool_names == ["calculate"]
    assert other.tool_names == ["lookup", "calculate"]
    assert (mine.body["temperature"], other.body["temperature"]) == (0.9, 0.2)
    assert (mine.body["max_tokens"], other.body["max_tokens"]) == (321, 777)
    assert mine.body["reasoning"] == {"effort": "low"}
    assert "reasoning" not in other.body
    assert "match invoices to payments" in system_text(mine)
    assert "Answer as a table." in system_text(mine)
    assert "2 tool steps" in system_text(mine)
    assert "7 tool steps" in system_text(other)
    assert "match invoices" not in system_text(other)
    assert [entry["seat_id"] for entry in output["responses"]] == ["matcher", "seat-2"]
    assert seat(output, "matcher")["label"] == "The matcher"
    assert seat(output, "matcher")["role"] == "match invoices to payments"


async def test_a_seat_with_an_empty_tool_list_gets_no_tools_at_all(house: House) -> None:
    await house.ask(tools=[lookup], panel=[{"model": ALPHA, "tools": []}, BETA])
    assert "tools" not in house.calls(ALPHA)[0].body
    assert house.calls(BETA)[0].tool_names == ["lookup"]


async def test_reasoning_reaches_panel_and_judge_and_temperature_the_panel_alone(house: House) -> None:
    await house.ask(reasoning={"effort": "high", "max_tokens": 2000}, temperature=0.7)
    asked_for = {"effort": "high", "max_tokens": 2000}
    for model in (ALPHA, BETA, JUDGE):
        assert house.calls(model)[0].body["reasoning"] == asked_for
    assert house.calls(ALPHA)[0].body["temperature"] == 0.7
    assert house.calls(JUDGE)[0].body["temperature"] == 0
    assert "reasoning" not in house.calls(WRITER)[0].body
    assert "temperature" not in house.calls(WRITER)[0].body


async def test_tool_calls_are_run_counted_and_answered(house: House) -> None:
    house.server.on(ALPHA, Researcher(["one", "two"], " / ".join, tool="lookup"))
    output = await house.ask(tools=[lookup], panel=[ALPHA])
    assert seat(output, "seat-1")["tool_calls"] == 2
    assert seat(output, "seat-1")["calls"] == 3
    assert "Nothing on one." in output["responses"][0]["content"]
    assert "Nothing on two." in output["responses"][0]["content"]


async def test_the_deliberation_graph_stops_after_the_judge_and_adds_no_message(house: House) -> None:
    output = await house.deliberation().ainvoke(asked())
    assert [message.text for message in output["messages"]] == [QUESTION]
    assert output["analysis"]["consensus"] == ["It does."]
    assert output["status"] == "ok"
    assert output["receipt"]["writer"] is None
    assert house.calls(WRITER) == []


async def test_a_question_without_text_is_refused_before_any_call(house: House) -> None:
    with pytest.raises(ValueError, match="no text"):
        await house.ask("   ")
    assert house.server.calls == []

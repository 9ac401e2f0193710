"""The judge: how it is asked, what is read from its answers, and a run that goes on without it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.tools import tool
from scripted_house import ANSWER, JUDGE, WRITER, House, analysis, reasons, user_texts

from fusion_graph.ladder import SUBMIT
from fusion_graph.testing import Fault, ReceivedCall, Reply, Researcher, Text, ToolCall

FOUND = analysis(
    consensus=[{"point": "It does.", "drafts": ["A", "B"], "sources": []}],
    contradictions=[
        {
            "topic": "By how much",
            "stances": [
                {"draft": "A", "stance": "A fifth.", "sources": []},
                {"draft": "B", "stance": "Little.", "sources": []},
            ],
        }
    ],
    partial_coverage=[{"point": "Leakage", "drafts": ["B"], "sources": []}],
    unique_insights=[{"insight": "Rebates matter.", "draft": "A", "sources": []}],
    blind_spots=["Nobody looked at shipping."],
)


@tool
def lookup(query: str) -> str:
    """Look something up."""
    return f"Nothing on {query}."


def schema_of(call: ReceivedCall) -> dict[str, Any]:
    """The JSON schema that the judge's provider was given."""
    return dict(call.body["response_format"]["json_schema"]["schema"])


def bounds(schema: Any) -> set[str]:
    """The bounding keywords anywhere in a schema."""
    if isinstance(schema, list):
        return set().union(*map(bounds, schema))
    if not isinstance(schema, dict):
        return set()
    return {key for key in schema if key in ("maxLength", "maxItems")} | bounds(list(schema.values()))


def unbounded(schema: Any) -> list[Any]:
    """The strings and lists in a schema that have no bound."""
    if isinstance(schema, list):
        return [found for part in schema for found in unbounded(part)]
    if not isinstance(schema, dict):
        return []
    loose = (schema.get("type") == "string" and "maxLength" not in schema) or (
        schema.get("type") == "array" and "maxItems" not in schema
    )
    return [*([schema] if loose else []), *unbounded(list(schema.values()))]


def submitted(call: ReceivedCall) -> Reply:
    """Hands the analysis in as a tool call, as the tool rung asks."""
    assert SUBMIT in call.tool_names
    return ToolCall(SUBMIT, json.loads(FOUND))


def assert_complete(output: dict[str, Any], rung: str) -> None:
    found = output["analysis"]
    assert found["consensus"] == ["It does."]
    assert len(found["contradictions"][0]["stances"]) == 2
    assert found["partial_coverage"][0]["point"] == "Leakage"
    assert found["unique_insights"][0]["insight"] == "Rebates matter."
    assert found["blind_spots"] == ["Nobody looked at shipping."]
    assert output["receipt"]["rung"] == rung
    assert output["messages"][-1].text == ANSWER


async def test_a_provider_that_knows_schemas_is_given_one_with_every_bound(house: House) -> None:
    house.server.on(JUDGE, FOUND)
    output = await house.ask()
    assert_complete(output, "native")
    (call,) = house.calls(JUDGE)
    assert call.body["response_format"]["type"] == "json_schema"
    assert bounds(schema_of(call)) == {"maxLength", "maxItems"}
    assert unbounded(schema_of(call)) == []
    assert call.body["temperature"] == 0
    assert output["receipt"]["degraded"] == []


async def test_the_schema_travels_beside_the_reasoning_setting(house: House) -> None:
    await house.ask(reasoning={"effort": "high"})
    (call,) = house.calls(JUDGE)
    assert call.body["reasoning"] == {"effort": "high"}
    assert call.body["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize("how", ["ask", "stream"])
async def test_where_schemas_are_refused_the_analysis_is_handed_in_as_a_tool_call(house: House, how: str) -> None:
    house.server.on(JUDGE, submitted, rejects={"response_format"})
    output = await getattr(house, how)()
    assert_complete(output, "tool")
    assert len(house.calls(JUDGE)) == 2
    assert output["receipt"]["judge"]["calls"] == 2
    assert output["receipt"]["judge"]["failure"] is None


async def test_where_tools_are_refused_too_the_prompt_alone_asks(house: House) -> None:
    house.server.on(JUDGE, FOUND, rejects={"response_format", "tools"})
    output = await house.ask()
    assert_complete(output, "prompted")
    last = house.calls(JUDGE)[-1]
    assert "tools" not in last.body
    assert "response_format" not in last.body
    assert '"blind_spots"' in user_texts(last)[0]


async def test_json_in_the_text_of_the_tool_rung_counts_as_prompted(house: House) -> None:
    house.server.on(JUDGE, FOUND, rejects={"response_format"})
    assert_complete(await house.ask(), "prompted")
    assert len(house.calls(JUDGE)) == 2


async def test_prose_in_the_tool_rung_is_repaired(house: House) -> None:
    house.server.on(JUDGE, "Both drafts are fine.", FOUND, rejects={"response_format"})
    output = await house.ask()
    assert_complete(output, "repaired")
    repair = house.calls(JUDGE)[-1]
    assert "tools" not in repair.body
    assert [m["content"] for m in repair.messages if m["role"] == "assistant"] == ["Both drafts are fine."]
    assert "no JSON object" in user_texts(repair)[-1]


@pytest.mark.parametrize("how", ["ask", "stream"])
@pytest.mark.parametrize(
    "first",
    [
        Text('{"consensus": ["a", '),
        Text(FOUND[:60], finish_reason="length"),
        Text("Draft A is better."),
        Text('{"verdict": "A"}'),
        Text('["a", "b"]'),
        Text(""),
    ],
    ids=["malformed", "cut at the limit", "prose", "wrong schema", "no object", "empty"],
)
async def test_an_answer_that_is_no_analysis_is_repaired_once(house: House, first: Text, how: str) -> None:
    house.server.on(JUDGE, first, FOUND)
    output = await getattr(house, how)()
    assert_complete(output, "repaired")
    assert len(house.calls(JUDGE)) == 2
    assert house.calls(JUDGE)[1].body["temperature"] == 0
    assert output["receipt"]["degraded"] == []


@pytest.mark.parametrize(
    ("reply", "reason", "calls"),
    [
        (Text('{"consensus": ["a", '), "judge_not_valid_json", 2),
        (Text("Draft A is better."), "judge_not_valid_json", 2),
        (Text('{"verdict": "A"}'), "judge_schema_mismatch", 2),
        (Text(""), "judge_empty_completion", 2),
        (Text(refusal="No."), "judge_empty_completion", 2),
        (Fault(500), "judge_upstream_error", 3),
        (Fault(401), "judge_upstream_error", 1),
        (Fault(402), "judge_upstream_error", 1),
        (Fault(404), "judge_upstream_error", 1),
        (Fault.context_length(), "judge_upstream_error", 1),
        (Fault(429, retry_after=100), "judge_upstream_error", 1),
        (Fault(400, "Nothing works."), "judge_upstream_error", 3),
        (Text("half", cut_after=0), "judge_upstream_error", 3),
    ],
)
async def test_without_an_analysis_the_writer_works_from_the_drafts(
    house: House, reply: Reply, reason: str, calls: int
) -> None:
    house.server.on(JUDGE, reply)
    output = await house.ask()
    assert (output["status"], output["analysis"]) == ("ok", None)
    assert output["receipt"]["rung"] is None
    assert reasons(output) == [("judge", reason)]
    assert output["receipt"]["degraded"][0]["detail"]
    assert output["receipt"]["judge"]["calls"] == calls
    assert len(house.calls(JUDGE)) == calls
    assert output["messages"][-1].text == ANSWER
    assert "There is no comparison of the drafts" in house.calls(WRITER)[0].prompt


@pytest.mark.parametrize("reply", [Text("nonsense"), Fault(500)])
async def test_a_deliberation_without_analysis_still_ends_well_with_its_drafts(house: House, reply: Reply) -> None:
    house.server.on(JUDGE, reply)
    output = await house.deliberation().ainvoke({"messages": [("user", "why?")]})
    assert (output["status"], output["analysis"]) == ("ok", None)
    assert len(output["responses"]) == 2
    assert reasons(output)[0][0] == "judge"


async def test_a_repair_that_fails_upstream_is_said_to_have(house: House) -> None:
    house.server.on(JUDGE, "prose", Fault(401))
    output = await house.ask()
    assert reasons(output) == [("judge", "judge_upstream_error")]
    assert output["receipt"]["judge"]["failure"]["kind"] == "authentication"


@pytest.mark.parametrize("rejects", [{"temperature"}, {"temperature", "response_format"}])
async def test_a_judge_that_takes_no_temperature_is_asked_without_and_that_is_noted(
    house: House, rejects: set[str]
) -> None:
    house.server.on(JUDGE, FOUND, rejects=rejects)
    output = await house.ask()
    assert output["analysis"]["consensus"] == ["It does."]
    assert "temperature" not in house.calls(JUDGE)[-1].body
    assert reasons(output) == [("judge", "temperature_dropped")]


@pytest.mark.parametrize("cap", [1, 3])
async def test_the_judge_looks_things_up_within_the_step_limit_and_then_answers(house: House, cap: int) -> None:
    def checking(call: ReceivedCall) -> Reply:
        return ToolCall("lookup", {"query": "a claim"}) if "lookup" in call.tool_names else Text(FOUND)

    house.server.on(JUDGE, checking)
    output = await house.ask(tools=[lookup], max_tool_calls=cap)
    assert_complete(output, "native")
    assert len(house.calls(JUDGE)) == cap + 1
    assert output["receipt"]["judge"]["tool_calls"] == cap
    assert all(call.body["response_format"]["type"] == "json_schema" for call in house.calls(JUDGE))
    assert f"at most {cap} steps" in user_texts(house.calls(JUDGE)[0])[0]


async def test_the_judge_s_way_to_hand_in_stays_when_its_web_tools_are_withdrawn(house: House) -> None:
    def checking(call: ReceivedCall) -> Reply:
        if "lookup" in call.tool_names:
            return ToolCall("lookup", {"query": "a claim"})
        return submitted(call)

    house.server.on(JUDGE, checking, rejects={"response_format"})
    output = await house.ask(tools=[lookup], max_tool_calls=2)
    assert_complete(output, "tool")
    assert house.calls(JUDGE)[-1].tool_names == [SUBMIT]


async def test_a_judge_without_tools_is_not_told_of_any(house: House) -> None:
    await house.ask()
    (call,) = house.calls(JUDGE)
    assert "tools" not in call.body
    assert "with your tools" not in call.prompt


async def test_what_the_judge_found_is_registered_as_its_own(house: House) -> None:
    @tool
    def find(query: str) -> str:
        """Find a page."""
        return f"See https://example.org/{query}."

    house.server.on(JUDGE, Researcher(["checked"], FOUND, tool="find"))
    output = await house.ask(tools=[find])
    assert output["sources"] == [
        {
            "id": "S1",
            "url": "https://example.org/checked",
            "title": "https://example.org/checked",
            "seat_ids": ["judge"],
        }
    ]


@pytest.mark.parametrize(
    "around",
    [
        "```json\n{}\n```",
        "```\n{}\n```",
        "Here is the comparison:\n\n{}\n\nI hope it helps.",
        "<think>So {A} or {B}?</think>{}",
    ],
)
async def test_json_in_a_fence_or_in_prose_is_accepted_without_a_repair(house: House, around: str) -> None:
    house.server.on(JUDGE, around.replace("{}", FOUND))
    output = await house.ask()
    assert_complete(output, "native")
    assert len(house.calls(JUDGE)) == 1

"""`POST /v1/responses`, streamed."""

from __future__ import annotations

from typing import Any

import httpx
from api_house import AGREED, ALPHA, ANSWER, AUTO, BETA, JUDGE, QUESTION, WRITER, Api, convenes, events_of
from openai.types.responses import ResponseStreamEvent
from openrouter.components import StreamEvents
from pydantic import TypeAdapter

from fusion_graph.server.plan import RunPlan
from fusion_graph.server.render.responses_stream import ResponsesStream
from fusion_graph.testing import Fault, Researcher, Text, ToolCall

OPENAI: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
OPENROUTER: TypeAdapter[Any] = TypeAdapter(StreamEvents)
NINE = [
    "in_progress",
    "panel.added",
    "panel.delta",
    "panel.reasoning.delta",
    "panel.completed",
    "panel.failed",
    "analysis.in_progress",
    "analysis.completed",
    "completed",
]
OURS = ["panel.tool_call", "panel.tool_result", "analysis.tool_call", "analysis.tool_result", "writer.in_progress"]
OPENAI_HAS_NO = tuple(f"response.{kind}" for kind in ("created", "in_progress", "completed", "failed", "output_item."))
"""Their Response and items are checked by themselves: OpenAI's unions know no `openrouter:fusion` item."""


async def stream(client: httpx.AsyncClient, body: dict[str, Any]) -> list[dict[str, Any]]:
    async with client.stream("POST", "/v1/responses", json={**body, "stream": True}) as response:
        assert response.status_code == 200, await response.aread()
        found = await events_of(response)
    assert all(name == data["type"] for name, data in found if name != ":")
    events = [data for name, data in found if name != ":"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for event in events:
        check(event)
    return events


def check(event: dict[str, Any]) -> None:
    kind = event["type"]
    ours = kind.removeprefix("response.fusion_call.") in (*OURS, "analysis.failed")
    if not ours:
        assert not getattr(OPENROUTER.validate_python(event), "is_unknown", False), kind
    if not kind.startswith(("response.fusion_call.", *OPENAI_HAS_NO)):
        OPENAI.validate_python(event)


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def fusion(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == f"response.fusion_call.{name}"]


async def test_the_events_come_in_the_documented_order(api: Api, client: httpx.AsyncClient) -> None:
    events = await stream(client, api.asks())
    told = kinds(events)
    seats = [kind for kind in told if kind.startswith("fusion_call.panel.")]
    rest = [kind for kind in told if kind not in seats and kind != "output_text.delta"]
    assert rest == [
        "created",
        "in_progress",
        "output_item.added",
        "fusion_call.in_progress",
        "fusion_call.analysis.in_progress",
        "fusion_call.analysis.completed",
        "fusion_call.completed",
        "output_item.done",
        "fusion_call.writer.in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert seats[:2] == ["fusion_call.panel.added"] * 2
    assert told.index("fusion_call.in_progress") < told.index("fusion_call.panel.added")
    assert max(i for i, kind in enumerate(told) if kind in seats) < told.index("fusion_call.analysis.in_progress")


async def test_all_nine_fusion_events_are_openrouter_s_with_the_seat_added(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(ALPHA, Text("It does.", reasoning="hm")).on(BETA, Fault(402))
    events = await stream(client, api.asks())
    assert all(fusion(events, name) for name in NINE)
    for name in NINE:
        for event in fusion(events, name):
            assert event["output_index"] == 0
            assert event["item_id"] == events[2]["item"]["id"]
            if name.startswith("panel."):
                assert event["model"] == {"seat-1": ALPHA, "seat-2": BETA}[event["seat_id"]]
                assert event["label"]
    [failed] = fusion(events, "panel.failed")
    assert (failed["status_code"], failed["outcome"]) == (402, "failed")
    [began] = fusion(events, "analysis.in_progress")
    assert began["analyst_model"] == began["judge_model"] == JUDGE
    assert fusion(events, "analysis.completed")[0]["analysis"]["consensus"] == ["It does."]
    thought = "".join(event["delta"] for event in fusion(events, "panel.reasoning.delta"))
    written = "".join(event["delta"] for event in fusion(events, "panel.delta"))
    assert (thought, written) == ("hm", "It does.")
    [completed] = fusion(events, "panel.completed")
    assert completed["content"] == "It does."
    [seat, _] = events[-1]["response"]["fusion"]["receipt"]["seats"]
    taken = ("usage", "calls", "tool_calls", "served_model")
    assert {name: completed[name] for name in taken} == {name: seat[name] for name in taken}


async def test_two_seats_of_one_model_are_told_apart_by_their_seats(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(ALPHA, Text("one two", chunk_delay=0.01), Text("three four", chunk_delay=0.01))
    plugin = {**api.asks()["plugins"][0], "analysis_models": [ALPHA, ALPHA]}
    events = await stream(client, api.asks(plugins=[plugin]))
    drafts: dict[str, str] = {}
    for event in fusion(events, "panel.delta"):
        drafts[event["seat_id"]] = drafts.get(event["seat_id"], "") + event["delta"]
    assert sorted(drafts.values()) == ["one two", "three four"]
    assert len({event["label"] for event in fusion(events, "panel.added")}) == 2


async def test_a_seat_s_and_the_judge_s_tool_calls_are_told(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(ALPHA, Researcher(["tax"], "draft")).on(JUDGE, Researcher(["more"], AGREED))
    plugin = {**api.asks()["plugins"][0], "analysis_models": [ALPHA], "tools": [{"type": "openrouter:web_search"}]}
    async with client.stream("POST", "/v1/responses", json=api.asks(plugins=[plugin], stream=True)) as response:
        if response.status_code == 400:  # no engine without a key: the refusal names the tool
            assert "web_search" in (await response.aread()).decode()
            return
        events = [data for name, data in await events_of(response) if name != ":"]
    assert fusion(events, "panel.tool_call")[0]["arguments"] == {"query": "tax"}
    assert fusion(events, "panel.tool_call")[0]["seat_id"] == "seat-1"
    assert fusion(events, "panel.tool_result")
    assert fusion(events, "analysis.tool_call")[0]["arguments"] == {"query": "more"}


async def test_the_answer_streams_and_the_last_event_carries_the_same_response(
    api: Api, client: httpx.AsyncClient
) -> None:
    api.models.on(WRITER, Text(ANSWER, chunk_delay=0.01))
    events = await stream(client, api.asks())
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert len(deltas) > 3
    assert "".join(deltas) == ANSWER
    response = events[-1]["response"]
    assert response["output"] == [e["item"] for e in events if e["type"] == "response.output_item.done"]
    [(_, _, kept)] = api.kept.responses
    assert kept == response


async def test_what_a_calling_model_says_first_is_a_message_of_its_own(api: Api, client: httpx.AsyncClient) -> None:
    ask = ToolCall("fusion", {"question": QUESTION}, content="I ask a panel.")
    api.models.on(WRITER, lambda call: ANSWER if call.tool_results else ask)
    events = await stream(client, api.asks(plugins=[AUTO]))
    output = events[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["message", "openrouter:fusion", "message"]
    assert [item["content"][0]["text"] for item in output if item["type"] == "message"] == ["I ask a panel.", ANSWER]
    assert all(item["status"] == "completed" for item in output)


async def test_without_a_panel_there_is_no_fusion_event(api: Api, client: httpx.AsyncClient) -> None:
    events = await stream(client, api.asks(plugins=[AUTO]))
    assert not any("fusion" in kind for kind in kinds(events))
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["message"]
    assert events[-1]["response"]["fusion"]["deliberated"] is False


async def test_a_panel_that_failed_before_the_answer_is_told_and_the_stream_goes_on(
    api: Api, client: httpx.AsyncClient
) -> None:
    api.models.on(ALPHA, Fault(401)).on(BETA, Fault(401)).on(WRITER, convenes("Without a panel."))
    events = await stream(client, api.asks(plugins=[AUTO]))
    told = kinds(events)
    assert told.index("fusion_call.completed") < told.index("output_text.delta")
    done = next(event["item"] for event in events if event["type"] == "response.output_item.done")
    assert (done["status"], done["failure_reason"]) == ("incomplete", "all_panels_failed")


async def test_an_attempt_that_broke_off_is_an_incomplete_message(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(WRITER, Text("On balance it never", chunk_delay=0.02, cut_after=3), ANSWER)
    output = (await stream(client, api.asks()))[-1]["response"]["output"]
    assert [item["status"] for item in output] == ["completed", "incomplete", "completed"]
    assert output[-1]["content"][0]["text"] == ANSWER


async def test_a_call_of_the_client_s_tool_has_its_own_events(api: Api, client: httpx.AsyncClient) -> None:
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    api.models.on(WRITER, ToolCall("weather", {"city": "Graz"}))
    events = await stream(client, api.asks(plugins=[AUTO], tools=[tool]))
    assert kinds(events)[2:] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    assert events[-2]["item"]["arguments"] == '{"city": "Graz"}'


async def test_a_run_without_an_answer_ends_with_response_failed(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(ALPHA, Fault(429, retry_after=0)).on(BETA, Fault(401))
    events = await stream(client, api.asks())
    assert kinds(events)[-3:] == ["fusion_call.completed", "output_item.done", "failed"]
    response = events[-1]["response"]
    assert (response["status"], response["error"]["code"]) == ("failed", "rate_limit_exceeded")
    assert response["error"]["failure_reason"] == "rate_limited"
    assert response["fusion"]["receipt"]["failure_reason"] == "rate_limited"


def replay(plan: RunPlan, events: list[dict[str, Any]]) -> ResponsesStream:
    return ResponsesStream(plan, "resp_1", 1, background=True, restored=events)


async def test_a_stream_restored_anywhere_goes_on_with_the_next_number_and_the_same_items(
    api: Api, client: httpx.AsyncClient
) -> None:
    api.models.on(WRITER, Text(ANSWER, chunk_delay=0.005))
    events = await stream(client, api.asks())
    plan = api.kept.responses[0][0].plan
    for cut in range(1, len(events)):
        restored = replay(plan, events[:cut])
        ended = restored.cancel()
        assert [event["sequence_number"] for event in ended] == list(range(cut, cut + len(ended)))
        response = ended[-1]["response"]
        assert (response["status"], restored.response()) == ("cancelled", response)
        assert all(item["status"] != "in_progress" for item in response["output"])
        done = [e["item"] for e in [*events[:cut], *ended] if e["type"] == "response.output_item.done"]
        assert response["output"] == done
    assert replay(plan, events).cancel() == []
    assert replay(plan, events).response() == events[-1]["response"]

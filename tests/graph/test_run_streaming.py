"""Every seat streams separately and attributably: events, tokens, namespaces."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.tools import tool
from scripted_house import AGREED, ALPHA, BETA, JUDGE, WRITER, House, asked, draft_of

from fusion_graph.testing import Fault, Researcher, Text, ToolCall, Usage

TAKEN = ("usage", "calls", "tool_calls", "served_model")


@tool
def find(query: str) -> str:
    """Find a page."""
    return f"https://example.org/{query}"


async def streamed(graph: Any, *modes: str) -> list[tuple[tuple[str, ...], str, Any]]:
    """Everything a run streams: namespace, mode, data."""
    return [part async for part in graph.astream(asked(), stream_mode=list(modes), subgraphs=True)]


def events(parts: list[tuple[tuple[str, ...], str, Any]]) -> list[dict[str, Any]]:
    return [data for _, mode, data in parts if mode == "custom"]


async def test_events_come_in_the_order_in_which_things_happen(house: House) -> None:
    parts = await streamed(house.fusion(panel=[ALPHA]), "custom")
    assert [event["type"] for event in events(parts)] == [
        "fusion.started",
        "panel.added",
        "panel.completed",
        "analysis.in_progress",
        "analysis.completed",
        "writer.in_progress",
        "fusion.completed",
    ]


async def test_the_first_event_names_every_part_and_the_last_how_it_ended(house: House) -> None:
    found = events(await streamed(house.fusion(), "custom"))
    assert [(s["id"], s["model"]) for s in found[0]["seats"]] == [("seat-1", ALPHA), ("seat-2", BETA)]
    assert (found[0]["judge"], found[0]["writer"]) == (JUDGE, WRITER)
    assert found[-1] == {"type": "fusion.completed", "status": "ok", "failure_reason": None}
    compared = next(event for event in found if event["type"] == "analysis.completed")
    assert (compared["rung"], compared["reason"]) == ("native", None)
    assert compared["analysis"]["consensus"] == ["It does."]


async def test_a_deliberation_s_events_end_with_the_judge(house: House) -> None:
    found = events(await streamed(house.deliberation(), "custom"))
    assert found[0]["writer"] is None
    assert [event["type"] for event in found][-2:] == ["analysis.completed", "fusion.completed"]


async def test_a_failed_seat_and_a_judge_without_analysis_are_told_as_they_happen(house: House) -> None:
    house.server.on(ALPHA, Fault(401)).on(JUDGE, "prose")
    found = events(await streamed(house.fusion(), "custom"))
    failed = next(event for event in found if event["type"] == "panel.failed")
    assert (failed["seat_id"], failed["outcome"], failed["status_code"]) == ("seat-1", "failed", 401)
    assert failed["error"]
    compared = next(event for event in found if event["type"] == "analysis.completed")
    assert (compared["analysis"], compared["reason"]) == (None, "judge_not_valid_json")


async def test_a_seat_s_end_tells_what_it_took_and_the_start_names_roles(house: House) -> None:
    reply = Text("It does.", usage=Usage(120, 30, cost=0.004), served_model="acme/alpha-0425")
    house.server.on(ALPHA, reply).on(BETA, Fault(401))
    panel = [{"model": ALPHA, "role": "sceptic"}, BETA]
    result = await streamed(house.fusion(panel=panel), "custom", "values")
    told = {event["seat_id"]: event for event in events(result) if event["type"] in ("panel.completed", "panel.failed")}
    assert [seat["role"] for seat in events(result)[0]["seats"]] == ["sceptic", None]
    seats = [data for path, mode, data in result if mode == "values" and not path][-1]["receipt"]["seats"]
    for seat in seats:
        event = told[seat["seat_id"]]
        assert {name: event[name] for name in TAKEN} == {name: seat[name] for name in TAKEN}
    alpha = told["seat-1"]
    assert (alpha["usage"]["input_tokens"], alpha["usage"]["cost_usd"], alpha["calls"]) == (120, 0.004, 1)
    assert alpha["served_model"] == "acme/alpha-0425"
    assert told["seat-2"]["usage"]["cost_usd"] is None


async def test_tool_calls_and_their_results_are_told_with_seat_and_sources(house: House) -> None:
    house.server.on(ALPHA, ToolCall("find", {"query": "a"}, call_id="call-1"), "draft")
    house.server.on(JUDGE, Researcher(["j"], AGREED, tool="find"))
    found = events(await streamed(house.fusion(tools=[find], panel=[ALPHA]), "custom"))
    called = [event for event in found if event["type"] == "panel.tool_call"]
    told = [event for event in found if event["type"] == "panel.tool_result"]
    assert [event["seat_id"] for event in called] == ["seat-1", "judge"]
    assert called[0]["arguments"] == {"query": "a"}
    assert (called[0]["tool"], called[0]["tool_call_id"]) == ("find", "call-1")
    assert told[0]["tool_call_id"] == "call-1"
    assert told[0]["status"] == "success"
    assert told[0]["sources"] == [{"url": "https://example.org/a", "title": "https://example.org/a"}]


@pytest.mark.parametrize("panel", [[ALPHA, BETA], [ALPHA, ALPHA]], ids=["two models", "self-fusion"])
async def test_every_token_of_the_panel_carries_its_seat_in_its_metadata(house: House, panel: list[str]) -> None:
    texts = {"seat-1": "one two three", "seat-2": "four five six"}
    if panel[0] == panel[1]:
        house.server.on(ALPHA, *[Text(text, chunk_delay=0.01) for text in texts.values()])
    else:
        house.server.on(ALPHA, texts["seat-1"]).on(BETA, texts["seat-2"])
    told: dict[str, str] = {}
    labels: dict[str, str] = {}
    for _, mode, data in await streamed(house.fusion(panel=panel), "messages"):
        assert mode == "messages"
        chunk, metadata = data
        if isinstance(chunk, AIMessageChunk) and "seat_id" in metadata:
            told[metadata["seat_id"]] = told.get(metadata["seat_id"], "") + str(chunk.text)
            labels[metadata["seat_id"]] = metadata["seat_label"]
            assert metadata["fusion_part"] == metadata["seat_id"]
    assert sorted(told.values()) == sorted(texts.values())
    twice = panel[0] == panel[1]
    assert labels == {f"seat-{n}": f"{model} #{n}" if twice else model for n, model in enumerate(panel, start=1)}


async def test_no_token_comes_without_its_part(house: House) -> None:
    parts: dict[str, str] = {}
    for _, _, (chunk, metadata) in await streamed(house.fusion(), "messages"):
        if isinstance(chunk, AIMessageChunk):
            parts[metadata["fusion_part"]] = parts.get(metadata["fusion_part"], "") + str(chunk.text)
            assert ("seat_id" in metadata) == metadata["fusion_part"].startswith("seat-")
    assert set(parts) == {"seat-1", "seat-2", "judge", "writer"}
    assert (parts["seat-1"], parts["judge"]) == (draft_of(ALPHA), AGREED)


async def test_label_and_role_of_a_seat_stand_in_its_metadata(house: House) -> None:
    panel = [{"id": "x", "model": ALPHA, "label": "The matcher", "role": "match"}]
    for _, _, (chunk, metadata) in await streamed(house.fusion(panel=panel), "messages"):
        if isinstance(chunk, AIMessageChunk) and metadata["fusion_part"] == "x":
            assert (metadata["seat_label"], metadata["seat_role"]) == ("The matcher", "match")
            break
    else:
        pytest.fail("no token of the seat came")


async def test_the_namespace_that_a_seat_announces_is_that_of_its_parts(house: House) -> None:
    parts = await streamed(house.fusion(panel=[ALPHA, ALPHA]), "custom", "messages")
    announced = {e["seat_id"]: e["namespace"] for e in events(parts) if e["type"] == "panel.added"}
    seen: dict[str, set[str]] = {}
    for namespace, mode, data in parts:
        if mode == "messages" and "seat_id" in data[1]:
            seen.setdefault(data[1]["seat_id"], set()).add(namespace[0])
    assert seen == {seat_id: {namespace} for seat_id, namespace in announced.items()}
    assert len(set(announced.values())) == 2


async def test_the_seats_tokens_come_interleaved_and_not_one_seat_after_the_other(house: House) -> None:
    for model in (ALPHA, BETA):
        house.server.on(model, Text("a b c d e f g h", chunk_delay=0.03))
    order = [
        metadata["seat_id"]
        for _, _, (chunk, metadata) in await streamed(house.fusion(), "messages")
        if isinstance(chunk, AIMessageChunk) and "seat_id" in metadata and chunk.text
    ]
    changes = sum(one != other for one, other in pairwise(order))
    assert changes > 2


async def test_usage_is_known_streamed_or_not(house: House) -> None:
    whole, streaming = await house.ask(), await house.stream()
    for output in (whole, streaming):
        assert output["receipt"]["totals"]["usage"]["tokens_at_least"] is False
    assert (
        whole["receipt"]["totals"]["usage"]["output_tokens"] == streaming["receipt"]["totals"]["usage"]["output_tokens"]
    )


async def test_a_run_streams_the_same_in_langgraph_s_second_format(house: House) -> None:
    kinds = set()
    stream = house.fusion().astream(asked(), stream_mode=["custom", "messages"], subgraphs=True, version="v2")
    async for part in stream:
        kinds.add(part["type"])
        if part["type"] == "custom" and part["data"]["type"] == "fusion.completed":
            assert part["ns"] == ()
    assert kinds == {"custom", "messages"}


@pytest.mark.parametrize("tools", [[], [find]], ids=len)
async def test_no_prompt_of_ours_is_streamed_as_a_message_of_the_graph(house: House, tools: list[Any]) -> None:
    stream = house.fusion(tools=tools).astream(asked(), stream_mode="messages")
    parts = [(type(message), facts["fusion_part"]) async for message, facts in stream]
    assert parts
    assert {kind for kind, _ in parts} == {AIMessageChunk}
    assert {part for _, part in parts} == {"writer"}


@pytest.mark.parametrize("tools", [[], [find]], ids=len)
async def test_the_judge_s_tokens_come_from_a_namespace_of_its_own(house: House, tools: list[Any]) -> None:
    stream = house.fusion(tools=tools).astream(asked(), stream_mode="messages", subgraphs=True)
    told = [(namespace, facts["fusion_part"]) async for namespace, (_, facts) in stream]
    judges = {namespace for namespace, part in told if part == "judge"}
    assert [namespace[0].partition(":")[0] for namespace in judges] == ["judge"]
    assert {namespace for namespace, part in told if part == "writer"} == {()}

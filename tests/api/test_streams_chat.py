"""`POST /v1/chat/completions`, streamed."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx
import pytest
from api_house import AGREED, ALPHA, ANSWER, AUTO, BETA, FUSE, JUDGE, QUESTION, WRITER, Api, events_of
from openai.types.chat import ChatCompletionChunk
from openrouter.components import ChatStreamChunk

from fusion_graph.server.settings import ServerSettings
from fusion_graph.testing import Fault, Text, ToolCall, Usage


@pytest.fixture
def server_settings() -> ServerSettings:
    return ServerSettings(keep_alive=0.1)


async def stream(client: httpx.AsyncClient, body: dict[str, Any]) -> list[Any]:
    """The data of every event; comments as `(":", text)`."""
    async with client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return [(name, data) if name == ":" else data for name, data in await events_of(response)]


def chunks_of(events: list[Any]) -> list[dict[str, Any]]:
    chunks = [event for event in events if isinstance(event, dict)]
    for chunk in chunks:
        if "error" not in chunk:  # whose finish reason is OpenRouter's alone
            ChatCompletionChunk.model_validate(chunk)
        ChatStreamChunk.model_validate(chunk)
    return chunks


def text_of(chunks: list[dict[str, Any]]) -> str:
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


async def test_a_stream_is_keep_alives_then_content_then_one_last_chunk_with_everything(
    api: Api, client: httpx.AsyncClient
) -> None:
    api.models.on(ALPHA, Text("slow", delay=0.5)).on(WRITER, Text(ANSWER, chunk_delay=0.01, usage=Usage(cost=0.5)))
    events = await stream(client, api.body())
    assert events[0] == (":", "FUSION PROCESSING")
    assert events[-1] == "[DONE]"
    chunks = chunks_of(events)
    assert text_of(chunks) == ANSWER
    assert len(chunks) > 4, "the answer comes in pieces"
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert sum("role" in chunk["choices"][0]["delta"] for chunk in chunks) == 1
    last = chunks[-1]
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["usage"]["cost"] == 0.5
    assert last["fusion"]["receipt"]["status"] == "ok"
    assert "answer" not in last["fusion"]
    assert len({chunk["id"] for chunk in chunks}) == 1


async def test_who_asks_for_usage_gets_it_as_openai_sends_it(api: Api, client: httpx.AsyncClient) -> None:
    chunks = chunks_of(await stream(client, api.body(stream_options={"include_usage": True})))
    assert [chunk["usage"] is None for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["fusion"]["status"] == "ok"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"


async def test_who_refuses_usage_gets_none(api: Api, client: httpx.AsyncClient) -> None:
    chunks = chunks_of(await stream(client, api.body(stream_options={"include_usage": False})))
    assert all("usage" not in chunk for chunk in chunks)
    assert all(chunk["choices"] for chunk in chunks)


async def test_what_the_panel_does_rides_along_only_if_asked_for(api: Api, client: httpx.AsyncClient) -> None:
    plain = chunks_of(await stream(client, api.body()))
    assert not any("fusion_event" in chunk for chunk in plain)
    told = chunks_of(await stream(client, api.body(stream_options={"include_fusion_events": True})))
    events = [chunk["fusion_event"] for chunk in told if "fusion_event" in chunk]
    kinds = [event["type"].removeprefix("response.fusion_call.") for event in events]
    assert kinds[0] == "in_progress"
    assert kinds[-4:] == ["analysis.in_progress", "analysis.completed", "completed", "writer.in_progress"]
    drafts = {event["seat_id"]: event["content"] for event in events if event["type"].endswith("panel.completed")}
    assert set(drafts) == {"seat-1", "seat-2"}
    assert text_of(told) == ANSWER, "chunks with an event carry no text"


async def test_reasoning_streams_beside_the_content(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(WRITER, Text(ANSWER, reasoning="weigh it"))
    chunks = chunks_of(await stream(client, api.body()))
    thought = "".join(c["delta"].get("reasoning") or "" for chunk in chunks for c in chunk["choices"])
    assert (thought, text_of(chunks)) == ("weigh it", ANSWER)


async def test_a_call_of_the_client_s_tool_ends_the_stream(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(WRITER, ToolCall("weather", {"city": "Graz"}, content="Let me look."))
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    chunks = chunks_of(await stream(client, api.body(plugins=[AUTO], tools=[tool])))
    calls = [call for chunk in chunks for c in chunk["choices"] for call in c["delta"].get("tool_calls") or []]
    assert [(call["index"], call["function"]["name"]) for call in calls] == [(0, "weather")]
    assert calls[0]["function"]["arguments"] == '{"city": "Graz"}'
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert text_of(chunks) == "Let me look."


async def test_streamed_and_whole_say_the_same(api: Api, client: httpx.AsyncClient) -> None:
    ask = ToolCall("fusion", {"question": QUESTION}, content="I ask a panel.")
    api.models.on(WRITER, lambda call: ANSWER if call.tool_results else ask)
    body = api.body(plugins=[AUTO])
    chunks = chunks_of(await stream(client, body))
    whole = (await client.post("/v1/chat/completions", json=body)).json()
    assert text_of(chunks) == whole["choices"][0]["message"]["content"]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    [details] = [delta["reasoning_details"] for delta in deltas if "reasoning_details" in delta]
    assert details[0]["arguments"] == whole["choices"][0]["message"]["reasoning_details"][0]["arguments"]
    assert set(chunks[-1]["fusion"]) == set(whole["fusion"])


async def test_an_attempt_that_broke_off_cannot_be_taken_back_and_the_last_chunk_says_so(
    api: Api, client: httpx.AsyncClient
) -> None:
    api.models.on(WRITER, Text("On balance it never", chunk_delay=0.02, cut_after=3), ANSWER)
    chunks = chunks_of(await stream(client, api.body()))
    assert text_of(chunks).endswith(ANSWER)
    assert text_of(chunks) != ANSWER
    assert chunks[-1]["fusion"]["answer"] == ANSWER


async def test_a_writer_that_fails_leaves_the_best_draft(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(WRITER, Fault(401))
    chunks = chunks_of(await stream(client, api.body()))
    assert "It does" in text_of(chunks)
    assert [entry["reason"] for entry in chunks[-1]["fusion"]["degraded"]] == ["writer_failed"]


async def test_an_analysis_alone_streams_as_content(api: Api, client: httpx.AsyncClient) -> None:
    chunks = chunks_of(await stream(client, api.body(plugins=[{**FUSE, "mode": "analyze"}])))
    assert '"consensus": ["It does."]' in text_of(chunks)


async def test_a_run_without_an_answer_ends_its_stream_with_an_error(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(ALPHA, Fault(402, delay=0.1)).on(BETA, Fault(402))
    events = await stream(client, api.body())
    [last] = [chunk for chunk in chunks_of(events) if "error" in chunk]
    assert (last["error"]["code"], last["error"]["failure_reason"]) == (402, "insufficient_credits")
    assert last["choices"][0]["finish_reason"] == "error"
    assert events[-1] == "[DONE]"


async def test_settings_that_cannot_run_are_told_by_the_status_of_a_stream_too(
    api: Api, client: httpx.AsyncClient
) -> None:
    body = api.body(stream=True, plugins=[{**FUSE, "max_total_tokens": 50}])
    response = await client.post("/v1/chat/completions", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "limit_too_low")


async def test_the_panel_is_heard_while_it_writes(api: Api, client: httpx.AsyncClient) -> None:
    for model in (ALPHA, BETA):
        api.models.on(model, Text("a b c d e f g h", chunk_delay=0.05))
    api.models.on(JUDGE, AGREED)
    body = api.body(stream_options={"include_fusion_events": True})
    chunks = chunks_of(await stream(client, body))
    events = [chunk["fusion_event"] for chunk in chunks if "fusion_event" in chunk]
    order = [event["seat_id"] for event in events if event["type"].endswith("panel.delta")]
    assert len(order) >= 8
    assert sum(one != other for one, other in pairwise(order)) > 2, "both seats at once"

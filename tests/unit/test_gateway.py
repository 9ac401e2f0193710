from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.tools import tool

from fusion_graph.config import Reasoning
from fusion_graph.failures import classify
from fusion_graph.gateway import GatewayChat, is_gateway_tool
from fusion_graph.meter import finish_reason, served_model, usage_of
from fusion_graph.models import CallSettings, Models
from fusion_graph.resources import Resources
from fusion_graph.sources import found_in
from fusion_graph.testing import Fault, Malformed, ScriptedServer, Text, ToolCall, Usage

NAME = "vendor/model"
SEARCH = {"type": "openrouter:web_search", "parameters": {"max_results": 3}}


@tool
def find(query: str) -> str:
    """Find something."""
    return query


def model(resources: Resources, **settings: Any) -> Any:
    return Models(resources, {}).get(NAME, CallSettings(**settings), asked_by="seat 'a'")


async def answer(chat: Any, *, stream: bool) -> AIMessage:
    if not stream:
        return await chat.ainvoke("Hi")
    whole: AIMessageChunk | None = None
    async for chunk in chat.astream("Hi"):
        whole = chunk if whole is None else whole + chunk
    assert whole is not None
    return whole


@pytest.mark.parametrize("stream", [True, False])
async def test_tokens_and_the_gateways_own_cost_are_kept(server: ScriptedServer, resources, stream):
    used = Usage(prompt_tokens=100, completion_tokens=20, cached_tokens=60, reasoning_tokens=5, cost=0.00125)
    server.on(NAME, Text("Hello there", usage=used, served_model="vendor/model-2026"))
    message = await answer(model(resources), stream=stream)
    usage = usage_of(message)
    assert (usage.input_tokens, usage.output_tokens) == (100, 20)
    assert (usage.cached_tokens, usage.reasoning_tokens, usage.cost_usd) == (60, 5, 0.00125)
    assert (message.text, served_model(message), finish_reason(message)) == ("Hello there", "vendor/model-2026", "stop")


@pytest.mark.parametrize("stream", [True, False])
async def test_a_cost_of_nothing_is_zero_and_no_cost_is_unknown(server: ScriptedServer, resources, stream):
    server.on(NAME, Text("free", usage=Usage(cost=0.0)), Text("silent"))
    chat = model(resources)
    assert usage_of(await answer(chat, stream=stream)).cost_usd == 0.0
    assert usage_of(await answer(chat, stream=stream)).cost_usd is None


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_without_usage_has_unknown_usage(server: ScriptedServer, resources, stream):
    server.on(NAME, Text("silent", usage=None))
    usage = usage_of(await answer(model(resources), stream=stream))
    assert (usage.input_tokens, usage.output_tokens, usage.cost_usd) == (None, None, None)


@pytest.mark.parametrize("stream", [True, False])
async def test_reasoning_text_is_kept_beside_the_answer(server: ScriptedServer, resources, stream):
    server.on(NAME, Text("four", reasoning="two and two"))
    message = await answer(model(resources), stream=stream)
    assert message.additional_kwargs["reasoning_content"] == "two and two"
    assert message.text == "four"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_refusal_is_kept(server: ScriptedServer, resources, stream):
    server.on(NAME, Text(refusal="I would rather not."))
    message = await answer(model(resources), stream=stream)
    assert message.additional_kwargs["refusal"] == "I would rather not."


@pytest.mark.parametrize("stream", [True, False])
async def test_a_gateways_own_tools_are_sent_as_they_are_beside_ours(server: ScriptedServer, resources, stream):
    server.on(NAME, "ok")
    await answer(model(resources).bind_tools([find, SEARCH]), stream=stream)
    sent = server.calls[0].body["tools"]
    assert sent[1] == SEARCH
    assert (sent[0]["type"], sent[0]["function"]["name"]) == ("function", "find")


async def test_a_gateways_own_tools_can_be_the_only_ones(server: ScriptedServer, resources):
    server.on(NAME, "ok")
    await model(resources).bind_tools([SEARCH, {"type": "openrouter:web_fetch"}]).ainvoke("Hi")
    assert server.calls[0].body["tools"] == [SEARCH, {"type": "openrouter:web_fetch"}]


async def test_tools_of_ours_come_back_as_calls(server: ScriptedServer, resources):
    server.on(NAME, ToolCall("find", {"query": "taxes"}))
    message = await model(resources).bind_tools([find]).ainvoke("Hi")
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [("find", {"query": "taxes"})]


@pytest.mark.parametrize(
    ("given", "gateways"),
    [
        ({"type": "openrouter:web_search"}, True),
        ({"type": "function", "function": {"name": "a:b"}}, False),
        ({"type": "web_search"}, False),
        ({"name": "x"}, False),
        ("openrouter:web_search", False),
        (find, False),
    ],
)
def test_a_gateways_tool_is_told_by_its_vendor(given, gateways):
    assert is_gateway_tool(given) is gateways


@pytest.mark.parametrize("stream", [True, False])
async def test_limits_temperature_and_reasoning_go_onto_the_wire(server: ScriptedServer, resources, stream):
    server.on(NAME, "ok")
    reasoning = Reasoning(effort="max", max_tokens=2_000)
    await answer(model(resources, max_tokens=321, temperature=0.0, reasoning=reasoning), stream=stream)
    body = server.calls[0].body
    assert body["max_tokens"] == 321
    assert "max_completion_tokens" not in body
    assert body["temperature"] == 0.0
    assert body["reasoning"] == {"effort": "max", "max_tokens": 2_000}
    assert body["model"] == NAME


async def test_what_was_not_asked_for_is_not_sent(server: ScriptedServer, resources):
    server.on(NAME, "ok")
    await model(resources).ainvoke("Hi")
    assert set(server.calls[0].body) - {"stream"} == {"model", "messages"}


async def test_a_stream_asks_for_its_usage(server: ScriptedServer, resources):
    server.on(NAME, "ok")
    await answer(model(resources), stream=True)
    assert server.calls[0].body["stream_options"] == {"include_usage": True}


async def test_a_failed_call_is_not_repeated_behind_our_back(server: ScriptedServer, resources):
    server.on(NAME, Fault(500))
    with pytest.raises(Exception, match="The server had an error"):
        await model(resources).ainvoke("Hi")
    assert len(server.calls) == 1


CITED = [
    {"type": "url_citation", "url_citation": {"url": "https://x.org/a", "title": "A", "start_index": 0}},
    {"type": "url_citation", "url_citation": {"url": "https://x.org/b"}},
    {"type": "file", "file": {"name": "c"}},
]
FOUND = [("https://x.org/a", "A"), ("https://x.org/b", "https://x.org/b")]


def replayed(*events: dict[str, Any] | None, status: int = 200) -> GatewayChat:
    """A model whose gateway answers with these events as a stream, or with the only one as a whole."""

    def respond(request: httpx.Request) -> httpx.Response:
        if not json.loads(request.content).get("stream"):
            return httpx.Response(status, json=events[0])
        lines = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
        return httpx.Response(status, text=lines + "data: [DONE]\n\n", headers={"content-type": "text/event-stream"})

    client = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    return GatewayChat(model=NAME, base_url="http://gateway/v1", api_key="x", max_retries=0, http_async_client=client)


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": NAME, "choices": [choice], **more}


async def test_pages_that_the_gateways_tools_found_count_as_found():
    body = {"role": "assistant", "content": "It is so.", "annotations": CITED}
    choice = {"index": 0, "message": body, "finish_reason": "stop"}
    chat = replayed({"id": "1", "object": "chat.completion", "created": 1, "model": NAME, "choices": [choice]})
    message = await answer(chat, stream=False)
    assert [(source.url, source.title) for source in found_in([message])] == FOUND


async def test_pages_found_within_a_stream_count_too():
    chat = replayed(
        chunk({"role": "assistant", "content": "It is", "annotations": CITED[:1]}),
        chunk({"content": " so.", "annotations": CITED[1:]}),
        chunk({}, "stop"),
    )
    message = await answer(chat, stream=True)
    assert message.text == "It is so."
    assert [(source.url, source.title) for source in found_in([message])] == FOUND


@pytest.mark.parametrize(
    "annotations",
    [
        None,
        "x",
        [None, 3],
        [{"type": "url_citation"}],
        [{"type": "url_citation", "url_citation": {"url": "javascript:x"}}],
    ],
)
def test_annotations_of_another_form_find_nothing(annotations):
    message = AIMessage("x", additional_kwargs={"annotations": annotations})
    assert found_in([message, HumanMessage("x", additional_kwargs={"annotations": CITED})]) == []


async def test_a_stream_that_says_twice_why_it_ended_is_understood():
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 0.5}
    chat = replayed(
        chunk({"role": "assistant", "content": "half a dra"}),
        chunk({}, "length"),
        chunk({"content": ""}, "length", usage=usage),
    )
    message = await answer(chat, stream=True)
    assert (finish_reason(message), served_model(message), usage_of(message).cost_usd) == ("length", NAME, 0.5)


@pytest.mark.parametrize(
    "reply",
    [
        Malformed(),
        Malformed("<html>Bad gateway</html>", content_type="text/html"),
        Malformed("[]"),
        Malformed("{}"),
        Malformed('{"choices": null}'),
        Malformed('{"error": {"message": "No provider answered", "code": 502}}'),
    ],
    ids=lambda reply: reply.body,
)
async def test_an_answer_that_is_no_completion_is_an_error_of_the_upstream(server: ScriptedServer, resources, reply):
    server.on(NAME, reply)
    with pytest.raises(Exception) as raised:
        await model(resources).ainvoke("Hi")
    assert classify(raised.value).kind == "upstream"


async def test_json_is_read_whatever_it_is_called(server: ScriptedServer, resources):
    choice = {"index": 0, "message": {"role": "assistant", "content": "four"}, "finish_reason": "stop"}
    server.on(NAME, Malformed(json.dumps({"id": "1", "choices": [choice]}), content_type="text/plain"))
    assert (await model(resources).ainvoke("Hi")).text == "four"


@pytest.mark.parametrize("stream", [True, False])
async def test_headers_query_and_fields_of_a_single_call_are_sent(server: ScriptedServer, resources, stream):
    server.on(NAME, "ok")
    more = {"extra_headers": {"X-Title": "mine"}, "extra_query": {"v": "1"}, "extra_body": {"route": "fallback"}}
    await answer(model(resources).bind(**more, timeout=5.0), stream=stream)
    (call,) = server.calls
    assert (call.headers["x-title"], call.body["route"]) == ("mine", "fallback")
    assert not {"extra_headers", "extra_query", "extra_body", "timeout"} & set(call.body)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_call_of_its_own_time_ends_with_it(server: ScriptedServer, resources, stream):
    server.on(NAME, Text("late", delay=5.0))
    with pytest.raises(Exception) as raised:
        await answer(model(resources).bind(timeout=0.1), stream=stream)
    assert classify(raised.value).kind == "timeout"


@pytest.mark.parametrize("name", ["openai/gpt-5-codex", "gpt-6", "o3-pro", "gpt-5.5-pro"])
async def test_every_model_is_asked_by_chat_completions_whatever_its_name(server: ScriptedServer, name):
    server.on(name, "ok")
    chat = GatewayChat(model=name, base_url=server.base_url, api_key="x", max_retries=0)
    assert (await chat.bind_tools([find]).ainvoke("Hi")).text == "ok"

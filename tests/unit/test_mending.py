"""Answers in forms that OpenAI does not send, whole and streamed, as real and broken gateways send them."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk

from fusion_graph.errors import UnreadableAnswerError
from fusion_graph.failures import classify
from fusion_graph.gateway import GatewayChat
from fusion_graph.mending import mend_answer, mend_chunk
from fusion_graph.usage import usage_of

CALL = {"id": "1", "type": "function", "function": {"name": "find", "arguments": '{"query": "x"}'}}
USED = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def gateway(body: bytes, content_type: str) -> GatewayChat:
    """A model whose gateway answers with these bytes."""

    def respond(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=body, headers={"content-type": content_type})

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(respond))
    return GatewayChat(model="m", base_url="http://gateway/v1", api_key="x", max_retries=0, http_async_client=client)


async def told(body: Any) -> AIMessage:
    return await gateway(json.dumps(body).encode(), "application/json").ainvoke("Hi")


async def streamed(*chunks: Any) -> AIMessageChunk:
    lines = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    whole: AIMessageChunk | None = None
    async for piece in gateway(lines.encode(), "text/event-stream").astream("Hi"):
        whole = piece if whole is None else whole + piece
    assert whole is not None
    return whole


def answer(message: Any, **more: Any) -> dict[str, Any]:
    return {"id": "1", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **more}


def chunk(delta: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": "1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def calling(**function: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [{**CALL, "function": {"name": "find", **function}}]}


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ({}, {}),
        ({"arguments": None}, {}),
        ({"arguments": ""}, {}),
        ({"arguments": "[1]"}, {}),
        ({"arguments": {"query": "x"}}, {"query": "x"}),
    ],
    ids=str,
)
async def test_a_tool_call_is_read_whatever_its_arguments_come_as(function, arguments):
    message = await told(answer(calling(**function)))
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [("find", arguments)]


async def test_streamed_tool_calls_without_an_index_are_not_lost():
    second = {**CALL, "id": "2", "function": {"name": "find", "arguments": {"query": "y"}}}
    message = await streamed(chunk({"role": "assistant", "tool_calls": [CALL, second]}), chunk({}, "tool_calls"))
    assert [(call["id"], call["args"]) for call in message.tool_calls] == [("1", {"query": "x"}), ("2", {"query": "y"})]


@pytest.mark.parametrize("last", [{"finish_reason": "stop"}, {"delta": None, "finish_reason": "stop"}], ids=str)
async def test_a_stream_may_end_or_go_on_without_a_delta(last):
    filtered = {"choices": [{"index": 0, "content_filter_offsets": {}, "finish_reason": None}]}
    message = await streamed(
        chunk({"role": "assistant", "content": "four"}), filtered, {"choices": [last], "model": "m"}
    )
    assert (message.text, message.response_metadata["finish_reason"]) == ("four", "stop")


@pytest.mark.parametrize("role", [None, "model", "user"])
async def test_an_answer_is_the_assistants_whatever_it_is_called(role):
    assert isinstance(await told(answer({"role": role, "content": "four"})), AIMessage)
    assert isinstance(await streamed(chunk({"role": role, "content": "four"}), chunk({}, "stop")), AIMessageChunk)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": "3", "completion_tokens": 2.0, "prompt_tokens_details": {"cached_tokens": "1"}}, (3, 2, 1)),
        ({**USED, "prompt_tokens_details": 7, "completion_tokens_details": "x"}, (3, 2, None)),
        ({"prompt_tokens": None, "completion_tokens": None}, (None, None, None)),
        ({"total_tokens": 5}, (None, None, None)),
        ({"prompt_tokens": 3.5, "completion_tokens": -2}, (None, None, None)),
        ("five", (None, None, None)),
        ([5], (None, None, None)),
        ({}, (None, None, None)),
    ],
    ids=str,
)
async def test_tokens_are_counted_where_they_are_numbers_and_unknown_where_not(usage, tokens):
    for message in (
        await told(answer({"role": "assistant", "content": "four"}, usage=usage)),
        await streamed(chunk({"role": "assistant", "content": "four"}), chunk({}, "stop", usage=usage)),
    ):
        used = usage_of(message)
        assert (message.text, used.input_tokens, used.output_tokens, used.cached_tokens) == ("four", *tokens)


async def test_a_cost_without_tokens_is_kept():
    message = await told(answer({"role": "assistant", "content": "four"}, usage={"cost": 0.5}))
    assert (usage_of(message).cost_usd, usage_of(message).input_tokens) == (0.5, None)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"choices": []}, "upstream"),
        ({"choices": {}}, "upstream"),
        ({"choices": [None]}, "upstream"),
        ({"choices": "oops"}, "upstream"),
        (answer(None), "upstream"),
        (answer({"content": 3}), "upstream"),
        (answer({"content": "x", "tool_calls": [{"id": "1", "type": "function"}]}), "upstream"),
        ({"error": "overloaded"}, "upstream"),
        ({"error": {"message": "overloaded"}}, "upstream"),
        ({"error": {"message": "slow down", "code": 429}}, "rate_limited"),
        ({"error": {"message": "maximum context length is 3", "code": 400}}, "context_overflow"),
    ],
    ids=str,
)
async def test_what_is_no_answer_is_a_typed_error(body, kind):
    with pytest.raises(UnreadableAnswerError) as raised:
        await told(body)
    assert classify(raised.value).kind == kind


@pytest.mark.parametrize("body", [b'{"choices": "\xff"}', b"[" * 100_000, b'{"created": ' + b"9" * 5_000 + b"}"])
@pytest.mark.parametrize("stream", [True, False])
async def test_json_that_cannot_be_read_is_an_error_of_the_upstream(body, stream):
    sent, kind = (b"data: " + body + b"\n\n", "text/event-stream") if stream else (body, "application/json")
    with pytest.raises(UnreadableAnswerError) as raised:
        await gateway(sent, kind).ainvoke("Hi", stream=stream)
    assert classify(raised.value).kind == "upstream"


@pytest.mark.parametrize("odd", [[1], 3, None, "x", chunk("x"), chunk({"content": 5})], ids=str)
async def test_a_chunk_that_is_none_is_an_error_of_the_upstream(odd):
    with pytest.raises(UnreadableAnswerError) as raised:
        await streamed(chunk({"role": "assistant", "content": "four"}), odd)
    assert classify(raised.value).kind == "upstream"


async def test_a_stream_without_chunks_is_an_error_of_the_upstream():
    with pytest.raises(ValueError, match="No generation chunks") as raised:
        _ = [piece async for piece in gateway(b"<html>", "text/html").astream("Hi")]
    assert classify(raised.value).kind == "upstream"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "message", "delta", "tool_calls", "function", "arguments", "usage", "prompt_tokens", "role"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["choices", "usage", "error", "type", "model"]), JSON, max_size=4))
def test_any_json_is_read_or_a_typed_error(raw):
    chat = gateway(b"", "application/json")
    mend_answer(json.loads(json.dumps(raw)))
    mend_chunk(json.loads(json.dumps(raw)))
    for read in (
        lambda: chat._create_chat_result(json.loads(json.dumps(raw))),
        lambda: chat._convert_chunk_to_generation_chunk(json.loads(json.dumps(raw)), AIMessageChunk, None),
    ):
        with suppress(UnreadableAnswerError):
            read()

"""Scripted replies as the clients of real graphs read them."""

import json

import openai
import pytest
from langchain_core import exceptions as lc

from fusion_graph.testing import (
    Fault,
    Malformed,
    ScriptedServer,
    Text,
    ToolCall,
    ToolCalls,
    Usage,
    chat_model,
)

MODEL = "vendor/model"
ASK = [{"role": "user", "content": "Say hello."}]
TOOLS = [{"type": "function", "function": {"name": "web_search", "parameters": {"type": "object"}}}]


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


@pytest.fixture
async def client(server):
    async with openai.AsyncOpenAI(base_url=server.base_url, api_key="secret", max_retries=0) as made:
        yield made


async def create(client, **request):
    return await client.chat.completions.create(**{"model": MODEL, "messages": ASK, **request})


async def stream(client, **request):
    return [chunk async for chunk in await create(client, stream=True, **request)]


def joined(chunks, name):
    return "".join(getattr(choice.delta, name, None) or "" for chunk in chunks for choice in chunk.choices)


both = pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])


async def test_a_text_comes_whole_or_word_by_word(server, client):
    server.on(MODEL, "Hello,  wide\nworld. ")
    assert (await create(client)).choices[0].message.content == "Hello,  wide\nworld. "
    chunks = await stream(client)
    assert joined(chunks, "content") == "Hello,  wide\nworld. "
    assert [c.choices[0].delta.content for c in chunks[1:-1]] == ["Hello,  ", "wide\n", "world. "]
    assert chunks[-1].choices[0].finish_reason == "stop"


@both
async def test_tool_calls_arrive_with_their_arguments_intact(server, streaming):
    first = {"query": 'a "long" query with ünïcode and, punctuation', "n": [1, 2, {"deep": None}]}
    server.on(
        MODEL,
        ToolCalls([ToolCall("web_search", first, call_id="c1"), ToolCall("invented")], content="Let me"),
    )
    message = await chat_model(server, MODEL, streaming=streaming).ainvoke("go")
    assert message.content == "Let me"
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [
        ("web_search", first),
        ("invented", {}),
    ]
    assert message.tool_calls[0]["id"] == "c1"
    assert message.tool_calls[1]["id"].startswith("call_")
    assert message.response_metadata["finish_reason"] == "tool_calls"


@both
async def test_bad_tool_arguments_are_sent_as_they_are(server, streaming):
    server.on(MODEL, ToolCall("web_search", raw_arguments="no JSON at all"))
    message = await chat_model(server, MODEL, streaming=streaming).ainvoke("go")
    assert not message.tool_calls
    assert message.invalid_tool_calls[0]["args"] == "no JSON at all"


def test_delivery_is_set_on_the_message_not_on_one_of_its_calls():
    with pytest.raises(ValueError, match="'web_search'"):
        ToolCalls([ToolCall("web_search", delay=1)])


async def test_usage_holds_what_the_script_names(server, client):
    server.on(MODEL, Text("hi", usage=Usage(100, 20, cached_tokens=64, reasoning_tokens=7, cost=0.0125)))
    whole = (await create(client)).usage
    chunks = await stream(client, stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    for usage in (whole, chunks[-1].usage):
        assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (100, 20, 120)
        assert usage.prompt_tokens_details.cached_tokens == 64
        assert usage.completion_tokens_details.reasoning_tokens == 7
        assert usage.cost == 0.0125


async def test_usage_is_streamed_only_on_request(server, client):
    server.on(MODEL, "hi")
    assert all(chunk.usage is None for chunk in await stream(client))
    asked = await stream(client, extra_body={"usage": {"include": True}})
    assert asked[-1].usage.total_tokens > 0


async def test_usage_is_estimated_without_inventing_details_and_can_be_withheld(server, client):
    server.on(MODEL, Text("x" * 40), Text("hi", usage=None))
    estimated = (await create(client)).usage
    assert (estimated.prompt_tokens, estimated.completion_tokens) == (3, 10)
    assert estimated.prompt_tokens_details is None
    assert (await create(client)).usage is None
    assert all(chunk.usage is None for chunk in await stream(client, stream_options={"include_usage": True}))


@both
async def test_langchain_reads_usage_served_model_and_finish_reason(server, streaming):
    usage = Usage(100, 20, cached_tokens=64, reasoning_tokens=7)
    server.on(MODEL, Text("cut sh", usage=usage, finish_reason="length", served_model="vendor/model-0425"))
    message = await chat_model(server, MODEL, streaming=streaming).ainvoke("go")
    assert message.usage_metadata["input_token_details"]["cache_read"] == 64
    assert message.usage_metadata["output_token_details"]["reasoning"] == 7
    assert message.response_metadata["model_name"] == "vendor/model-0425"
    assert message.response_metadata["finish_reason"] == "length"


async def test_reasoning_refusal_and_content_filter_have_their_own_fields(server, client):
    server.on(MODEL, Text("42", reasoning="think hard"))
    message = (await create(client)).choices[0].message
    assert (message.reasoning, message.reasoning_content, message.content) == (
        "think hard",
        "think hard",
        "42",
    )
    chunks = await stream(client)
    assert (joined(chunks, "reasoning"), joined(chunks, "content")) == ("think hard", "42")
    server.on(MODEL, Text(refusal="I will not.", finish_reason="content_filter"))
    choice = (await create(client)).choices[0]
    assert (choice.message.content, choice.message.refusal) == (None, "I will not.")
    assert choice.finish_reason == "content_filter"
    assert joined(await stream(client), "refusal") == "I will not."


@both
async def test_an_answer_may_be_empty(server, streaming):
    server.on(MODEL, Text(""))
    message = await chat_model(server, MODEL, streaming=streaming).ainvoke("go")
    assert (message.content, message.tool_calls) == ("", [])


@both
@pytest.mark.parametrize(
    ("fault", "typed"),
    [
        (Fault(400), lc.ModelInvalidRequestError),
        (Fault(401), lc.ModelAuthenticationError),
        (Fault(403), lc.ModelPermissionDeniedError),
        (Fault(404), lc.ModelNotFoundError),
        (Fault(429), lc.ModelRateLimitError),
        (Fault(500), lc.ModelAPIError),
        (Fault(503), lc.ModelAPIError),
        (Fault(400, "prompt is too long", code="context_length_exceeded"), lc.ContextOverflowError),
        (Fault.context_length(), openai.BadRequestError),
        (Fault(402), openai.APIStatusError),
    ],
    ids=lambda value: str(getattr(value, "status", None)),
)
async def test_a_fault_raises_its_typed_error(server, streaming, fault, typed):
    server.on(MODEL, fault)
    with pytest.raises(typed) as caught:
        await chat_model(server, MODEL, streaming=streaming).ainvoke("go")
    assert caught.value.status_code == fault.status
    assert caught.value.code == fault.error()["code"]


async def test_a_rate_limit_says_when_to_come_back(server, client):
    server.on(MODEL, Fault(429, retry_after=0.05), "fine")
    with pytest.raises(openai.RateLimitError) as caught:
        await create(client)
    assert caught.value.response.headers["retry-after"] == "0.05"
    server.on(MODEL, Fault(429, retry_after=0.05), "fine")
    assert (await create(client.with_options(max_retries=1))).choices[0].message.content == "fine"


@both
async def test_a_malformed_body_is_no_json(server, client, streaming):
    server.on(MODEL, Malformed())
    with pytest.raises(json.JSONDecodeError):
        await (stream(client) if streaming else create(client))


@both
async def test_a_cut_answer_is_a_connection_error(server, streaming):
    server.on(MODEL, Text("one two three four five", cut_after=3))
    seen = []
    with pytest.raises(lc.ModelConnectionError):  # noqa: PT012 - what came before the error counts
        async for chunk in chat_model(server, MODEL, disable_streaming=not streaming).astream("go"):
            seen.append(chunk.text)  # noqa: PERF401
    assert "".join(seen) == ("one two " if streaming else "")
    await server.until(lambda: server.open_requests == 0)
    call = server.calls[0]
    assert (call.cut, call.completed, call.disconnected) == (True, False, False)


async def test_a_stream_shorter_than_its_cut_still_ends_without_done(server, client):
    server.on(MODEL, Text("one", cut_after=99))
    with pytest.raises(openai.APIConnectionError):
        await stream(client)


async def test_an_error_may_come_in_the_middle_of_a_stream(server, client):
    server.on(MODEL, Text("one two three", cut_after=2, cut_with=Fault(502, "The provider left.")))
    with pytest.raises(openai.APIError, match="The provider left"):
        await stream(client)
    assert (await create(client)).error["code"] == 502
    with pytest.raises(ValueError, match="cut_after"):
        Text("one", cut_with=Fault(502))

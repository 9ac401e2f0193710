"""OpenAI's and OpenRouter's own Python clients, and LangChain's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from api_house import ALPHA, ANSWER, AUTO, BETA, DRAFTS, FUSE, JUDGE, QUESTION, WRITER, Api, convenes
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from openai import APIError, APIStatusError, AsyncOpenAI
from openrouter import OpenRouter
from openrouter.components import FusionCallPanelCompletedEvent, OutputFusionServerToolItem
from pydantic import SecretStr

from fusion_graph.testing import Fault, Text, ToolCall, Usage

ASKED: Any = {"model": WRITER, "messages": [{"role": "user", "content": QUESTION}]}
PLUGINS: Any = {"plugins": [FUSE]}
TOOL: Any = {
    "type": "openrouter:fusion",
    "parameters": {"analysis_models": [ALPHA, BETA], "model": JUDGE, "tools": [], "mode": "fuse"},
}


@pytest.fixture
async def openai(api: Api) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{api.url}/v1", api_key="none", max_retries=0) as connected:
        yield connected


@pytest.fixture
async def openrouter(api: Api) -> AsyncIterator[OpenRouter]:
    async with OpenRouter(server_url=f"{api.url}/v1", api_key="none") as connected:
        yield connected


async def test_openai_chat(openai: AsyncOpenAI) -> None:
    completion = await openai.chat.completions.create(**ASKED, extra_body=PLUGINS)
    assert completion.choices[0].message.content == ANSWER
    assert completion.model_extra is not None
    assert completion.model_extra["fusion"]["deliberated"] is True


async def test_openai_chat_streamed_with_its_accumulator(api: Api, openai: AsyncOpenAI) -> None:
    api.models.on(WRITER, Text(ANSWER, chunk_delay=0.005))
    options: Any = {"include_usage": True, "include_fusion_events": True}
    async with openai.chat.completions.stream(**ASKED, stream_options=options, extra_body=PLUGINS) as stream:
        pieces = [event.delta async for event in stream if event.type == "content.delta"]
        completion = await stream.get_final_completion()
    assert "".join(pieces) == completion.choices[0].message.content == ANSWER
    assert completion.usage is not None
    assert completion.usage.total_tokens > 0


async def test_openai_chat_hears_an_error_within_a_stream(api: Api, openai: AsyncOpenAI) -> None:
    api.models.on(ALPHA, Fault(402)).on(BETA, Fault(402))
    with pytest.raises(APIError, match="out of credits"):
        async for _ in await openai.chat.completions.create(**ASKED, stream=True, extra_body=PLUGINS):
            pass


async def test_openai_responses(api: Api, openai: AsyncOpenAI) -> None:
    response = await openai.responses.create(model=WRITER, input=QUESTION, tools=[TOOL])
    assert response.output_text == ANSWER
    assert response.status == "completed"
    assert response.output[0].type == "openrouter:fusion"  # type: ignore[comparison-overlap]


async def test_openai_responses_streamed(api: Api, openai: AsyncOpenAI) -> None:
    api.models.on(WRITER, Text(ANSWER, chunk_delay=0.005))
    stream = await openai.responses.create(model=WRITER, input=QUESTION, stream=True, extra_body=PLUGINS)
    events: list[Any] = [event async for event in stream]
    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(pieces) == ANSWER == events[-1].response.output_text
    assert "response.fusion_call.panel.added" in {event.type for event in events}


# The accumulator dumps the Response anew, and warns of every item that OpenAI itself does not have.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
async def test_openai_responses_streamed_with_its_accumulator(api: Api, openai: AsyncOpenAI) -> None:
    api.models.on(WRITER, convenes(ANSWER))
    async with openai.responses.stream(model=WRITER, input=QUESTION, extra_body={"plugins": [AUTO]}) as stream:
        response = await stream.get_final_response()
    assert response.output_text == ANSWER


async def test_openai_responses_with_the_client_s_tools(api: Api, openai: AsyncOpenAI) -> None:
    api.models.on(
        WRITER, lambda call: f"It is {call.tool_results[0]}." if call.tool_results else ToolCall("weather", {"c": 1})
    )
    tool: Any = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    asked: Any = {"model": WRITER, "tools": [tool], "extra_body": {"plugins": [AUTO]}}
    response = await openai.responses.create(input=QUESTION, **asked)
    call: Any = response.output[0]
    assert (call.type, call.name) == ("function_call", "weather")
    done: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    history: Any = [{"role": "user", "content": QUESTION}, *response.output, done]
    again = await openai.responses.create(input=history, **asked)
    assert again.output_text == "It is sunny."


async def test_openai_hears_what_is_wrong(openai: AsyncOpenAI) -> None:
    with pytest.raises(APIStatusError) as refused:
        await openai.chat.completions.create(**ASKED, extra_body={"plugins": [{**FUSE, "max_tool_calls": 17}]})
    assert (refused.value.status_code, refused.value.param) == (400, "plugins[0].max_tool_calls")


async def test_openrouter_chat_with_the_plugin(api: Api, openrouter: OpenRouter) -> None:
    api.models.on(WRITER, Text(ANSWER, usage=Usage(10, 5, cost=0.5)))
    plugin: Any = {"id": "fusion", "analysis_models": [ALPHA, BETA], "model": JUDGE, "tools": []}
    asked: Any = {**ASKED, "plugins": [plugin]}
    result: Any = await openrouter.chat.send_async(**asked)
    assert result.choices[0].message.content == ANSWER
    assert result.usage.cost == 0.5
    stream: Any = await openrouter.chat.send_async(**asked, stream=True)
    async with stream as events:
        chunks = [chunk async for chunk in events]
    assert "".join(c.delta.content or "" for chunk in chunks for c in chunk.choices) == ANSWER


async def test_openrouter_responses_with_the_server_tool_streams_typed_fusion_events(
    api: Api, openrouter: OpenRouter
) -> None:
    api.models.on(WRITER, convenes(ANSWER))
    tool: Any = {**TOOL, "parameters": {name: value for name, value in TOOL["parameters"].items() if name != "mode"}}
    asked: Any = {"model": WRITER, "input": QUESTION, "tools": [tool]}
    result: Any = await openrouter.responses.send_async(**asked)
    assert isinstance(result.output[0], OutputFusionServerToolItem)
    stream: Any = await openrouter.responses.send_async(**asked, stream=True)
    async with stream as events:
        told = [event async for event in events]
    drafts = {event.model: event.content for event in told if isinstance(event, FusionCallPanelCompletedEvent)}
    assert drafts == DRAFTS
    assert told[-1].type == "response.completed"


async def test_langchain_s_chat_openai(api: Api) -> None:
    chat = ChatOpenAI(
        model=WRITER, base_url=f"{api.url}/v1", api_key=SecretStr("none"), max_retries=0, extra_body=PLUGINS
    )
    assert (await chat.ainvoke(QUESTION)).text == ANSWER
    whole: Any = None
    async for chunk in chat.astream(QUESTION):
        whole = chunk if whole is None else whole + chunk
    assert whole.text == ANSWER
    assert whole.usage_metadata["total_tokens"] > 0


async def test_langchain_s_chat_openai_over_responses(api: Api) -> None:
    chat = ChatOpenAI(
        model=WRITER,
        base_url=f"{api.url}/v1",
        api_key=SecretStr("none"),
        max_retries=0,
        use_responses_api=True,
        extra_body=PLUGINS,
    )
    assert (await chat.ainvoke(QUESTION)).text == ANSWER
    whole: Any = None
    async for chunk in chat.astream(QUESTION):
        whole = chunk if whole is None else whole + chunk
    assert whole.text == ANSWER


@pytest.mark.parametrize("responses", [False, True])
async def test_langchain_s_chat_openai_runs_its_own_tools(api: Api, responses: bool) -> None:
    api.models.on(
        WRITER, lambda call: f"It is {call.tool_results[0]}." if call.tool_results else ToolCall("weather", {"c": 1})
    )
    chat = ChatOpenAI(
        model=WRITER,
        base_url=f"{api.url}/v1",
        api_key=SecretStr("none"),
        max_retries=0,
        use_responses_api=responses,
        extra_body={"plugins": [AUTO]},
    ).bind_tools([{"name": "weather", "description": "Weather.", "parameters": {"type": "object", "properties": {}}}])
    said = await chat.ainvoke(QUESTION)
    [call] = said.tool_calls
    assert (call["name"], call["args"]) == ("weather", {"c": 1})
    done = ToolMessage("sunny", tool_call_id=call["id"])
    assert (await chat.ainvoke([HumanMessage(QUESTION), said, done])).text == "It is sunny."


async def test_openai_chat_with_the_client_s_tools(api: Api, openai: AsyncOpenAI) -> None:
    api.models.on(
        WRITER, lambda call: f"It is {call.tool_results[0]}." if call.tool_results else ToolCall("weather", {"c": 1})
    )
    tool: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    asked: Any = {"model": WRITER, "tools": [tool], "extra_body": {"plugins": [AUTO]}}
    completion = await openai.chat.completions.create(messages=ASKED["messages"], **asked)
    said = completion.choices[0].message
    assert said.tool_calls is not None
    done: Any = {"role": "tool", "tool_call_id": said.tool_calls[0].id, "content": "sunny"}
    again = await openai.chat.completions.create(messages=[*ASKED["messages"], said, done], **asked)
    assert again.choices[0].message.content == "It is sunny."


async def test_openrouter_and_openai_read_the_list_of_models(openrouter: OpenRouter, openai: AsyncOpenAI) -> None:
    listed: Any = await openrouter.models.list_async()
    entries = {entry.id: entry for entry in listed.result.data}
    assert entries["openrouter/fusion"].pricing.prompt == "-1"
    assert {model.id async for model in openai.models.list()} == set(entries)
    assert (await openai.models.retrieve("fusion/general-fast")).id == "fusion/general-fast"

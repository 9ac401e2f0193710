"""`POST /v1/messages`, by Anthropic's own client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from anthropic import APIStatusError, AsyncAnthropic
from anthropic.types import Message, RawMessageStreamEvent
from api_house import ALPHA, ANSWER, AUTO, BETA, FUSE, QUESTION, WRITER, Api, events_of
from pydantic import TypeAdapter

from fusion_graph.testing import Fault, Text, ToolCall, Usage

EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
WEATHER: Any = {"name": "weather", "input_schema": {"type": "object", "properties": {}}}
ASKED: Any = {"model": WRITER, "max_tokens": 500, "messages": [{"role": "user", "content": QUESTION}]}


@pytest.fixture
async def claude(api: Api) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=api.url, api_key="none", max_retries=0) as connected:
        yield connected


async def test_a_fused_answer_is_a_message(api: Api, claude: AsyncAnthropic) -> None:
    api.models.on(WRITER, Text(ANSWER, usage=Usage(10, 5, cached_tokens=4, cost=0.5)))
    message = await claude.messages.create(**ASKED, extra_body={"plugins": [FUSE]})
    assert message.content[0].type == "text"
    assert message.content[0].text == ANSWER
    assert (message.stop_reason, message.model) == ("end_turn", WRITER)
    told = message.model_dump()
    Message.model_validate(told)
    assert told["fusion"]["deliberated"] is True
    assert told["usage"]["cache_read_input_tokens"] == 4
    assert (told["usage"]["cost"], told["usage"]["cost_at_least"]) == (0.5, True)


async def test_a_streamed_message_comes_to_the_same(api: Api, claude: AsyncAnthropic) -> None:
    ask = ToolCall("fusion", {"question": QUESTION}, content="I ask a panel.")
    api.models.on(WRITER, lambda call: ANSWER if call.tool_results else ask)
    async with claude.messages.stream(**ASKED, extra_body={"plugins": [AUTO]}) as stream:
        pieces = [text async for text in stream.text_stream]
        message = await stream.get_final_message()
    assert "".join(pieces) == f"I ask a panel.{ANSWER}"
    assert [block.text for block in message.content if block.type == "text"] == ["I ask a panel.", ANSWER]
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens > 0


async def test_every_event_is_anthropic_s(api: Api, client: httpx.AsyncClient) -> None:
    body = {**ASKED, "plugins": [FUSE], "stream": True}
    async with client.stream("POST", "/v1/messages", json=body) as response:
        events = [(name, data) for name, data in await events_of(response) if name != ":"]
    for name, data in events:
        assert name == data["type"]
        EVENT.validate_python(data)
    kinds = [name for name, _ in events if name != "content_block_delta"]
    assert kinds == ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"]
    assert events[-2][1]["fusion"]["receipt"]["status"] == "ok"


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_call_of_the_client_s_tool_is_a_tool_use(api: Api, claude: AsyncAnthropic, streamed: bool) -> None:
    api.models.on(WRITER, ToolCall("weather", {"city": "Graz"}, call_id="call_1", content="Let me look."))
    asked = {**ASKED, "tools": [WEATHER], "extra_body": {"plugins": [AUTO]}}
    if streamed:
        async with claude.messages.stream(**asked) as stream:
            message = await stream.get_final_message()
    else:
        message = await claude.messages.create(**asked)
    assert [block.type for block in message.content] == ["text", "tool_use"]
    used = message.content[1]
    assert used.type == "tool_use"
    assert (used.id, used.name, used.input) == ("call_1", "weather", {"city": "Graz"})
    assert message.stop_reason == "tool_use"


async def test_errors_have_anthropic_s_shape(api: Api, claude: AsyncAnthropic, client: httpx.AsyncClient) -> None:
    with pytest.raises(APIStatusError) as refused:
        await claude.messages.create(**ASKED, extra_body={"plugins": [{**FUSE, "max_tool_calls": 17}]})
    assert (refused.value.status_code, refused.value.type) == (400, "invalid_request_error")
    api.models.on(ALPHA, Fault(402)).on(BETA, Fault(402))
    response = await client.post("/v1/messages", json={**ASKED, "plugins": [FUSE]})
    assert response.status_code == 402
    assert response.json()["type"] == "error"
    assert response.json()["error"]["type"] == "billing_error"
    assert response.json()["error"]["failure_reason"] == "insufficient_credits"
    assert response.json()["request_id"] == response.headers["x-request-id"]


async def test_a_run_without_an_answer_ends_its_stream_with_an_error(api: Api, claude: AsyncAnthropic) -> None:
    api.models.on(ALPHA, Fault(402)).on(BETA, Fault(402))
    with pytest.raises(APIStatusError) as failed:
        async with claude.messages.stream(**ASKED, extra_body={"plugins": [FUSE]}) as stream:
            await stream.get_final_message()
    assert "out of credits" in str(failed.value)

"""The requests that clients nobody here wrote send by default, as they are on the wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from request_desk import ASKED, QUESTION, Desk

from fusion_graph.server.plan import RunPlan


@tool
def lookup(order: str) -> str:
    """Look up an order."""
    return order


class Verdict(BaseModel):
    """A verdict."""

    yes: bool


class Wire:
    """Keeps the body of what a client sends; the answer is an error that ends the client's call."""

    def __init__(self) -> None:
        self.body: dict[str, Any] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.body = json.loads(request.content)
        return httpx.Response(400, json={"error": {"message": "seen", "type": "invalid_request_error"}})

    def answer2(self, request: httpx2.Request) -> httpx2.Response:
        self.body = json.loads(request.content)
        return httpx2.Response(400, json={"error": {"message": "seen", "type": "invalid_request_error"}})

    def sent_by(self, call: Callable[[], Any]) -> dict[str, Any]:
        with pytest.raises(Exception, match="seen"):
            call()
        return self.body


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def http(wire: Wire) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(wire.answer))


def conversation() -> list[Any]:
    call = {"name": "lookup", "args": {"order": "7"}, "id": "c1", "type": "tool_call"}
    return [
        SystemMessage("Be brief."),
        HumanMessage("Order 7?"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("shipped", tool_call_id="c1"),
    ]


@pytest.mark.parametrize("responses", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_langchains_chat_model(wire: Wire, http: httpx.Client, *, responses: bool, stream: bool) -> None:
    model = ChatOpenAI(
        model="openrouter/fusion",
        base_url="http://test/v1",
        api_key="k",
        http_client=http,
        max_retries=0,
        use_responses_api=responses,
        streaming=stream,
        temperature=0,
        extra_body={"plugins": [{"id": "fusion", "preset": "general-fast"}]},
    )
    desk = Desk()
    plan_of = desk.respond if responses else desk.chat
    for asked in (
        lambda: model.invoke(QUESTION),
        lambda: model.bind_tools([lookup], tool_choice="lookup").invoke(conversation()),
        lambda: model.bind_tools([lookup], strict=True, parallel_tool_calls=False).invoke(conversation()),
        lambda: model.with_structured_output(Verdict).invoke(QUESTION),
    ):
        plan: RunPlan = plan_of(**wire.sent_by(asked))
        assert (plan.config.preset, plan.graph) == ("general-fast", "fusion_agent")


def test_openais_client(wire: Wire, http: httpx.Client) -> None:
    client = openai.OpenAI(base_url="http://test/v1", api_key="k", http_client=http, max_retries=0)
    desk = Desk()
    chat: Any = client.chat.completions
    function: Any = {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object"}}}
    for asked in (
        lambda: chat.create(model="openrouter/fusion", messages=ASKED),
        lambda: chat.create(model="openrouter/fusion", messages=ASKED, stream=True, tools=[function]),
        lambda: chat.parse(model="openrouter/fusion", messages=ASKED, response_format=Verdict),
    ):
        assert desk.chat(**wire.sent_by(asked)).surface == "slug"
    answers: Any = client.responses
    for asked in (
        lambda: answers.create(model="fusion/general-fast", input=QUESTION, background=True),
        lambda: answers.create(model="fusion/general-fast", input=QUESTION, stream=True, store=True),
        lambda: answers.parse(model="fusion/general-fast", input=QUESTION, text_format=Verdict),
        lambda: answers.create(
            model="fusion/general-fast", input=QUESTION, extra_body={"fusion": {"mode": "fuse", "quorum": 2}}
        ),
    ):
        assert desk.respond(**wire.sent_by(asked)).graph == "fusion"


def test_a_message_of_openais_client_comes_back_as_it_was_got(wire: Wire, http: httpx.Client) -> None:
    got = openai.types.chat.ChatCompletionMessage.model_validate(
        {"role": "assistant", "content": "Yes.", "annotations": [], "reasoning_details": [], "refusal": None}
    )
    client = openai.OpenAI(base_url="http://test/v1", api_key="k", http_client=http, max_retries=0)
    messages: Any = [*ASKED, got, {"role": "user", "content": "Why?"}]
    sent = wire.sent_by(lambda: client.chat.completions.create(model="openrouter/fusion", messages=messages))
    assert [message.type for message in Desk().chat(**sent).messages] == ["human", "ai", "human"]
    whole = [*ASKED, got.model_dump(), {"role": "user", "content": "Why?"}]
    assert len(Desk().chat(messages=whole).messages) == 3


def test_anthropics_client(wire: Wire) -> None:
    http2 = httpx2.Client(transport=httpx2.MockTransport(wire.answer2))
    client = anthropic.Anthropic(base_url="http://test", api_key="k", http_client=http2, max_retries=0)
    desk = Desk()
    create: Any = client.messages.create
    custom: Any = {"name": "lookup", "input_schema": {"type": "object", "properties": {}, "required": []}}
    for asked in (
        lambda: create(model="openrouter/fusion", max_tokens=100, messages=ASKED),
        lambda: create(model="openrouter/fusion", max_tokens=100, messages=ASKED, stream=True, system="Be brief."),
        lambda: create(model="openrouter/fusion", max_tokens=100, messages=ASKED, tools=[custom]),
    ):
        assert desk.message(**wire.sent_by(asked)).surface == "slug"


def test_openrouters_client(wire: Wire, http: httpx.Client) -> None:
    openrouter = pytest.importorskip("openrouter")
    client: Any = openrouter.OpenRouter(api_key="k", server_url="http://test/api/v1", client=http)
    desk = Desk()
    plugin = {
        "id": "fusion",
        "preset": "general-fast",
        "max_tool_calls": 6,
        "tools": [{"type": "openrouter:web_fetch"}],
    }
    tool_entry = {"type": "openrouter:fusion", "parameters": {"analysis_models": ["a/b", "a/b"], "max_tool_calls": 4}}
    for asked in (
        lambda: client.chat.send(model="a/b", messages=ASKED, plugins=[plugin]),
        lambda: client.chat.send(model="a/b", messages=ASKED, tools=[tool_entry], stream=True),
    ):
        assert desk.chat(**wire.sent_by(asked)).surface in ("plugin", "server_tool")
    for asked in (
        lambda: client.beta.responses.send(model="a/b", input=QUESTION, plugins=[plugin]),
        lambda: client.beta.responses.send(model="a/b", input=QUESTION, tools=[tool_entry], tool_choice="required"),
    ):
        assert desk.respond(**wire.sent_by(asked)).surface in ("plugin", "server_tool")

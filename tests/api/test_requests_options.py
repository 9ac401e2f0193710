"""What a request says beside fusion: honoured, accepted without effect, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from request_desk import ASKED, FUNCTION, QUESTION, Desk, refused

from fusion_graph.config_caller import WriterOptions
from fusion_graph.server.planning import continues, plan_chat, plan_responses

SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def given(options: BaseModel) -> dict[str, Any]:
    return options.model_dump(exclude_unset=True)


def test_sampling_of_chat_is_the_writers(desk: Desk) -> None:
    options = desk.chat(
        temperature=0.2,
        top_p=0.9,
        presence_penalty=1,
        frequency_penalty=-1,
        max_completion_tokens=500,
        stop="END",
        seed=7,
        verbosity="low",
        reasoning={"effort": "high", "max_tokens": 2000, "exclude": True},
        reasoning_effort="high",
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}},
        tools=[FUNCTION],
        parallel_tool_calls=False,
    ).config.writer_options
    assert given(options) == {
        "temperature": 0.2,
        "top_p": 0.9,
        "presence_penalty": 1,
        "frequency_penalty": -1,
        "max_completion_tokens": 500,
        "stop": ["END"],
        "seed": 7,
        "verbosity": "low",
        "reasoning": {"effort": "high", "max_tokens": 2000},
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}},
        "parallel_tool_calls": False,
    }


def test_sampling_of_responses_is_the_writers(desk: Desk) -> None:
    shape = {"type": "json_schema", "name": "a", "schema": SCHEMA}
    options = desk.respond(
        max_output_tokens=500,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": shape, "verbosity": "high"},
    ).config.writer_options
    assert given(options) == {
        "max_completion_tokens": 500,
        "verbosity": "high",
        "reasoning": {"effort": "low"},
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
    }


def test_sampling_of_messages_is_the_writers(desk: Desk) -> None:
    options = desk.message(
        max_tokens=500,
        temperature=0.1,
        stop_sequences=["END"],
        thinking={"type": "enabled", "budget_tokens": 2000},
        tools=[{"name": "lookup", "input_schema": {"type": "object"}}],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
    ).config.writer_options
    assert given(options) == {
        "max_completion_tokens": 500,
        "temperature": 0.1,
        "stop": ["END"],
        "reasoning": {"max_tokens": 2000},
        "parallel_tool_calls": False,
    }
    assert given(desk.message(max_tokens=None, thinking={"type": "disabled"}).config.writer_options) == {
        "reasoning": {"effort": "none"}
    }


def test_parallel_calls_are_not_spoken_of_where_there_are_no_tools(desk: Desk) -> None:
    assert desk.chat(parallel_tool_calls=True).config.writer_options == WriterOptions()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"reasoning": {"effort": "low"}, "reasoning_effort": "high"}, "reasoning_effort"),
        ({"reasoning": {"effort": "low", "enabled": False}}, "reasoning.enabled"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        ({"temperature": 2.5}, "temperature"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0]"),
        ({"tools": [{"type": "openrouter:shell"}]}, "tools[0]"),
        ({"tools": [FUNCTION, FUNCTION]}, "tools[1]"),
        ({"tools": [{"type": "function", "function": {"name": "fusion"}}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"metadata": {"k": 1}}, "metadata.k"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path(desk: Desk, body: dict[str, Any], param: str) -> None:
    error = desk.refusal(**body)
    assert (error.status, error.param) == (400, param)


CANNOT = {
    "n": 2,
    "logprobs": True,
    "top_logprobs": 3,
    "audio": {"voice": "x"},
    "modalities": ["text", "audio"],
    "prediction": {"type": "content", "content": "x"},
    "functions": [{"name": "x"}],
    "function_call": "auto",
    "web_search_options": {},
    "logit_bias": {"1": 2},
    "top_k": 5,
    "min_p": 0.1,
    "top_a": 0.1,
    "repetition_penalty": 1.1,
    "models": ["a/b"],
    "moderation": {},
    "image_config": {},
    "debug": {},
}


@pytest.mark.parametrize("name", CANNOT)
def test_what_cannot_be_honoured_is_refused_and_not_ignored(desk: Desk, name: str) -> None:
    error = desk.refusal(**{name: CANNOT[name]})
    assert (error.status, error.param) == (400, name)
    assert "leave it out" in error.message
    assert desk.chat(**{name: None}).surface == "slug"


@pytest.mark.parametrize(
    "body",
    [{"n": 1}, {"logprobs": False}, {"top_logprobs": 0}, {"modalities": ["text"]}, {"logit_bias": {}}, {"top_k": 0}],
)
def test_what_asks_for_nothing_passes(desk: Desk, body: dict[str, Any]) -> None:
    assert desk.chat(**body).surface == "slug"


HARMLESS = {
    "user": "u",
    "safety_identifier": "s",
    "session_id": "s",
    "service_tier": "auto",
    "store": False,
    "metadata": {"k": "v"},
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "cache_control": {"type": "ephemeral"},
    "provider": {"order": ["x"]},
    "trace": {"trace_id": "t"},
    "stream_options": {"include_usage": True, "include_obfuscation": False},
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_clients_send_beside_is_accepted(desk: Desk, name: str) -> None:
    assert desk.chat(**{name: HARMLESS[name]}).config == desk.chat().config


def test_streams_of_chat_carry_usage_unless_told_otherwise(desk: Desk) -> None:
    def planned(**body: Any) -> tuple[bool, bool, bool]:
        body = {"model": "openrouter/fusion", "messages": ASKED, **body}
        plan = plan_chat(body, desk.principal, desk.settings, desk.kit)
        return plan.stream, plan.include_usage, plan.include_fusion_events

    assert planned() == (False, True, False)
    assert planned(stream=True, stream_options={"include_fusion_events": True}) == (True, True, True)
    assert planned(stream=True, stream_options={"include_usage": False}) == (True, False, False)


def test_responses_say_how_they_are_kept(desk: Desk) -> None:
    def planned(**body: Any) -> Any:
        body = {"model": "openrouter/fusion", "input": QUESTION, **body}
        return plan_responses(body, desk.principal, desk.settings, desk.kit)

    plain = planned()
    assert (plain.stream, plain.background, plain.store, plain.previous_response_id) == (False, False, True, None)
    assert planned(store=False).store is False
    assert (
        planned(conversation={"id": "conv_1"}).conversation == planned(conversation="conv_1").conversation == "conv_1"
    )
    assert planned(conversation="conv_1").plan.echo == {"conversation": {"id": "conv_1"}}
    assert refused(desk.respond, background=True, store=False).param == "store"
    assert refused(desk.respond, previous_response_id="resp_1", conversation="conv_1").param == "conversation"


@pytest.mark.parametrize(
    "body", [None, [], {}, {"previous_response_id": 3}, {"conversation": {"id": []}}, {"conversation": 1}]
)
def test_what_is_gone_on_from_is_read_out_of_anything(body: Any) -> None:
    assert continues(body) == (None, None)


def test_a_response_repeats_what_was_asked(desk: Desk) -> None:
    tools = [{"type": "function", "name": "lookup", "parameters": {}, "strict": False}]
    asked = {"instructions": "Be brief.", "metadata": {"k": "v"}, "temperature": 0.5, "tools": tools, "user": "u"}
    assert desk.respond(**asked, prompt_cache_key=None).echo == asked

"""Whatever JSON comes: it is planned, or refused with an error that can be sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from request_desk import ASKED, Desk

from fusion_graph.server.errors import ApiError
from fusion_graph.server.openapi_examples import CHAT, ESTIMATE, MESSAGES, RESPONSES
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.planning import plan_chat, plan_messages, plan_responses
from fusion_graph.server.requests.anthropic import MessagesRequest
from fusion_graph.server.requests.chat import ChatRequest
from fusion_graph.server.requests.fusion import FusionSettings
from fusion_graph.server.requests.plain import MAX_DEPTH
from fusion_graph.server.requests.responses import ResponsesRequest

DESK = Desk()
PLANNERS = {"chat": plan_chat, "responses": plan_responses, "messages": plan_messages}
MODELS = {"chat": ChatRequest, "responses": ResponsesRequest, "messages": MessagesRequest}
GOOD: dict[str, dict[str, Any]] = {
    "chat": CHAT["seats"],
    "responses": RESPONSES["server tool"],
    "messages": MESSAGES["plugin"],
}
TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    ["auto", "function", "openrouter:fusion", "user", "text", "fusion", "a/b", "\ud800", "\x00", "fusion/offline"]
)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)


def ends_well(name: str, body: Any) -> RunPlan | ApiError:
    ended = attempt(name, body)
    assert isinstance(ended, RunPlan) or ended.status in (400, 403)
    return ended


def attempt(name: str, body: Any) -> RunPlan | ApiError:
    try:
        plan: RunPlan = PLANNERS[name](body, DESK.principal, DESK.settings, DESK.kit).plan  # type: ignore[operator]
    except ApiError as refusal:
        json.dumps(refusal.as_error(), ensure_ascii=False).encode()
        return refusal
    json.dumps(plan.as_json(), ensure_ascii=False).encode()
    return plan


@pytest.mark.parametrize("name", PLANNERS)
@given(body=JSON)
@settings(max_examples=40, deadline=None)
def test_any_json(name: str, body: Any) -> None:
    ends_well(name, body)


@pytest.mark.parametrize("name", PLANNERS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_good_request_with_any_json_in_one_field(name: str, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(MODELS[name].model_fields)))
    ends_well(name, {**GOOD[name], field: data.draw(JSON)})


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_json_in_a_setting_of_fusion(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(FusionSettings.model_fields)))
    ends_well("chat", {"model": "openrouter/fusion", "messages": ASKED, "fusion": {field: data.draw(JSON)}})


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_json_in_a_message_or_an_item(data: st.DataObject) -> None:
    role = data.draw(st.sampled_from(["system", "developer", "user", "assistant", "tool"]))
    message = {
        "role": role,
        **data.draw(
            st.dictionaries(
                st.sampled_from(["content", "tool_calls", "name", "tool_call_id", "reasoning_details"]), JSON
            )
        ),
    }
    ends_well("chat", {"messages": [*ASKED, message, *ASKED]})
    ends_well("messages", {"model": "a/b", "messages": [*ASKED, message, *ASKED]})
    kind = data.draw(
        st.sampled_from(["message", "function_call", "function_call_output", "openrouter:fusion", "reasoning"])
    )
    item = {
        "type": kind,
        **data.draw(
            st.dictionaries(st.sampled_from(["role", "content", "call_id", "output", "status", "sources"]), JSON)
        ),
    }
    ends_well("responses", {"input": [*ASKED, item, *ASKED]})


@pytest.mark.parametrize("name", PLANNERS)
def test_what_is_nested_deep_is_refused(name: str) -> None:
    body: Any = "x"
    for _ in range(50_000):
        body = [body]
    for field in ("messages", "input", "metadata", "tools"):
        error = ends_well(name, {"model": "a/b", field: body})
        assert isinstance(error, ApiError)
        assert str(MAX_DEPTH) in error.message


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("\ud83d", "surrogate"),
        ("a\x00b", "U+0000"),
        (2**63, "64 bits"),
        (float("nan"), "finite"),
        (float("inf"), "finite"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_its_path(value: Any, word: str) -> None:
    error = DESK.refusal(metadata={"k": [value]})
    assert (error.status, error.param) == (400, "metadata.k[0]")
    assert word in error.message
    assert DESK.refusal(**{"\ud83d": 1}).status == 400


def test_a_large_body_is_planned_in_no_time() -> None:
    long = [{"role": "user", "content": "word " * 2000}] * 900
    assert len(DESK.chat(messages=long).messages) == 900


def test_a_body_with_very_many_faults_gets_a_short_error() -> None:
    error = DESK.refusal(messages=[{"role": "user", "content": 3}] * 500, **{f"x{at}": 1 for at in range(500)})
    assert len(error.message) < 3000
    assert "more" in error.message


@pytest.mark.parametrize(
    ("name", "example"),
    [
        (name, key)
        for name, held in {"chat": CHAT, "responses": RESPONSES, "messages": MESSAGES}.items()
        for key in held
    ],
)
def test_every_example_of_the_document_is_accepted(name: str, example: str) -> None:
    examples = {"chat": CHAT, "responses": RESPONSES, "messages": MESSAGES}
    assert isinstance(ends_well(name, examples[name][example]), RunPlan)
    assert set(ESTIMATE) == {"chat", "responses"}

"""The messages of the three request shapes, as the graphs get them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from request_desk import ASKED, QUESTION, Desk, plugin, refused

from fusion_graph import Resources
from fusion_graph.turns import fusion_results, known_sources

PNG = "data:image/png;base64,aGVsbG8="
LINK = "https://example.com/a.png"
CALL = {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": '{"id": 7}'}}
RESULT = {
    "status": "ok",
    "analysis": {"consensus": ["yes"]},
    "responses": [{"model": "a/b", "content": "Yes [S1]."}],
    "sources": [{"id": "S1", "url": "https://example.com", "title": "E"}],
}
DETAIL = {
    "type": "reasoning.server_tool_call",
    "tool_name": "openrouter:fusion",
    "arguments": json.dumps({"prompt": QUESTION}),
    "result": json.dumps(RESULT),
    "tool_call_id": "call_9",
    "index": 0,
}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def told(messages: list[AnyMessage]) -> list[tuple[str, Any]]:
    return [(message.type, message.content) for message in messages]


def test_chat_roles_become_messages(desk: Desk) -> None:
    plan = desk.chat(
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "In "}, {"type": "text", "text": "English."}]},
            {"role": "user", "content": "Order 7?", "name": "ann"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "shipped"}]},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}], "refusal": "No."},
            {"role": "user", "content": [{"type": "text", "text": "Why?"}]},
        ]
    )
    assert told(plan.messages) == [
        ("system", "Be brief."),
        ("system", "In English."),
        ("human", "Order 7?"),
        ("ai", ""),
        ("tool", "shipped"),
        ("ai", "No."),
        ("human", "Why?"),
    ]
    called = plan.messages[3]
    assert isinstance(called, AIMessage)
    assert [(call["name"], call["args"], call["id"]) for call in called.tool_calls] == [("lookup", {"id": 7}, "c1")]


def test_arguments_that_are_no_object_are_kept_in_the_models_own_words(desk: Desk) -> None:
    for arguments in ("{", "[1]", "nonsense"):
        broken = {**CALL, "function": {"name": "lookup", "arguments": arguments}}
        messages = [*ASKED, {"role": "assistant", "tool_calls": [broken]}]
        plan = desk.chat(messages=[*messages, {"role": "tool", "tool_call_id": "c1", "content": "?"}])
        answer = plan.messages[1]
        assert isinstance(answer, AIMessage)
        assert [call["args"] for call in answer.invalid_tool_calls] == [arguments]


def test_pictures_come_as_blocks_that_every_provider_understands(desk: Desk) -> None:
    seen = [
        {"type": "text", "text": "What is it?"},
        {"type": "image", "base64": "aGVsbG8=", "mime_type": "image/png"},
        {"type": "image", "url": LINK},
    ]
    urls = [{"type": "image_url", "image_url": {"url": url}} for url in (PNG, LINK)]
    chat = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, *urls]}]
    assert desk.chat(messages=chat).messages[0].content == seen
    images = [{"type": "input_image", "image_url": url, "detail": "auto"} for url in (PNG, LINK)]
    given = [{"role": "user", "content": [{"type": "input_text", "text": "What is it?"}, *images]}]
    assert desk.respond(input=given).messages[0].content == seen
    encoded = {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}
    blocks = [{"type": "image", "source": source} for source in (encoded, {"type": "url", "url": LINK})]
    turn = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, *blocks]}]
    assert desk.message(messages=turn).messages[0].content == seen


def test_addresses_of_pictures_are_refused_where_this_server_might_fetch_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    desk = Desk(Resources())

    def asking(url: str) -> dict[str, Any]:
        parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url}}]
        return {"model": "google_genai:gemini-3.1-pro-preview", "messages": [{"role": "user", "content": parts}]}

    assert desk.chat(**asking(PNG)).config.writer
    assert "data:" in desk.refusal(**asking("http://169.254.169.254/latest")).message


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "data:text/html;base64,aa", "", "gs://bucket/x"])
def test_pictures_from_elsewhere_are_refused(desk: Desk, url: str) -> None:
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url}}]
    error = desk.refusal(messages=[{"role": "user", "content": parts}])
    assert error.param == "messages[0].content[1].image_url.url"


@pytest.mark.parametrize("part", [{"type": "file", "file": {}}, {"type": "input_audio"}, {"type": "video_url"}, {}])
def test_parts_that_cannot_be_read_are_refused_by_kind(desk: Desk, part: dict[str, Any]) -> None:
    error = desk.refusal(messages=[{"role": "user", "content": [{"type": "text", "text": "Hi"}, part]}])
    assert error.param == "messages[0].content[1]"
    assert "image_url" in error.message


def test_a_fusion_of_an_earlier_turn_stands_before_its_answer(desk: Desk) -> None:
    answer = {"role": "assistant", "content": "Yes.", "reasoning_details": [DETAIL], "annotations": [], "fusion": {}}
    plan = desk.chat(messages=[*ASKED, answer, {"role": "user", "content": "And in Europe?"}])
    assert [message.type for message in plan.messages] == ["human", "ai", "tool", "ai", "human"]
    call, result = plan.messages[1], plan.messages[2]
    assert isinstance(call, AIMessage)
    assert isinstance(result, ToolMessage)
    assert call.tool_calls[0]["name"] == "fusion"
    assert call.tool_calls[0]["args"] == {"question": QUESTION}
    assert call.tool_calls[0]["id"] == result.tool_call_id == "call_9"
    assert json.loads(str(result.content)) == RESULT


def test_a_fusion_before_a_clients_call_is_not_held_again(desk: Desk) -> None:
    called = {"role": "assistant", "content": None, "reasoning_details": [DETAIL], "tool_calls": [CALL]}
    plan = desk.chat(messages=[*ASKED, called, {"role": "tool", "tool_call_id": "c1", "content": "42"}])
    assert [message.type for message in plan.messages] == ["human", "ai", "tool", "ai", "tool"]
    assert len(fusion_results(plan.messages)) == 1
    assert [source.id for source in known_sources(plan.messages)] == ["S1"]


@pytest.mark.parametrize(
    "detail",
    [
        {"type": "reasoning.text", "text": "hm"},
        {"type": "reasoning.encrypted", "data": "x", "id": "r1"},
        {**DETAIL, "tool_name": "openrouter:web_search"},
        {**DETAIL, "result": ""},
    ],
)
def test_other_records_of_reasoning_are_read_past(desk: Desk, detail: dict[str, Any]) -> None:
    answer = {"role": "assistant", "content": "Yes.", "reasoning_details": [detail]}
    plan = desk.chat(messages=[*ASKED, answer, *ASKED])
    assert [message.type for message in plan.messages] == ["human", "ai", "human"]


def test_a_record_that_was_tampered_with_is_still_only_text(desk: Desk) -> None:
    answer = {"role": "assistant", "content": "x", "reasoning_details": [{**DETAIL, "arguments": "{", "result": "{"}]}
    assert desk.chat(messages=[*ASKED, answer, *ASKED]).messages[2].content == "{"


def test_a_fusion_that_failed_is_told_as_a_failure(desk: Desk) -> None:
    failed = {"status": "error", "error": "all panel models failed", "failure_reason": "all_panels_failed"}
    answer = {"role": "assistant", "content": "x", "reasoning_details": [{**DETAIL, "result": json.dumps(failed)}]}
    plan = desk.chat(messages=[*ASKED, answer, *ASKED])
    assert fusion_results(plan.messages) == []


def test_responses_items_become_messages(desk: Desk) -> None:
    item = {
        "type": "openrouter:fusion",
        "id": "st_1",
        "status": "completed",
        **{k: RESULT[k] for k in RESULT if k != "status"},
    }
    given = [
        {"role": "user", "content": QUESTION},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        item,
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Let me look.", "annotations": [], "logprobs": []}],
        },
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "c1",
            "name": "lookup",
            "arguments": "{}",
            "status": "completed",
        },
        {"type": "function_call", "call_id": "c2", "name": "lookup", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}]},
    ]
    messages = desk.respond(input=given, instructions="Be brief.").messages
    assert [message.type for message in messages] == ["system", "human", "ai", "tool", "ai", "tool", "tool"]
    assert json.loads(str(messages[3].content)) == RESULT
    answer = messages[4]
    assert isinstance(answer, AIMessage)
    assert (answer.text, [call["id"] for call in answer.tool_calls]) == ("Let me look.", ["c1", "c2"])
    assert [message.content for message in messages[5:]] == ["one", "two"]
    assert [source.url for source in known_sources(messages)] == ["https://example.com"]


def test_what_came_before_stands_between_instructions_and_input(desk: Desk) -> None:
    earlier: list[AnyMessage] = [HumanMessage("Before?"), AIMessage("Before.")]
    messages = desk.respond(earlier, instructions="Be brief.", previous_response_id="resp_1").messages
    assert told(messages) == [("system", "Be brief."), ("human", "Before?"), ("ai", "Before."), ("human", QUESTION)]


def test_a_call_of_the_stored_response_is_answered_by_the_input(desk: Desk) -> None:
    call = {"name": "lookup", "args": {}, "id": "c1", "type": "tool_call"}
    earlier: list[AnyMessage] = [HumanMessage(QUESTION), AIMessage("", tool_calls=[call])]
    output = [{"type": "function_call_output", "call_id": "c1", "output": "42"}]
    assert [message.type for message in desk.respond(earlier, input=output).messages] == ["human", "ai", "tool"]
    error = refused(desk.respond, input=output)
    assert (error.param, "'c1'" in error.message) == ("input", True)


@pytest.mark.parametrize(
    "item", [{"type": "item_reference", "id": "msg_1"}, {"type": "computer_call"}, {}, {"id": "x"}]
)
def test_items_that_cannot_be_read_are_refused(desk: Desk, item: dict[str, Any]) -> None:
    error = refused(desk.respond, input=[{"role": "user", "content": "Hi"}, item])
    assert error.param == "input[1]"
    assert "previous_response_id" in error.message


def test_anthropic_turns_become_messages(desk: Desk) -> None:
    plan = desk.message(
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {"role": "user", "content": "Order 7?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "text", "text": "Looking."},
                    {"type": "tool_use", "id": "t1", "name": "lookup", "input": {"id": 7}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "gone", "is_error": True},
                    {"type": "text", "text": "And now?"},
                ],
            },
        ],
    )
    assert told(plan.messages) == [
        ("system", "Be brief."),
        ("human", "Order 7?"),
        ("ai", "Looking."),
        ("tool", "gone"),
        ("human", "And now?"),
    ]
    result = plan.messages[3]
    assert isinstance(result, ToolMessage)
    assert result.status == "error"


@pytest.mark.parametrize(
    ("messages", "word"),
    [
        ([*ASKED, {"role": "tool", "tool_call_id": "c1", "content": "42"}], "no call before it"),
        ([*ASKED, {"role": "assistant", "tool_calls": [CALL]}], "no result"),
        ([*ASKED, {"role": "assistant", "tool_calls": [CALL]}, *ASKED], "no result"),
        ([{"role": "assistant", "content": "Hello."}], "no message of the user"),
        ([{"role": "user", "content": " "}], "no text"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}}]}], "no text"),
    ],
)
def test_a_conversation_that_nobody_could_answer_is_refused(desk: Desk, messages: list[Any], word: str) -> None:
    error = desk.refusal(messages=messages)
    assert (error.status, error.param) == (400, "messages")
    assert word in error.message


def test_a_plain_call_needs_no_question_of_the_user(desk: Desk) -> None:
    assert desk.chat(model="a/b", messages=[{"role": "system", "content": "Say hello."}]).surface == "model"


def test_more_messages_than_the_operator_takes_are_refused(desk: Desk) -> None:
    most = desk.settings.max_messages
    assert len(desk.chat(messages=ASKED * most).messages) == most
    assert str(most) in desk.refusal(messages=ASKED * (most + 1)).message


def test_a_plan_survives_storage(desk: Desk) -> None:
    answer = {"role": "assistant", "content": "Yes.", "reasoning_details": [DETAIL]}
    plan = desk.chat(messages=[*ASKED, answer, *ASKED], plugins=plugin(analysis_models=["a/b"]), metadata={"k": "v"})
    assert type(plan).from_json(json.loads(json.dumps(plan.as_json()))) == plan

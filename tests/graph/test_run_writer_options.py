"""How the writer samples and in which form it answers: what is sent, what is refused, what is said to be left out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from scripted_house import ALPHA, JUDGE, WRITER, House, ask, config_of, reasons

from fusion_graph import ConfigError, FusionConfig, Resources, build_fusion_graph
from fusion_graph.kit import Kit
from fusion_graph.testing import Fault, ToolCall
from fusion_graph.writer_options import writer_model

FUSE = ToolCall("fusion", {"question": "The whole question?"})
SAMPLING = {
    "temperature": 0.3,
    "top_p": 0.9,
    "max_completion_tokens": 77,
    "stop": ["END"],
    "seed": 7,
    "frequency_penalty": 0.5,
    "presence_penalty": -0.5,
    "verbosity": "low",
}
SENT = {**{key: value for key, value in SAMPLING.items() if key != "max_completion_tokens"}}
SCHEMA = {"name": "verdict", "schema": {"type": "object", "properties": {"yes": {"type": "boolean"}}}, "strict": True}
JSON = {"type": "json_schema", "json_schema": SCHEMA}


def sent(body: Any) -> dict[str, Any]:
    return {name: body[name] for name in SENT if name in body}


async def test_the_writer_is_told_all_of_it_and_panel_and_judge_nothing(house: House) -> None:
    output = await house.ask(writer_options={**SAMPLING, "reasoning": {"effort": "low"}, "response_format": JSON})
    (writer,) = house.calls(WRITER)
    assert sent(writer.body) == SENT
    assert 77 in (writer.body.get("max_tokens"), writer.body.get("max_completion_tokens"))
    assert writer.body["reasoning"] == {"effort": "low"}
    assert writer.body["response_format"] == JSON
    assert sent(house.calls(ALPHA)[0].body) == {}
    assert set(sent(house.calls(JUDGE)[0].body)) <= {"temperature"}
    assert house.calls(JUDGE)[0].body["temperature"] == 0
    assert output["receipt"]["degraded"] == []


async def test_the_calling_model_is_told_on_every_turn(house: House) -> None:
    house.server.on(WRITER, FUSE, '{"yes": true}')
    options = {**SAMPLING, "response_format": JSON, "parallel_tool_calls": False}
    output = await ask(house.agent(), context={"writer_options": options})
    for call in house.calls(WRITER):
        assert sent(call.body) == SENT
        assert call.body["response_format"] == JSON
        assert call.body["parallel_tool_calls"] is False
    assert json.loads(output["messages"][-1].text) == {"yes": True}
    assert output["receipt"]["degraded"] == []


async def test_json_stays_json_with_its_citations_beside_it(house: House) -> None:
    house.server.on(WRITER, FUSE, '{"text": "It does [S1] and [S9]."}')
    output = await ask(house.agent(), context={"writer_options": {"response_format": {"type": "json_object"}}})
    assert json.loads(output["messages"][-1].text) == {"text": "It does [S1] and [S9]."}
    assert house.calls(WRITER)[0].body["response_format"] == {"type": "json_object"}


async def test_json_of_the_fixed_graph_is_streamed_as_it_is(house: House) -> None:
    house.server.on(WRITER, '{"yes": true}')
    last = await house.stream(writer_options={"response_format": JSON})
    assert json.loads(last["messages"][-1].text) == {"yes": True}
    assert house.calls(WRITER)[0].stream is True


async def test_prose_is_what_is_written_anyway_and_no_option_is_sent_for_it(house: House) -> None:
    await house.ask(writer_options={"response_format": {"type": "text"}})
    assert "response_format" not in house.calls(WRITER)[0].body


async def test_without_tools_nothing_is_said_of_calling_them_in_parallel(house: House) -> None:
    house.server.on(WRITER, "Alone.")
    options = {"parallel_tool_calls": True}
    await ask(house.agent(), context={"writer_options": options, "may_deliberate": False})
    await ask(house.agent(), context={"writer_options": options, "tool_choice": "none"})
    assert ["parallel_tool_calls" in call.body for call in house.calls(WRITER)] == [False, False]


@pytest.mark.parametrize("option", ["temperature", "top_p", "seed", "frequency_penalty", "verbosity"])
async def test_an_option_that_the_model_rejects_is_left_out_and_said(house: House, option: str) -> None:
    house.server.on(WRITER, "It does.", rejects={option})
    output = await house.ask(writer_options=SAMPLING)
    assert output["messages"][-1].text == "It does."
    assert reasons(output) == [("writer", "option_dropped")]
    assert option in output["receipt"]["degraded"][0]["detail"]
    assert sent(house.calls(WRITER)[-1].body) == {key: value for key, value in SENT.items() if key != option}


async def test_the_calling_model_s_too_and_it_stays_left_out(house: House) -> None:
    house.server.on(WRITER, FUSE, "It does.", rejects={"seed", "parallel_tool_calls"})
    context = {"writer_options": {"seed": 7, "top_p": 0.9, "parallel_tool_calls": False}}
    output = await ask(house.agent(), context=context)
    assert output["messages"][-1].text == "It does."
    assert reasons(output) == [("writer", "option_dropped")] * 2
    assert [call.status for call in house.calls(WRITER)] == [400, 400, 200, 200]
    assert house.calls(WRITER)[-1].body["top_p"] == 0.9


@pytest.mark.parametrize("option", ["stop", "response_format"])
async def test_without_some_the_answer_would_be_another_one(house: House, option: str) -> None:
    house.server.on(WRITER, "It does.", rejects={option})
    options = {"stop": ["END"]} if option == "stop" else {"response_format": JSON}
    output = await house.ask(writer_options=options)
    assert ("writer", "writer_failed") in reasons(output)
    assert output["messages"][-1].additional_kwargs["fusion_fallback"]


async def test_another_refusal_is_not_taken_for_one_of_an_option(house: House) -> None:
    house.server.on(WRITER, Fault(400))
    output = await house.ask(writer_options={"top_p": 0.9})
    assert ("writer", "writer_failed") in reasons(output)
    assert len(house.calls(WRITER)) == 1


async def test_a_model_that_has_no_setting_for_it_is_an_error_before_the_panel_is_asked(house: House) -> None:
    canned = GenericFakeChatModel(messages=iter([AIMessage("It does.")]))
    resources = replace(house.resources, models={"canned": canned})
    graph: Any = build_fusion_graph(config_of((), {"writer": "canned"}), resources=resources)
    with pytest.raises(ConfigError, match="writer_options: top_p: the writer 'canned' cannot be told: GenericFake"):
        await ask(graph, context={"writer_options": {"top_p": 0.9}})
    with pytest.raises(ConfigError, match="writer_options: response_format 'json_object'"):
        await ask(graph, context={"writer_options": {"response_format": {"type": "json_object"}}})
    with pytest.raises(ConfigError, match=r"writer_options: reasoning: .* set it on the chat model"):
        await ask(graph, context={"writer_options": {"reasoning": {"effort": "low"}}})
    assert house.server.calls == []


async def test_a_chat_model_given_in_python_is_copied_not_changed(house: House) -> None:
    given = ChatOpenAI(model="x", api_key=SecretStr("k"), base_url=house.server.base_url, temperature=0.9)
    kit = Kit(FusionConfig(), Resources(models={"given": given}))
    told: Any = writer_model(kit, "given", FusionConfig(writer_options={"temperature": 0.1, "seed": 3}))
    assert (told.temperature, told.seed) == (0.1, 3)
    assert (given.temperature, given.seed) == (0.9, None)


@pytest.mark.parametrize("model", ["openai:gpt-5.5-pro", "openai:gpt-4.1", "anthropic:claude-sonnet-5"])
async def test_a_provider_s_own_model_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    kit = Kit(FusionConfig(), Resources())
    config = FusionConfig.model_validate({"writer_options": {"response_format": JSON}})
    payload = writer_model(kit, model, config)._get_request_payload("Why?")  # type: ignore[attr-defined]
    if model.startswith("anthropic"):
        assert payload["output_config"]["format"] == {"type": "json_schema", "schema": SCHEMA["schema"]}
    elif model.endswith("-pro"):
        assert payload["text"]["format"] == {"type": "json_schema", **SCHEMA}
    else:
        assert payload["extra_body"]["response_format"] == JSON


@pytest.mark.parametrize(
    ("model", "options", "named"),
    [
        ("anthropic:claude-sonnet-5", {"seed": 1}, "seed"),
        ("anthropic:claude-sonnet-5", {"frequency_penalty": 1}, "frequency_penalty"),
        ("anthropic:claude-sonnet-5", {"response_format": {"type": "json_object"}}, "response_format 'json_object'"),
        ("openai:gpt-5.5-pro", {"stop": ["END"]}, "stop: .* Responses API has none"),
        ("offline:writer", {"verbosity": "low"}, "verbosity"),
    ],
)
async def test_what_a_provider_has_no_word_for_is_an_error(
    monkeypatch: pytest.MonkeyPatch, model: str, options: dict[str, Any], named: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    config = FusionConfig.model_validate({"writer_options": options})
    with pytest.raises(ConfigError, match=f"writer_options: {named}"):
        writer_model(Kit(FusionConfig(), Resources()), model, config)


async def test_a_model_that_cannot_be_told_about_parallel_calls_is_an_error(house: House) -> None:
    canned = GenericFakeChatModel(messages=iter([AIMessage("It does.")]))
    house.resources = replace(house.resources, models={"canned": canned})
    with pytest.raises(ConfigError, match="writer_options: parallel_tool_calls"):
        await ask(house.agent(writer="canned"), context={"writer_options": {"parallel_tool_calls": False}})


async def test_options_are_merged_field_by_field_over_the_graph_s(house: House) -> None:
    graph = house.fusion(writer_options={"top_p": 0.5, "seed": 1})
    await ask(graph, context={"writer_options": {"seed": 2}})
    assert sent(house.calls(WRITER)[0].body) == {"top_p": 0.5, "seed": 2}

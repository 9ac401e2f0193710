"""Tools that the client runs: the run ends with their calls, and the next one goes on from their results."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from scripted_house import ALPHA, BETA, JUDGE, QUESTION, WRITER, House, ask, asked, reasons, system_text

from fusion_graph import ConfigError, build_fusion_agent
from fusion_graph.middleware.hand_back import HELD
from fusion_graph.testing import Fault, ReceivedCall, Reply, Text, ToolCall, ToolCalls

FUSE = ToolCall("fusion", {"question": "The whole question?"})
WEATHER = {
    "name": "weather",
    "description": "Tell the weather.",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}
THEIRS = {"client_tools": [WEATHER, {"name": "clock"}]}
ROME = ToolCall("weather", {"place": "Rome"}, call_id="call_rome")


@tool
def tide(harbour: str) -> str:
    """Tell the tide."""
    return f"High in {harbour}."


def roles(call: ReceivedCall) -> list[str]:
    return [m["role"] for m in call.messages]


def valid(messages: list[dict[str, Any]]) -> bool:
    """Whether every call of a request is answered before anybody else speaks, as providers want it."""
    open_calls: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            open_calls.remove(message["tool_call_id"])
            continue
        if open_calls:
            return False
        open_calls = [call["id"] for call in message.get("tool_calls") or []]
    return not open_calls


def answered(output: dict[str, Any], content: str = "Rain.") -> list[AnyMessage]:
    """The conversation with the client's results behind it."""
    messages: list[AnyMessage] = list(output["messages"])
    calls = messages[-1].tool_calls if isinstance(messages[-1], AIMessage) else []
    return [*messages, *[ToolMessage(content, tool_call_id=call["id"]) for call in calls]]


async def test_the_run_ends_with_the_client_s_call(house: House) -> None:
    house.server.on(WRITER, ROME)
    output = await ask(house.agent(), context=THEIRS)
    last = output["messages"][-1]
    assert [(call["name"], call["args"], call["id"]) for call in last.tool_calls] == [
        ("weather", {"place": "Rome"}, "call_rome")
    ]
    assert (output["status"], output["failure_reason"]) == ("ok", None)
    assert last.response_metadata["finish_reason"] == "tool_calls"
    assert HELD not in last.additional_kwargs
    receipt = output["receipt"]
    assert (receipt["status"], receipt["deliberated"], receipt["degraded"]) == ("ok", False, [])
    assert (receipt["writer"]["calls"], receipt["writer"]["tool_calls"]) == (1, 0)
    assert receipt["writer"]["finish_reason"] == "tool_calls"
    assert receipt["writer"]["failure"] is None
    assert receipt["citations"] is None
    assert len(house.calls(WRITER)) == 1


async def test_the_tools_are_offered_beside_fusion_as_the_client_wrote_them(house: House) -> None:
    house.server.on(WRITER, "None needed.")
    strict = {"client_tools": [{**WEATHER, "strict": True}]}
    await ask(house.agent(own=[tide]), context=strict)
    (call,) = house.calls(WRITER)
    assert call.tool_names == ["fusion", "tide", "weather"]
    assert call.body["tools"][2]["function"] == {**WEATHER, "strict": True}


async def test_the_next_run_goes_on_from_the_result(house: House) -> None:
    house.server.on(WRITER, ROME, "It rains in Rome.")
    graph = house.agent()
    first = await ask(graph, context=THEIRS)
    second = await ask(graph, answered(first), context=THEIRS)
    assert second["messages"][-1].text == "It rains in Rome."
    assert second["receipt"]["writer"]["calls"] == 1
    asked_last = house.calls(WRITER)[-1]
    assert roles(asked_last) == ["system", "user", "assistant", "tool"]
    assert valid(asked_last.messages)


async def test_several_calls_are_handed_back_together_with_what_was_said(house: House) -> None:
    calls = ToolCalls([ROME, ToolCall("clock", {})], content="I look it up.")
    house.server.on(WRITER, calls)
    output = await ask(house.agent(), context=THEIRS)
    assert output["messages"][-1].text == "I look it up."
    assert [call["name"] for call in output["messages"][-1].tool_calls] == ["weather", "clock"]


async def test_more_calls_than_a_step_may_hold_here_are_all_the_client_s(house: House) -> None:
    many = [ToolCall("weather", {"place": str(at)}) for at in range(12)]
    house.server.on(WRITER, ToolCalls(many))
    output = await ask(house.agent(), context=THEIRS)
    assert [call["args"]["place"] for call in output["messages"][-1].tool_calls] == [str(at) for at in range(12)]


async def test_of_a_mixed_turn_the_calls_that_run_here_are_run_and_stand_before(house: House) -> None:
    mixed = ToolCalls([ROME, FUSE, ToolCall("tide", {"harbour": "Ostia"})], content="Both.")
    house.server.on(WRITER, mixed, "Rain, and yes.")
    graph = house.agent(own=[tide])
    first = await ask(graph, context=THEIRS)
    kinds = [type(m).__name__ for m in first["messages"]]
    assert kinds == ["HumanMessage", "AIMessage", "ToolMessage", "ToolMessage", "AIMessage"]
    ours, theirs = first["messages"][1], first["messages"][-1]
    assert [call["name"] for call in ours.tool_calls] == ["fusion", "tide"]
    assert [call["name"] for call in theirs.tool_calls] == ["weather"]
    assert (ours.text, theirs.text) == ("", "Both.")
    assert HELD not in ours.additional_kwargs
    assert first["receipt"]["deliberated"] is True
    assert first["receipt"]["writer"]["calls"] == 1
    assert (first["receipt"]["writer"]["tool_calls"], len(first["responses"])) == (2, 2)
    assert first["analysis"] is not None
    second = await ask(graph, answered(first), context=THEIRS)
    assert second["messages"][-1].text == "Rain, and yes."
    assert valid(house.calls(WRITER)[-1].messages)
    assert len(house.calls(WRITER)) == 2


async def test_tokens_of_a_mixed_turn_are_counted_once(house: House) -> None:
    house.server.on(WRITER, ToolCalls([ROME, FUSE]))
    output = await ask(house.agent(), context=THEIRS)
    used = [m.usage_metadata for m in output["messages"] if isinstance(m, AIMessage) and m.usage_metadata]
    assert len(used) == 1
    assert output["receipt"]["writer"]["usage"]["input_tokens"] == used[0]["input_tokens"]


async def test_a_fusion_of_the_same_turn_is_not_repeated_after_the_hand_back(house: House) -> None:
    house.server.on(WRITER, ToolCalls([ROME, FUSE]), FUSE, "Enough.")
    graph = house.agent()
    first = await ask(graph, context=THEIRS)
    second = await ask(graph, answered(first), context=THEIRS)
    refused = [m for m in second["messages"] if isinstance(m, ToolMessage) and m.name == "fusion"][-1]
    assert json.loads(str(refused.text))["failure_reason"] == "fusion_invocation_capped"
    assert len(house.calls(ALPHA)) == len(house.calls(JUDGE)) == 1
    assert second["receipt"]["deliberated"] is False
    assert second["receipt"]["totals"]["calls"] == 2
    assert second["messages"][-1].text == "Enough."


async def test_the_cap_holds_for_a_client_that_echoes_without_names_and_artifacts(house: House) -> None:
    house.server.on(WRITER, FUSE, "Enough.")
    history: list[AnyMessage] = [
        HumanMessage(QUESTION),
        AIMessage("", tool_calls=[{"name": "fusion", "args": {"question": "q"}, "id": "call_0", "type": "tool_call"}]),
        ToolMessage('{"status": "ok", "responses": []}', tool_call_id="call_0"),
        AIMessage("", tool_calls=[{"name": "clock", "args": {}, "id": "call_1", "type": "tool_call"}]),
        ToolMessage("Noon.", tool_call_id="call_1"),
    ]
    output = await ask(house.agent(), history, context=THEIRS)
    assert house.calls(ALPHA) == []
    assert output["messages"][-1].text == "Enough."


async def test_the_next_question_of_the_user_may_fuse_again(house: House) -> None:
    house.server.on(WRITER, ToolCalls([ROME, FUSE]), "First.", FUSE, "Second.")
    graph = house.agent()
    first = await ask(graph, context=THEIRS)
    second = await ask(graph, answered(first), context=THEIRS)
    third = await ask(graph, [*second["messages"], HumanMessage("And now?")], context=THEIRS)
    assert third["receipt"]["deliberated"] is True
    assert len(house.calls(ALPHA)) == 2


async def test_sources_of_an_earlier_run_of_the_turn_can_still_be_cited(house: House) -> None:
    @tool
    def find(query: str) -> str:
        """Find a page."""
        return f"https://example.org/{query}"

    house.server.on(ALPHA, ToolCall("find", {"query": "a"}), "See https://example.org/a")
    house.server.on(WRITER, ToolCalls([ROME, FUSE]), "Rain, and it does [S1], they say [S9].")
    resources = house.with_tools([find])
    graph = build_fusion_agent(resources=resources)
    context = {"panel": [ALPHA, BETA], "judge": JUDGE, "writer": WRITER, "tools": ["find"], **THEIRS}
    first = await ask(graph, context=context)
    second = await ask(graph, answered(first), context=context)
    assert [n["url"] for n in second["messages"][-1].additional_kwargs["annotations"]] == ["https://example.org/a"]
    assert second["receipt"]["citations"]["unregistered"] == ["S9"]
    assert [source["url"] for source in second["sources"]] == ["https://example.org/a"]


async def test_panel_and_judge_never_see_the_client_s_tools(house: House) -> None:
    house.server.on(WRITER, FUSE, "Yes.")
    await ask(house.agent(), context={**THEIRS, "tools": ["web_fetch"]})
    assert [call.tool_names for call in house.calls(ALPHA)] == [["web_fetch"]]
    assert all("weather" not in call.tool_names for model in (BETA, JUDGE) for call in house.calls(model))


@pytest.mark.parametrize("choice", ["required", "weather"])
async def test_a_force_is_over_once_the_client_has_answered(house: House, choice: str) -> None:
    house.server.on(WRITER, ROME, "Rain.")
    graph = house.agent()
    first = await ask(graph, context={**THEIRS, "tool_choice": choice})
    second = await ask(graph, answered(first), context={**THEIRS, "tool_choice": choice})
    forced, free = house.calls(WRITER)
    named = {"type": "function", "function": {"name": "weather"}}
    assert forced.body["tool_choice"] == (named if choice == "weather" else "required")
    assert free.body.get("tool_choice") in (None, "auto")
    assert second["messages"][-1].text == "Rain."
    assert second["receipt"]["degraded"] == []


async def test_a_force_that_is_ignored_or_refused_is_said(house: House) -> None:
    house.server.on(WRITER, "No need.", ignores={"tool_choice"})
    output = await ask(house.agent(), context={**THEIRS, "tool_choice": "clock"})
    assert reasons(output) == [("writer", "tool_choice_ignored")]
    house.server.on(WRITER, "No need.", rejects={"tool_choice"})
    output = await ask(house.agent(), context={**THEIRS, "tool_choice": "clock"})
    assert reasons(output) == [("writer", "tool_choice_ignored")]
    assert output["messages"][-1].text == "No need."


async def test_fusion_can_be_named_although_there_are_others(house: House) -> None:
    house.server.on(WRITER, FUSE, "Yes.")
    output = await ask(house.agent(), context={**THEIRS, "tool_choice": "fusion"})
    assert house.calls(WRITER)[0].body["tool_choice"]["function"]["name"] == "fusion"
    assert output["receipt"]["deliberated"] is True


async def test_none_withholds_the_client_s_tools_even_from_a_model_that_calls_one(house: House) -> None:
    house.server.on(WRITER, ROME, "Alone.")
    output = await ask(house.agent(own=[tide]), context={**THEIRS, "tool_choice": "none"})
    assert [call.tool_names for call in house.calls(WRITER)] == [[], []]
    assert output["messages"][-1].text == "Alone."


async def test_arguments_that_are_no_json_are_asked_for_again(house: House) -> None:
    house.server.on(WRITER, ToolCall("weather", raw_arguments="{oops"), ROME)
    output = await ask(house.agent(), context=THEIRS)
    assert [call["args"] for call in output["messages"][-1].tool_calls] == [{"place": "Rome"}]
    assert len(house.calls(WRITER)) == 2
    assert valid(house.calls(WRITER)[-1].messages)


async def test_a_client_may_answer_as_often_as_it_likes(house: House) -> None:
    """The budget of tool steps is for what runs here, in one run."""
    history: list[AnyMessage] = [HumanMessage(QUESTION)]
    for at in range(40):
        call = {"name": "clock", "args": {}, "id": f"call_{at}", "type": "tool_call"}
        history += [AIMessage("", tool_calls=[call]), ToolMessage("Noon.", tool_call_id=f"call_{at}")]
    house.server.on(WRITER, ROME)
    output = await ask(house.agent(), history, context=THEIRS)
    assert [call["name"] for call in output["messages"][-1].tool_calls] == ["weather"]


async def test_without_deliberation_there_is_no_fusion_and_no_panel_is_needed(house: House) -> None:
    house.server.on(WRITER, ROME, "Rain.")
    plain = {"writer": WRITER, "may_deliberate": False, **THEIRS}
    graph = build_fusion_agent(resources=house.resources)
    first = await ask(graph, context=plain)
    second = await ask(graph, answered(first), context=plain)
    assert [call.tool_names for call in house.calls(WRITER)] == [["weather", "clock"]] * 2
    assert roles(house.calls(WRITER)[0]) == ["user"]
    assert (second["messages"][-1].text, second["receipt"]["deliberated"]) == ("Rain.", False)
    assert [call.model for call in house.server.calls] == [WRITER, WRITER]


async def test_without_deliberation_a_seat_that_cannot_be_had_is_no_fault(house: House) -> None:
    graph = build_fusion_agent(resources=house.resources)
    output = await ask(graph, context={"panel": ["no form"], "writer": WRITER, "may_deliberate": False})
    assert output["status"] == "ok"
    assert "tools" not in house.calls(WRITER)[0].body


async def test_a_plain_call_within_limits_is_paid_once(house: House) -> None:
    house.server.on(WRITER, ROME, "Rain.")
    limited = {"writer": WRITER, "may_deliberate": False, "max_total_tokens": 60_000, **THEIRS}
    graph = build_fusion_agent(resources=house.resources)
    first = await ask(graph, context=limited)
    second = await ask(graph, answered(first), context=limited)
    for output in (first, second):
        used = output["receipt"]["totals"]["usage"]
        assert output["receipt"]["limits"]["counted_tokens"] == used["input_tokens"] + used["output_tokens"]


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"tool_choice": "nobody"}, r"tool_choice: 'nobody' is no tool of this run; choose one of .*fusion"),
        ({"tool_choice": "fusion", "may_deliberate": False}, "tool_choice: 'fusion' is no tool of this run"),
        ({"tool_choice": "required", "may_deliberate": False}, "tool_choice: 'required', and the run has no tool"),
        ({"client_tools": [{"name": "tide"}]}, "client_tools: 'tide' is a tool that runs here"),
        ({"may_deliberate": False, "writer": "offline:writer"}, "calls no language model"),
    ],
)
async def test_what_cannot_be_is_said_before_any_model_is_called(
    house: House, context: dict[str, Any], message: str
) -> None:
    own = [tide] if "client_tools" in context else []
    with pytest.raises(ConfigError, match=message):
        await ask(house.agent(own=own), context=context)
    assert house.server.calls == []


async def test_a_caller_that_fails_after_the_client_s_answer_ends_typed(house: House) -> None:
    house.server.on(WRITER, ROME, Fault(402))
    graph = house.agent()
    first = await ask(graph, context=THEIRS)
    second = await ask(graph, answered(first), context=THEIRS)
    assert (second["status"], second["failure_reason"]) == ("error", "insufficient_credits")


async def test_a_system_prompt_of_the_client_reaches_the_caller_behind_ours_as_one(house: House) -> None:
    house.server.on(WRITER, "Oui.")
    messages: list[AnyMessage] = [
        SystemMessage("Answer in French."),
        SystemMessage("Be brief."),
        HumanMessage(QUESTION),
    ]
    output = await ask(house.agent(), messages)
    (call,) = house.calls(WRITER)
    assert roles(call) == ["system", "user"]
    told = system_text(call)
    assert told.index("`fusion`") < told.index("Answer in French.") < told.index("Be brief.")
    assert [m.type for m in output["messages"]] == ["system", "system", "human", "ai"]
    plain = await ask(house.agent(), messages, context={"may_deliberate": False})
    assert system_text(house.calls(WRITER)[-1]) == "Answer in French.\n\nBe brief."
    assert plain["messages"][-1].text == "Oui."


async def test_a_thread_keeps_the_hand_back_between_runs(house: House) -> None:
    house.server.on(WRITER, ToolCalls([ROME, FUSE]), FUSE, "Rain, and yes.")
    graph = house.agent(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    await graph.ainvoke(asked(), config, context=THEIRS)
    back = {"messages": [ToolMessage("Rain.", tool_call_id="call_rome")]}
    output = await graph.ainvoke(back, config, context=THEIRS)
    assert output["messages"][-1].text == "Rain, and yes."
    assert len(house.calls(ALPHA)) == 1
    assert all(valid(call.messages) for call in house.calls(WRITER))


async def test_the_client_s_call_is_streamed_and_the_run_ends_the_same(house: House) -> None:
    house.server.on(WRITER, ToolCalls([ROME, FUSE], content="Both."))
    last: dict[str, Any] = {}
    named: list[str] = []
    stream = house.agent().astream(asked(), context=THEIRS, stream_mode=["messages", "values"], subgraphs=True)
    async for namespace, mode, data in stream:
        if mode == "values" and not namespace:
            last = data
        elif mode == "messages" and data[1].get("fusion_part") == "caller":
            named += [chunk["name"] for chunk in getattr(data[0], "tool_call_chunks", []) if chunk["name"]]
    assert set(named) == {"weather", "fusion"}
    assert [call["name"] for call in last["messages"][-1].tool_calls] == ["weather"]


@pytest.mark.parametrize("reply", [Text("Four."), ToolCall("tide", {"harbour": "Ostia"})])
async def test_a_run_that_needs_no_client_is_as_ever(house: House, reply: Reply) -> None:
    house.server.on(WRITER, reply, "Four.")
    output = await ask(house.agent(own=[tide]), "Two and two?", context=THEIRS)
    assert output["messages"][-1].text == "Four."
    assert output["messages"][-1].tool_calls == []


async def test_pictures_reach_the_caller_and_the_panel_that_it_convenes(house: House) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    message = HumanMessage([{"type": "text", "text": "What is this?"}, picture])
    house.server.on(WRITER, FUSE, "A chart.")
    await ask(house.agent(), [message])
    assert picture in house.calls(WRITER)[0].messages[-1]["content"]
    (sent,) = [m["content"] for m in house.calls(ALPHA)[0].messages if m["role"] == "user"]
    assert sent == [{"type": "text", "text": "The whole question?"}, picture]


async def test_pictures_reach_the_panel_of_the_fixed_graph_earlier_ones_too(house: House) -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    conversation: list[AnyMessage] = [
        HumanMessage([picture]),
        AIMessage("A chart."),
        HumanMessage([{"type": "text", "text": "And this?"}, picture]),
    ]
    await house.ask(conversation)
    users = [m["content"] for m in house.calls(ALPHA)[0].messages if m["role"] == "user"]
    assert [picture in content for content in users] == [True, True]


async def test_the_tool_takes_prompt_for_question(house: House) -> None:
    house.server.on(WRITER, ToolCall("fusion", {"prompt": "Why so?"}), "Because.")
    output = await ask(house.agent())
    assert output["receipt"]["deliberated"] is True
    assert [m["content"] for m in house.calls(ALPHA)[0].messages if m["role"] == "user"] == ["Why so?"]

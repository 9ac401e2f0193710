"""The calling model that decides: whether it fuses, how often, and what it is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from scripted_house import (
    ALPHA,
    BETA,
    JUDGE,
    WRITER,
    House,
    ask,
    asked,
    config_of,
    draft_of,
    reasons,
    system_text,
    user_texts,
)

from fusion_graph import build_fusion_agent
from fusion_graph.fence import Fenced, unfence
from fusion_graph.testing import Fault, ReceivedCall, Reply, Researcher, Text, ToolCall, ToolCalls

FUSE = ToolCall("fusion", {"question": "The whole question?"})


@tool
def weather(place: str) -> str:
    """Tell the weather."""
    return f"Rain in {place}."


def results(output: dict[str, Any]) -> list[dict[str, Any]]:
    """What the tool `fusion` told the calling model, call by call."""
    told = [str(m.text) for m in output["messages"] if isinstance(m, ToolMessage) and m.name == "fusion"]
    return [json.loads((unfence(text, "tool_result") or [Fenced("", {}, text)])[0].text) for text in told]


async def test_a_caller_that_does_not_call_answers_alone(house: House) -> None:
    house.server.on(WRITER, "Four.")
    output = await ask(house.agent(), "Two and two?")
    assert output["messages"][-1].text == "Four."
    assert output["receipt"]["deliberated"] is False
    assert (output["status"], output["analysis"], output["responses"], output["sources"]) == ("ok", None, [], [])
    assert house.calls(ALPHA) == house.calls(JUDGE) == []
    assert house.calls(WRITER)[0].tool_names == ["fusion"]


async def test_a_caller_that_calls_gets_the_panel_and_writes_the_answer(house: House) -> None:
    house.server.on(WRITER, FUSE, "The panel says yes.")
    output = await ask(house.agent())
    (told,) = results(output)
    assert told["status"] == "ok"
    assert told["analysis"]["consensus"] == ["It does."]
    assert [entry["content"] for entry in told["responses"]] == [draft_of(ALPHA), draft_of(BETA)]
    assert "failed_models" not in told
    assert "answer" not in told
    assert output["messages"][-1].text == "The panel says yes."
    assert output["analysis"]["consensus"] == ["It does."]
    assert len(output["responses"]) == 2
    assert user_texts(house.calls(ALPHA)[0]) == ["The whole question?"]
    assert "[S3]" in system_text(house.calls(WRITER)[0])


async def test_the_receipt_of_an_agent_s_run_holds_panel_judge_and_caller(house: House) -> None:
    house.server.on(WRITER, FUSE, "Yes.")
    receipt = (await ask(house.agent()))["receipt"]
    assert receipt["deliberated"] is True
    assert [entry["seat_id"] for entry in receipt["seats"]] == ["seat-1", "seat-2"]
    assert receipt["judge"]["calls"] == 1
    assert (receipt["writer"]["calls"], receipt["writer"]["tool_calls"]) == (2, 1)
    assert receipt["writer"]["requested_model"] == WRITER
    assert receipt["totals"]["calls"] == 5
    assert receipt["status"] == "ok"


async def test_required_forces_the_first_turn_and_no_other(house: House) -> None:
    house.server.on(WRITER, FUSE, "Yes.")
    output = await ask(house.agent(own=[weather]), context={"tool_choice": "required"})
    first, second = house.calls(WRITER)
    assert first.body["tool_choice"] == {"type": "function", "function": {"name": "fusion"}}
    assert second.body.get("tool_choice") in (None, "auto")
    assert output["receipt"]["deliberated"] is True


@pytest.mark.parametrize("reply", [Text("I know it already."), ToolCall("weather", {"place": "Rome"})])
async def test_a_provider_that_ignores_the_force_still_gets_its_fusion(house: House, reply: Reply) -> None:
    house.server.on(WRITER, reply, "Now I know.", ignores={"tool_choice"})
    output = await ask(house.agent(own=[weather]), context={"tool_choice": "required"})
    assert output["receipt"]["deliberated"] is True
    assert output["messages"][-1].text == "Now I know."
    assert "I know it already." not in [m.text for m in output["messages"]]
    assert user_texts(house.calls(ALPHA)[0]) == ["Does a carbon tax cut emissions?"]


async def test_a_provider_that_refuses_the_force_still_gets_its_fusion(house: House) -> None:
    house.server.on(WRITER, "Now I know.", rejects={"tool_choice"})
    output = await ask(house.agent(), context={"tool_choice": "required"})
    assert output["receipt"]["deliberated"] is True
    assert output["messages"][-1].text == "Now I know."


async def test_none_takes_all_tools_away(house: House) -> None:
    house.server.on(WRITER, "Alone.")
    output = await ask(house.agent(own=[weather]), context={"tool_choice": "none"})
    assert house.calls(WRITER)[0].tool_names == []
    assert output["receipt"]["deliberated"] is False


async def test_none_holds_for_a_model_that_calls_the_tool_all_the_same(house: House) -> None:
    house.server.on(WRITER, FUSE, "Alone then.")
    output = await ask(house.agent(), context={"tool_choice": "none"})
    assert output["receipt"]["deliberated"] is False
    assert house.calls(ALPHA) == []
    assert output["messages"][-1].text == "Alone then."


@pytest.mark.parametrize("choice", ["auto", "required"])
async def test_a_second_call_in_the_same_turn_is_capped(house: House, choice: str) -> None:
    house.server.on(WRITER, FUSE, FUSE, "Enough.")
    output = await ask(house.agent(), context={"tool_choice": choice})
    first, second = results(output)
    assert first["status"] == "ok"
    assert (second["status"], second["failure_reason"]) == ("error", "fusion_invocation_capped")
    assert len(house.calls(ALPHA)) == len(house.calls(JUDGE)) == 1
    assert output["messages"][-1].text == "Enough."
    assert output["analysis"] is not None


@pytest.mark.parametrize("choice", ["auto", "required"])
async def test_of_two_calls_in_one_message_the_second_is_capped(house: House, choice: str) -> None:
    again = ToolCall("fusion", {"question": "And another?"})
    house.server.on(WRITER, ToolCalls([FUSE, again]), "Enough.")
    output = await ask(house.agent(), context={"tool_choice": choice})
    told = results(output)
    assert [entry.get("failure_reason") for entry in told] == [None, "fusion_invocation_capped"]
    assert [user_texts(call) for call in house.calls(ALPHA)] == [["The whole question?"]]
    assert output["receipt"]["totals"]["calls"] == 5


@pytest.mark.parametrize("how", ["{oops", "{}", '{"query": "Why?"}'])
async def test_a_call_with_bad_arguments_does_not_use_up_the_turn_s_fusion(house: House, how: str) -> None:
    house.server.on(WRITER, ToolCall("fusion", raw_arguments=how), FUSE, "Yes.")
    output = await ask(house.agent())
    assert output["receipt"]["deliberated"] is True
    assert user_texts(house.calls(ALPHA)[0]) == ["The whole question?"]
    assert output["messages"][-1].text == "Yes."


async def test_a_forced_call_with_unreadable_arguments_is_made_for_the_model(house: House) -> None:
    house.server.on(WRITER, ToolCall("fusion", raw_arguments="{oops"), "Yes.")
    output = await ask(house.agent(), context={"tool_choice": "required"})
    assert user_texts(house.calls(ALPHA)[0]) == ["Does a carbon tax cut emissions?"]
    assert [entry["status"] for entry in results(output)] == ["ok"]


async def test_the_caller_s_own_tools_work_beside_it_and_never_reach_the_panel(house: House) -> None:
    both = ToolCalls([ToolCall("weather", {"place": "Rome"}), FUSE])
    house.server.on(WRITER, both, ToolCall("weather", {"place": "Oslo"}), "Rain, and yes.")
    output = await ask(house.agent(own=[weather]))
    told = [m.text for m in output["messages"] if isinstance(m, ToolMessage) and m.name == "weather"]
    assert ["Rain in Rome." in told[0], "Rain in Oslo." in told[1]] == [True, True]
    assert "tools" not in house.calls(ALPHA)[0].body
    assert output["receipt"]["writer"]["tool_calls"] == 3
    assert output["receipt"]["deliberated"] is True


async def test_the_next_turn_of_the_user_may_fuse_again(house: House) -> None:
    house.server.on(WRITER, FUSE, "First.", FUSE, "Second.")
    graph = house.agent()
    first = await ask(graph)
    second = await ask(graph, [*first["messages"], HumanMessage("And now?")])
    assert second["receipt"]["deliberated"] is True
    assert len(house.calls(ALPHA)) == 2
    assert [entry["status"] for entry in results(second)] == ["ok", "ok"]


async def test_an_old_fusion_in_the_conversation_is_not_this_turn_s(house: House) -> None:
    house.server.on(WRITER, FUSE, "First.", "Second, alone.")
    graph = house.agent()
    first = await ask(graph)
    second = await ask(graph, [*first["messages"], HumanMessage("Thanks. Two and two?")])
    assert second["receipt"]["deliberated"] is False
    assert second["analysis"] is None


async def test_a_panel_that_failed_is_told_to_the_caller_who_answers(house: House) -> None:
    house.server.on(ALPHA, Fault(402)).on(BETA, Fault(500))
    house.server.on(WRITER, FUSE, "The panel failed; on my own: yes.")
    output = await ask(house.agent())
    (told,) = results(output)
    assert (told["status"], told["failure_reason"]) == ("error", "insufficient_credits")
    assert [entry["model"] for entry in told["failed_models"]] == [ALPHA, BETA]
    assert output["messages"][-1].text == "The panel failed; on my own: yes."
    assert output["status"] == "ok"
    assert len(output["failed_models"]) == 2
    assert output["receipt"]["seats"][0]["outcome"] == "failed"


async def test_a_caller_that_fails_after_the_panel_leaves_the_best_draft(house: House) -> None:
    house.server.on(WRITER, FUSE, Fault(500))
    output = await ask(house.agent())
    answer = output["messages"][-1]
    assert output["status"] == "ok"
    assert answer.additional_kwargs["fusion_fallback"] in ("seat-1", "seat-2")
    assert "The writer failed" in answer.text
    assert ("writer", "writer_failed") in reasons(output)
    assert output["receipt"]["writer"]["calls"] == 4


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(402), "insufficient_credits"),
        (Fault(429, retry_after=100), "rate_limited"),
        (Fault(404), "invalid_model"),
    ],
)
async def test_a_caller_that_fails_at_once_ends_typed_without_an_answer(
    house: House, fault: Reply, reason: str
) -> None:
    house.server.on(WRITER, fault)
    output = await ask(house.agent())
    assert (output["status"], output["failure_reason"]) == ("error", reason)
    assert [type(m).__name__ for m in output["messages"]] == ["HumanMessage"]
    assert house.calls(ALPHA) == []


async def test_the_caller_cites_the_panel_s_sources_and_is_checked(house: House) -> None:
    @tool
    def find(query: str) -> str:
        """Find a page."""
        return f"https://example.org/{query}"

    house.server.on(ALPHA, Researcher(["a"], "See https://example.org/a", tool="find"))
    house.server.on(WRITER, FUSE, "It does [S1], they say [S8].")
    output = await ask(build_fusion_agent(config_of([find], {}), resources=house.with_tools([find])))
    (told,) = results(output)
    assert told["sources"] == [{"id": "S1", "url": "https://example.org/a", "title": "https://example.org/a"}]
    assert "See [S1]" in told["responses"][0]["content"]
    assert output["receipt"]["citations"] == {"cited": ["S1"], "citations": 2, "unregistered": ["S8"]}
    assert [n["source_id"] for n in output["messages"][-1].additional_kwargs["annotations"]] == ["S1"]


async def test_a_caller_that_never_stops_calling_tools_is_stopped(house: House) -> None:
    def restless(call: ReceivedCall) -> Reply:
        return ToolCall("weather", {"place": "Rome"}) if call.tool_names else Text("Finally.")

    house.server.on(WRITER, restless)
    output = await ask(house.agent(own=[weather]))
    assert output["messages"][-1].text == "Finally."
    assert 10 < len(house.calls(WRITER)) < 40


async def test_the_agent_streams_the_panel_s_events_and_its_own_tokens(house: House) -> None:
    house.server.on(WRITER, FUSE, Text("The panel says yes."))
    events, tokens = [], []
    stream = house.agent().astream(asked(), stream_mode=["custom", "messages"], subgraphs=True)
    async for _namespace, mode, data in stream:
        if mode == "custom":
            events.append(data["type"])
        elif data[1].get("fusion_part") == "caller" and type(data[0]).__name__ == "AIMessageChunk":
            tokens.append(str(data[0].text))
    assert "".join(tokens) == "The panel says yes."
    assert events.count("panel.completed") == 2
    assert events.index("fusion.started") < events.index("panel.added") < events.index("analysis.completed")

"""Tools of the calling model's own that run here: their calls, their sources, and what nobody else sees of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from scripted_house import ALPHA, JUDGE, WRITER, House, ask, asked, config_of, reasons

from fusion_graph import ConfigError, Resources, build_fusion_agent
from fusion_graph.nodes.caller import MAX_STEPS
from fusion_graph.testing import ReceivedCall, Reply, Text, ToolCall, ToolCalls

FUSE = ToolCall("fusion", {"question": "The whole question?"})
SEARCH = ToolCall("web_search", {"query": "carbon tax emissions"})
THEIRS = {"client_tools": [{"name": "clock"}]}


@tool
def find(query: str) -> str:
    """Find a page."""
    return f"https://example.org/{query}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tax.md").write_text("# Carbon tax\n\nA carbon tax cut emissions by a fifth.\n", "utf-8")
    return tmp_path


def agent(house: House, folder: Path | None = None, **settings: Any) -> Any:
    resources: Resources = replace(house.with_tools([find]), corpus=folder)
    return build_fusion_agent(config_of((), settings), resources=resources)


async def test_unless_asked_for_there_are_none(house: House, folder: Path) -> None:
    house.server.on(WRITER, "Four.")
    await ask(agent(house, folder))
    assert house.calls(WRITER)[0].tool_names == ["fusion"]


async def test_a_search_of_the_caller_s_own_is_run_and_its_sources_are_registered(house: House, folder: Path) -> None:
    house.server.on(WRITER, SEARCH, "It does (corpus:tax.md).")
    output = await ask(agent(house, folder, caller_tools=["web_search", "web_fetch"]))
    assert house.calls(WRITER)[0].tool_names == ["fusion", "web_search", "web_fetch"]
    assert "cut emissions by a fifth" in house.calls(WRITER)[1].tool_results[0]
    (source,) = output["sources"]
    assert source["url"].startswith("corpus:tax.md")
    assert source["seat_ids"] == ["caller"]
    assert (output["receipt"]["writer"]["tool_calls"], output["receipt"]["deliberated"]) == (1, False)
    assert output["receipt"]["totals"]["tool_calls"] == 1


async def test_its_entry_s_own_parameters_count(house: House, folder: Path) -> None:
    house.server.on(WRITER, SEARCH, SEARCH, "It does.")
    output = await ask(agent(house, folder, caller_tools=[{"type": "web_search", "parameters": {"max_uses": 1}}]))
    told = [str(m.text) for m in output["messages"] if isinstance(m, ToolMessage)]
    assert "cut emissions" in told[0]
    assert "cut emissions" not in told[1]


async def test_they_never_reach_panel_or_judge(house: House, folder: Path) -> None:
    house.server.on(WRITER, FUSE, "Yes.")
    await ask(agent(house, folder, caller_tools=["web_search", "find"]))
    assert "tools" not in house.calls(ALPHA)[0].body
    assert "tools" not in house.calls(JUDGE)[0].body or "web_search" not in house.calls(JUDGE)[0].tool_names


async def test_their_sources_stand_behind_those_of_the_panel(house: House) -> None:
    house.server.on(ALPHA, ToolCall("find", {"query": "a"}), "See https://example.org/a")
    house.server.on(WRITER, ToolCall("find", {"query": "b"}), FUSE, "It does [S1], see https://example.org/b")
    output = await ask(agent(house, tools=["find"], caller_tools=["find"]))
    assert [(s["id"], s["url"], s["seat_ids"]) for s in output["sources"]] == [
        ("S1", "https://example.org/a", ["seat-1", "seat-2"] if len(house.calls("bolt/beta")) > 1 else ["seat-1"]),
        ("S2", "https://example.org/b", ["caller"]),
    ]
    assert output["receipt"]["citations"]["unregistered"] == []
    assert output["receipt"]["citations"]["cited"] == ["S1", "S2"]
    notes = output["messages"][-1].additional_kwargs["annotations"]
    text = output["messages"][-1].text
    spans = [(note["source_id"], text[note["start_index"] : note["end_index"]]) for note in notes]
    assert spans == [("S1", "[S1]"), ("S2", "https://example.org/b")]


async def test_a_link_that_the_caller_writes_is_annotated_as_a_whole(house: House) -> None:
    answer = "It does ([a page](https://example.org/b)). See https://nowhere.example/x."
    house.server.on(WRITER, ToolCall("find", {"query": "b"}), answer)
    output = await ask(agent(house, caller_tools=["find"]))
    (note,) = output["messages"][-1].additional_kwargs["annotations"]
    assert answer[note["start_index"] : note["end_index"]] == "[a page](https://example.org/b)"
    assert output["receipt"]["citations"]["unregistered"] == ["https://nowhere.example/x."]


async def test_their_sources_can_be_cited_after_a_hand_back(house: House) -> None:
    both = ToolCalls([ToolCall("find", {"query": "b"}), ToolCall("clock", {}, call_id="call_clock")])
    house.server.on(WRITER, both, "It is noon, see https://example.org/b")
    graph = agent(house, caller_tools=["find"])
    first = await ask(graph, context=THEIRS)
    back = ToolMessage("Noon.", tool_call_id="call_clock")
    second = await ask(graph, [*first["messages"], back], context=THEIRS)
    assert [s["url"] for s in second["sources"]] == ["https://example.org/b"]
    assert second["receipt"]["citations"]["unregistered"] == []


async def test_one_of_them_can_be_forced_by_name_on_the_first_turn(house: House, folder: Path) -> None:
    house.server.on(WRITER, SEARCH, "It does.")
    output = await ask(agent(house, folder, caller_tools=["web_search"], tool_choice="web_search"))
    first, second = house.calls(WRITER)
    assert first.body["tool_choice"]["function"]["name"] == "web_search"
    assert second.body.get("tool_choice") in (None, "auto")
    assert output["receipt"]["degraded"] == []


async def test_required_lets_the_model_choose_among_them(house: House, folder: Path) -> None:
    house.server.on(WRITER, SEARCH, "It does.")
    output = await ask(agent(house, folder, caller_tools=["web_search"], tool_choice="required"))
    assert house.calls(WRITER)[0].body["tool_choice"] == "required"
    assert output["receipt"]["deliberated"] is False


async def test_required_means_fusion_for_a_model_that_calls_nothing(house: House, folder: Path) -> None:
    house.server.on(WRITER, "I know.", "Now I know.", ignores={"tool_choice"})
    output = await ask(agent(house, folder, caller_tools=["web_search"], tool_choice="required"))
    assert output["receipt"]["deliberated"] is True
    assert reasons(output) == []


async def test_a_gateway_s_own_tool_is_passed_through(house: House) -> None:
    house.server.on(WRITER, "It does.")
    entry = {"type": "openrouter:web_search", "parameters": {"max_results": 3}}
    output = await ask(agent(house, caller_tools=[entry], tool_choice="openrouter:web_search"))
    (call,) = house.calls(WRITER)
    assert call.body["tools"][1] == entry
    assert call.body["tool_choice"] == {"type": "openrouter:web_search"}
    assert output["status"] == "ok"


async def test_they_work_without_a_panel(house: House, folder: Path) -> None:
    house.server.on(WRITER, SEARCH, "It does.")
    output = await ask(agent(house, folder, may_deliberate=False, caller_tools=["web_search"]))
    assert house.calls(WRITER)[0].tool_names == ["web_search"]
    assert output["receipt"]["writer"]["tool_calls"] == 1


async def test_their_steps_have_an_end(house: House) -> None:
    def restless(call: ReceivedCall) -> Reply:
        return ToolCall("find", {"query": "x"}) if call.tool_names else Text("Finally.")

    house.server.on(WRITER, restless)
    output = await ask(agent(house, caller_tools=["find"]))
    assert output["messages"][-1].text == "Finally."
    assert output["receipt"]["writer"]["tool_calls"] == MAX_STEPS


async def test_their_calls_are_told_to_who_watches(house: House) -> None:
    house.server.on(WRITER, ToolCall("find", {"query": "b"}), "It does.")
    told = [
        (event["type"], event["seat_id"], event["tool"])
        async for event in agent(house, caller_tools=["find"]).astream(asked(), stream_mode="custom")
    ]
    assert told == [("panel.tool_call", "caller", "find"), ("panel.tool_result", "caller", "find")]


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"caller_tools": ["nothing"]}, "caller_tools: there is no tool 'nothing'"),
        ({"caller_tools": [{"type": "web_search", "parameters": {"engine": "exa"}}]}, "caller.*EXA_API_KEY"),
        ({"caller_tools": ["find", "find"]}, "caller_tools: 'find' is listed twice"),
        ({"caller_tools": ["shell"]}, "caller_tools: 'shell' is for seats"),
        ({"caller_tools": ["fusion"]}, "caller_tools: there is no tool 'fusion'"),
        ({"caller_tools": [{"type": "web_fetch", "parameters": {"depth": 1}}]}, "caller_tools: web_fetch has no"),
        ({"caller_tools": ["find"], "client_tools": [{"name": "find"}]}, "client_tools: 'find' is a tool that runs"),
    ],
)
async def test_what_is_unknown_or_taken_is_said_before_any_model_is_called(
    house: House, context: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        await ask(agent(house), context=context)
    assert house.server.calls == []

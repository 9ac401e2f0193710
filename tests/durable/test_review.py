"""A person between panel, judge and writer: what is shown, what may be changed, and that no mistake costs anything."""

from __future__ import annotations

from typing import Any

import pytest
from household import ALPHA, ANSWER, BETA, COMPARED, GAMMA, JUDGE, NEVER, WRITER, House, seat
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command
from mortal import QUESTION, Keep

from fusion_graph import (
    ConfigError,
    build_deliberation_graph,
    build_fusion_agent,
    build_fusion_graph,
    fork_before_judge,
    fork_before_writer,
    retry_failed,
)
from fusion_graph.testing import Fault, ToolCall

CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}}
ASKED: Any = {"messages": [HumanMessage(QUESTION)]}


class Desk:
    """A run that stops for a person."""

    def __init__(self, house: House, *stages: str, **settings: Any) -> None:
        config = house.config(review=list(stages), **settings)
        self.graph: Any = build_fusion_graph(config, resources=house.resources, checkpointer=InMemorySaver())

    async def ask(self) -> dict[str, Any]:
        return dict(await self.graph.ainvoke(ASKED, CONFIG))

    async def answer(self, given: Any) -> dict[str, Any]:
        return dict(await self.graph.ainvoke(Command(resume=given), CONFIG))


def waiting(output: dict[str, Any]) -> dict[str, Any]:
    """What a person is shown."""
    (stop,) = output["__interrupt__"]
    return dict(stop.value)


def edits(output: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(edit["before"], edit["what"], edit["seat_id"]) for edit in output["receipt"]["edits"]]


async def test_the_run_waits_before_the_judge_and_shows_every_draft_and_failure(house: House) -> None:
    house.server.on(BETA, Fault(402))
    shown = waiting(await Desk(house, "judge").ask())

    assert house.counts == {ALPHA: 1, BETA: 1}
    assert shown["review"] == "judge"
    (draft,) = shown["drafts"]
    assert (draft["seat_id"], draft["content"], draft["outcome"]) == ("seat-1", f"It does, says {ALPHA}.", "ok")
    assert [failed["seat_id"] for failed in shown["failed_models"]] == ["seat-2"]
    assert "problem" not in shown


async def test_a_plain_yes_goes_on_as_if_nobody_had_looked(house: House) -> None:
    desk = Desk(house, "judge", "writer")
    await desk.ask()
    assert waiting(await desk.answer(True))["review"] == "writer"
    output = await desk.answer(True)

    assert output["messages"][-1].text == ANSWER
    assert output["receipt"]["edits"] == []
    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 1}
    judged, written = house.calls(JUDGE)[0].prompt, house.calls(WRITER)[0].prompt
    block = judged[judged.index("<question") : judged.rindex("</draft")]
    assert block in written


async def test_drafts_are_dropped_edited_and_added_before_the_judge(house: House) -> None:
    desk = Desk(house, "judge", panel=[ALPHA, BETA, GAMMA])
    await desk.ask()
    source = {"url": "https://example.org/tax", "title": "On taxes"}
    own = {"content": "It cannot, see https://example.org/tax.", "label": "The chair", "sources": [source]}
    output = await desk.answer({"drop": ["seat-1"], "edit": {"seat-2": "It does, by a tenth."}, "add": [own]})

    judged = house.calls(JUDGE)[0].prompt
    assert f"says {ALPHA}" not in judged
    assert f"says {BETA}" not in judged
    assert "It does, by a tenth." in judged
    assert "It cannot, see [S1]." in judged
    assert edits(output) == [
        ("judge", "dropped", "seat-1"),
        ("judge", "edited", "seat-2"),
        ("judge", "added", "person-1"),
    ]
    marked = {response["seat_id"]: response.get("review") for response in output["responses"]}
    assert marked == {"seat-2": "edited", "seat-3": None, "person-1": "added"}
    assert output["failed_models"] == []
    assert output["receipt"]["degraded"] == []
    assert seat(output, "seat-1")["review"] == "dropped"
    assert seat(output, "person-1")["requested_model"] == "person"
    assert {shown["seat_id"] for shown in output["receipt"]["shown_order"]} == set(marked)
    assert output["sources"] == [{"id": "S1", **source, "seat_ids": ["person-1"]}]


async def test_a_person_can_save_a_panel_that_failed(house: House) -> None:
    house.server.on(ALPHA, Fault(402)).on(BETA, Fault(402))
    desk = Desk(house, "judge")
    assert waiting(await desk.ask())["drafts"] == []
    output = await desk.answer({"add": [{"content": "It does, I say."}]})
    assert (output["status"], output["messages"][-1].text) == ("ok", ANSWER)
    assert "It does, I say." in house.calls(JUDGE)[0].prompt


async def test_a_panel_that_failed_and_is_left_so_ends_as_an_error(house: House) -> None:
    house.server.on(ALPHA, Fault(402)).on(BETA, Fault(402))
    desk = Desk(house, "judge")
    await desk.ask()
    output = await desk.answer(True)
    assert (output["status"], output["failure_reason"]) == ("error", "insufficient_credits")
    assert house.calls(JUDGE) == []


async def test_analysis_and_drafts_are_changed_before_the_writer(house: House) -> None:
    desk = Desk(house, "writer")
    shown = waiting(await desk.ask())
    assert shown["review"] == "writer"
    analysis = shown["analysis"]
    analysis["consensus"] = ["It does, by a fifth or so."]
    analysis["unique_insights"] = [{"model": "who cares", "insight": "Rebates matter.", "seat_id": "seat-2"}]
    output = await desk.answer({"analysis": analysis, "drop": ["seat-1"], "add": [{"content": "A late thought."}]})

    written = house.calls(WRITER)[0].prompt
    assert "by a fifth or so" in written
    assert "Rebates matter." in written
    assert f"says {ALPHA}" not in written
    assert "A late thought." in written
    assert edits(output) == [
        ("writer", "dropped", "seat-1"),
        ("writer", "added", "person-1"),
        ("writer", "analysis_edited", None),
    ]
    assert output["analysis"]["unique_insights"][0]["model"] == BETA
    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 1}


async def test_the_letters_of_the_drafts_stay_when_one_is_dropped_before_the_writer(house: House) -> None:
    desk = Desk(house, "writer")
    before = (await desk.ask())["receipt"]["shown_order"]
    first, second = (entry["seat_id"] for entry in before)
    output = await desk.answer({"drop": [first], "add": [{"content": "Mine."}]})
    after = [(entry["label"], entry["seat_id"]) for entry in output["receipt"]["shown_order"]]
    assert after == [("B", second), ("C", "person-1")]


async def test_the_analysis_can_be_thrown_away(house: House) -> None:
    desk = Desk(house, "writer")
    await desk.ask()
    output = await desk.answer({"analysis": None})
    assert output["analysis"] is None
    assert edits(output) == [("writer", "analysis_removed", None)]
    assert "There is no comparison of the drafts" in house.calls(WRITER)[0].prompt


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"drop": ["seat-9"]}, "drop: 'seat-9' has no draft; those with one are seat-1, seat-2"),
        ({"drop": ["seat-1"], "edit": {"seat-1": "x"}}, "drop and edit both name 'seat-1'"),
        ({"drop": ["seat-1", "seat-2"]}, "drop: no draft would be left"),
        ({"edit": {"seat-1": "  "}}, "edit.seat-1"),
        ({"add": [{"text": "x"}]}, "add.0.content: Field required"),
        ({"dorp": ["seat-1"]}, "dorp: there is no such field"),
        ({"analysis": {"consensus": []}}, "analysis.blind_spots: Field required"),
        ({"analysis": "none"}, "analysis: "),
        ("go on", "answer with true"),
        (False, "answer with true"),
    ],
)
async def test_an_answer_that_cannot_be_read_stops_the_run_again_and_loses_nothing(
    house: House, given: Any, problem: str
) -> None:
    desk = Desk(house, "writer")
    first = waiting(await desk.ask())
    again = waiting(await desk.answer(given))
    assert problem in again.pop("problem")
    assert again == first
    output = await desk.answer({"drop": ["seat-2"]})
    assert edits(output) == [("writer", "dropped", "seat-2")]
    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 1}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"unique_insights": [{"model": "m", "insight": "i", "seat_id": "seat-7"}]}, "seat id 'seat-7'"),
        ({"partial_coverage": [{"models": [], "point": "p", "seat_ids": [], "source_ids": ["S9"]}]}, "source id 'S9'"),
        ({"consensus": ["one", "two"]}, "analysis.consensus_support: 1 entries for 2 points"),
    ],
)
async def test_an_analysis_names_seats_and_sources_of_this_run_alone(
    house: House, change: dict[str, Any], problem: str
) -> None:
    desk = Desk(house, "writer")
    analysis = waiting(await desk.ask())["analysis"]
    assert problem in waiting(await desk.answer({"analysis": {**analysis, **change}}))["problem"]


async def test_a_new_turn_knows_nothing_of_drafts_a_person_added(house: House) -> None:
    desk = Desk(house, "judge")
    await desk.ask()
    await desk.answer({"add": [{"content": "Mine."}]})
    shown = waiting(await desk.ask())
    assert [draft["seat_id"] for draft in shown["drafts"]] == ["seat-1", "seat-2"]


async def test_without_a_checkpointer_the_run_is_refused_before_it_costs_anything(house: House) -> None:
    graph = build_fusion_graph(house.config(review=["judge"]), resources=house.resources)
    with pytest.raises(ConfigError, match=r"review: .* needs a checkpointer"):
        await graph.ainvoke(ASKED)
    assert house.server.calls == []


async def test_a_graph_without_a_writer_cannot_stop_before_one(house: House) -> None:
    for build in (build_deliberation_graph, build_fusion_agent):
        graph: Any = build(house.config(), resources=house.resources, checkpointer=InMemorySaver())
        with pytest.raises(ConfigError, match="review: 'writer' needs the graph `fusion`"):
            await graph.ainvoke(ASKED, CONFIG, context={"review": ["writer"]})
    assert house.server.calls == []


async def test_the_agent_stops_inside_its_tool_and_goes_on_there(house: House) -> None:
    house.server.on(WRITER, ToolCall("fusion", {"question": QUESTION}), ANSWER)
    config = house.config(review=["judge"])
    agent: Any = build_fusion_agent(config, resources=house.resources, checkpointer=InMemorySaver())
    shown = waiting(await agent.ainvoke(ASKED, CONFIG))
    assert [draft["seat_id"] for draft in shown["drafts"]] == ["seat-1", "seat-2"]
    output = await agent.ainvoke(Command(resume={"drop": ["seat-1"]}), CONFIG)
    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 2}
    assert edits(output) == [("judge", "dropped", "seat-1")]
    assert output["messages"][-1].text == ANSWER


async def test_a_host_graph_stops_where_its_fusion_does(house: House) -> None:
    config = house.config(review=["judge", "writer"])
    builder = StateGraph(MessagesState)
    builder.add_node("panel", build_fusion_graph(config, resources=house.resources))
    builder.add_edge(START, "panel")
    builder.add_edge("panel", END)
    host: Any = builder.compile(checkpointer=InMemorySaver())
    await host.ainvoke(ASKED, CONFIG)
    assert waiting(await host.ainvoke(Command(resume={"edit": {"seat-1": "Edited."}}), CONFIG))["review"] == "writer"
    output = await host.ainvoke(Command(resume=True), CONFIG)
    assert output["messages"][-1].text == ANSWER
    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 1}
    assert "Edited." in house.calls(WRITER)[0].prompt


async def test_what_a_person_changed_survives_a_fork(house: House) -> None:
    desk = Desk(house, "judge", "writer")
    await desk.ask()
    await desk.answer({"edit": {"seat-1": "Edited."}})
    await desk.answer({"add": [{"content": "A late thought."}]})

    output = await fork_before_writer(desk.graph, CONFIG, context={"writer": JUDGE})
    assert "A late thought." in house.calls(JUDGE)[-1].prompt
    assert len(edits(output)) == 2

    await fork_before_judge(desk.graph, CONFIG, context={"review": []})
    assert "Edited." in house.calls(JUDGE)[-1].prompt
    assert "A late thought." not in house.calls(JUDGE)[-1].prompt
    assert house.counts[ALPHA] == 1


async def test_what_a_person_changed_survives_a_retry_and_is_shown_again(house: House) -> None:
    house.server.on(BETA, Fault(402), "It does, slowly.")
    desk = Desk(house, "judge")
    await desk.ask()
    await desk.answer({"edit": {"seat-1": "Edited."}, "add": [{"content": "Mine."}]})

    shown = waiting(await retry_failed(desk.graph, CONFIG))
    assert [(draft["seat_id"], draft["content"]) for draft in shown["drafts"]] == [
        ("seat-1", "Edited."),
        ("seat-2", "It does, slowly."),
        ("person-1", "Mine."),
    ]
    output = await desk.answer(True)
    assert edits(output) == [("judge", "edited", "seat-1"), ("judge", "added", "person-1")]


async def test_a_process_that_dies_after_the_answer_does_not_ask_again(house: House, keep: Keep) -> None:
    house.server.on(JUDGE, NEVER, COMPARED).on(WRITER, NEVER, ANSWER)
    settings = {"review": ["judge", "writer"]}
    first = await house.lives(keep, **settings).output()
    assert first["__interrupt__"][0]["review"] == "judge"
    doomed = house.lives(keep, "resume", given={"edit": {"seat-1": "Edited."}}, **settings)
    await house.asked(JUDGE)
    doomed.kill()
    second = await house.lives(keep, "resume", **settings).output()
    assert second["__interrupt__"][0]["review"] == "writer"
    doomed = house.lives(keep, "resume", given={"add": [{"content": "A late thought."}]}, **settings)
    await house.asked(WRITER)
    doomed.kill()

    output = await house.lives(keep, "resume", **settings).output()

    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 2, WRITER: 2}
    assert "Edited." in house.calls(JUDGE)[-1].prompt
    assert "A late thought." in house.calls(WRITER)[-1].prompt
    assert output["messages"] == [["human", QUESTION], ["ai", ANSWER]]
    assert [edit["what"] for edit in output["receipt"]["edits"]] == ["edited", "added"]

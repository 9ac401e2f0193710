"""`kill -9` at any moment: whoever takes the run up repeats no finished seat, judge or writer, and loses no answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from household import ALPHA, ANSWER, BETA, COMPARED, GAMMA, JUDGE, NEVER, WRITER, House, seat, until_saved
from mortal import QUESTION, Keep

from fusion_graph.testing import ToolCall

CORPUS = str(Path(__file__).parents[2] / "examples" / "corpus")
ANSWERED = [["human", QUESTION], ["ai", ANSWER]]


@pytest.mark.parametrize("kind", ["fusion", "host"])
async def test_killed_while_a_seat_works_the_finished_seat_is_kept(house: House, keep: Keep, kind: str) -> None:
    house.server.on(BETA, NEVER, "It does, slowly.")
    doomed = house.lives(keep, kind=kind)
    await house.asked(BETA)
    await until_saved(keep, "seat-1")
    doomed.kill()

    output = await house.lives(keep, "resume", kind=kind).output()

    assert house.counts == {ALPHA: 1, BETA: 2, JUDGE: 1, WRITER: 1}
    assert output["messages"] == ANSWERED


async def test_killed_while_the_judge_works_no_seat_is_asked_again(house: House, keep: Keep) -> None:
    house.server.on(JUDGE, NEVER, COMPARED)
    doomed = house.lives(keep)
    await house.asked(JUDGE)
    doomed.kill()

    output = await house.lives(keep, "resume").output()

    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 2, WRITER: 1}
    assert output["analysis"]["consensus"] == ["It does."]
    assert output["messages"] == ANSWERED


@pytest.mark.parametrize("kind", ["fusion", "host"])
async def test_killed_while_the_writer_writes_nobody_else_is_asked_again(house: House, keep: Keep, kind: str) -> None:
    house.server.on(WRITER, NEVER, ANSWER)
    doomed = house.lives(keep, kind=kind)
    await house.asked(WRITER)
    doomed.kill()

    output = await house.lives(keep, "resume", kind=kind).output()

    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 2}
    assert output["messages"] == ANSWERED


async def test_a_run_that_has_ended_is_given_back_as_it_is(house: House, keep: Keep) -> None:
    first = await house.lives(keep).output()
    second = await house.lives(keep, "resume").output()
    assert second == first
    assert len(house.server.calls) == 4


async def test_a_run_may_die_more_than_once(house: House, sqlite: Keep) -> None:
    house.server.on(ALPHA, NEVER, NEVER, "It does.").on(JUDGE, NEVER, COMPARED)
    for act, model, times in (("ask", ALPHA, 1), ("resume", ALPHA, 2), ("resume", JUDGE, 1)):
        doomed = house.lives(sqlite, act)
        await house.asked(model, times)
        await until_saved(sqlite, "seat-2")
        doomed.kill()

    output = await house.lives(sqlite, "resume").output()

    assert house.counts == {ALPHA: 3, BETA: 1, JUDGE: 2, WRITER: 1}
    assert output["messages"] == ANSWERED


async def test_what_a_seat_looked_up_is_not_looked_up_again(house: House, keep: Keep) -> None:
    house.server.on(ALPHA, ToolCall("web_search", {"query": "carbon tax"}), NEVER, "It does, by a fifth.")
    doomed = house.lives(keep, tools=["web_search"], corpus=CORPUS)
    await house.asked(ALPHA, 2)
    doomed.kill()

    output = await house.lives(keep, "resume", tools=["web_search"], corpus=CORPUS).output()

    assert [bool(call.tool_results) for call in house.calls(ALPHA)] == [False, True, True]
    entry = seat(output, "seat-1")
    assert entry["sources"] > 0
    assert (entry["calls"], entry["tool_calls"]) == (2, 1)


async def test_the_receipt_says_what_was_begun_twice_and_calls_its_sums_lower_bounds(
    house: House, sqlite: Keep
) -> None:
    house.server.on(BETA, NEVER, "It does, slowly.").on(WRITER, NEVER, ANSWER)
    for act, model in (("ask", BETA), ("resume", WRITER)):
        doomed = house.lives(sqlite, act)
        await house.asked(model)
        await until_saved(sqlite, "seat-1")
        doomed.kill()

    receipt = (await house.lives(sqlite, "resume").output())["receipt"]

    assert [(entry["part"], entry["reason"]) for entry in receipt["degraded"]] == [
        ("seat-2", "resumed"),
        ("writer", "resumed"),
    ]
    at_least = [part["usage"]["tokens_at_least"] for part in (*receipt["seats"], receipt["judge"], receipt["writer"])]
    assert at_least == [False, True, False, True]
    assert receipt["totals"]["usage"]["tokens_at_least"] is True


async def test_a_resumed_run_keeps_the_models_it_was_begun_with(house: House, keep: Keep) -> None:
    house.server.on(JUDGE, NEVER, COMPARED)
    context = house.plain(panel=[ALPHA, GAMMA])
    elsewhere = {"panel": ["else/one"], "judge": "else/judge", "writer": "else/writer"}
    doomed = house.lives(keep, config=elsewhere, context=context)
    await house.asked(JUDGE)
    doomed.kill()

    output = await house.lives(keep, "resume", config=elsewhere).output()

    assert house.counts == {ALPHA: 1, GAMMA: 1, JUDGE: 2, WRITER: 1}
    assert output["receipt"]["writer"]["requested_model"] == WRITER


async def test_an_agent_that_dies_convenes_no_second_panel(house: House, keep: Keep) -> None:
    house.server.on(WRITER, ToolCall("fusion", {"question": QUESTION}), ANSWER)
    house.server.on(BETA, NEVER, "It does, slowly.")
    doomed = house.lives(keep, kind="agent")
    await house.asked(BETA)
    await until_saved(keep, "seat-1")
    doomed.kill()

    output = await house.lives(keep, "resume", kind="agent").output()

    assert house.counts == {ALPHA: 1, BETA: 2, JUDGE: 1, WRITER: 2}
    assert output["messages"][-1] == ["ai", ANSWER]
    assert output["receipt"]["writer"]["calls"] == 2


async def test_an_agent_that_dies_after_its_panel_still_has_what_the_panel_gave(house: House, keep: Keep) -> None:
    house.server.on(WRITER, ToolCall("fusion", {"question": QUESTION}), NEVER, ANSWER)
    doomed = house.lives(keep, kind="agent")
    await house.asked(WRITER, 2)
    doomed.kill()

    output = await house.lives(keep, "resume", kind="agent").output()

    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 3}
    assert output["analysis"]["consensus"] == ["It does."]
    assert len(output["responses"]) == 2
    receipt = output["receipt"]
    assert receipt["deliberated"] is True
    assert [(entry["part"], entry["reason"]) for entry in receipt["degraded"]] == [("caller", "resumed")]

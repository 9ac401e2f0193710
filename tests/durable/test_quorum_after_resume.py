"""A resumed run counts what was finished before: its quorum is the run's, not the process's."""

from __future__ import annotations

import asyncio

import pytest
from household import ALPHA, ANSWER, BETA, GAMMA, JUDGE, NEVER, WRITER, House, seat, until_saved
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from mortal import QUESTION, Keep

from fusion_graph import build_fusion_graph

PANEL = [ALPHA, BETA, GAMMA]


def written(saver: InMemorySaver, config: RunnableConfig) -> list[str]:
    """The channels that tasks of the step under way have written to."""
    saved = saver.get_tuple(config)
    return [channel for _, channel, _ in (saved.pending_writes or [] if saved else [])]


@pytest.mark.parametrize("kind", ["fusion", "host"])
async def test_drafts_of_a_dead_process_make_the_quorum(house: House, keep: Keep, kind: str) -> None:
    house.server.on(BETA, NEVER, "It does, slowly.").on(GAMMA, NEVER)
    settings = {"panel": PANEL, "quorum": 2, "grace": 0.2}
    doomed = house.lives(keep, kind=kind, **settings)
    await house.asked(BETA)
    await house.asked(GAMMA)
    await until_saved(keep, "seat-1")
    doomed.kill()

    output = await house.lives(keep, "resume", kind=kind, **settings).output(20)

    assert house.counts == {ALPHA: 1, BETA: 2, GAMMA: 2, JUDGE: 1, WRITER: 1}
    assert output["messages"][-1] == ["ai", ANSWER]
    assert all(call.disconnected for call in house.calls(GAMMA))
    judged = house.calls(JUDGE)[0].prompt
    assert "It does, slowly." in judged
    assert f"says {ALPHA}" in judged
    if kind == "fusion":
        assert seat(output, "seat-3")["failure"]["kind"] == "straggler"


async def test_a_quorum_reached_before_leaves_the_last_seat_the_grace_alone(house: House, keep: Keep) -> None:
    house.server.on(GAMMA, NEVER)
    doomed = house.lives(keep, panel=PANEL, quorum=2, grace=50)
    await house.asked(GAMMA)
    await until_saved(keep, "seat-1", "seat-2")
    doomed.kill()

    output = await house.lives(keep, "resume", context={"grace": 0.5}).output(20)

    assert {model: count for model, count in house.counts.items() if model != GAMMA} == {
        ALPHA: 1,
        BETA: 1,
        JUDGE: 1,
        WRITER: 1,
    }
    assert 0.5 <= seat(output, "seat-3")["latency"] < 10
    assert [entry["outcome"] for entry in output["receipt"]["seats"]] == ["ok", "ok", "timed_out"]


async def test_a_cancelled_run_that_is_taken_up_in_the_same_process_counts_them_too(house: House) -> None:
    house.server.on(BETA, NEVER, "It does, slowly.").on(GAMMA, NEVER)
    saver = InMemorySaver()
    settings = house.config(panel=PANEL, quorum=2, grace=0.2)
    graph = build_fusion_graph(settings, resources=house.resources, checkpointer=saver)
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    run = asyncio.create_task(graph.ainvoke({"messages": [HumanMessage(QUESTION)]}, config))
    await house.asked(BETA)
    await house.asked(GAMMA)
    await house.server.until(lambda: "outcomes" in written(saver, config))
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await house.server.until(lambda: house.server.open_requests == 0)

    output = await asyncio.wait_for(graph.ainvoke(None, config), 20)

    assert house.counts == {ALPHA: 1, BETA: 2, GAMMA: 2, JUDGE: 1, WRITER: 1}
    assert seat(output, "seat-3")["failure"]["kind"] == "straggler"
    assert [entry["usage"]["tokens_at_least"] for entry in output["receipt"]["seats"]] == [False, True, True]

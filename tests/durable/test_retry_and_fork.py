"""A run that has ended can be taken up: its failed seats again, or another judge or writer on the same drafts."""

from __future__ import annotations

from typing import Any

import pytest
from household import ALPHA, ANSWER, BETA, COMPARED, GAMMA, JUDGE, NEVER, WRITER, House, seat, until_saved
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from mortal import QUESTION, Keep

from fusion_graph import (
    ConfigError,
    RunError,
    build_deliberation_graph,
    build_fusion_agent,
    build_fusion_graph,
    fork_before_judge,
    fork_before_writer,
    retry_failed,
)
from fusion_graph.graph import Graph
from fusion_graph.testing import Fault, ToolCall

CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}}
OTHER_JUDGE, OTHER_WRITER = "fine/judge", "gold/writer"
ASKED: Any = {"messages": [HumanMessage(QUESTION)]}


def kept(house: House, **settings: Any) -> Graph:
    return build_fusion_graph(house.config(**settings), resources=house.resources, checkpointer=InMemorySaver())


def texts(output: dict[str, Any]) -> list[str]:
    return [str(message.text) for message in output["messages"]]


async def test_a_retry_runs_the_failed_seats_then_judge_and_writer(house: House) -> None:
    house.server.on(BETA, Fault(402), "It does, slowly.").on(WRITER, "Half an answer.", ANSWER)
    graph = kept(house, panel=[ALPHA, BETA, GAMMA])
    first = await graph.ainvoke(ASKED, CONFIG)
    assert [failed["seat_id"] for failed in first["failed_models"]] == ["seat-2"]

    output = await retry_failed(graph, CONFIG)

    assert house.counts == {ALPHA: 1, BETA: 2, GAMMA: 1, JUDGE: 2, WRITER: 2}
    assert texts(output) == [QUESTION, ANSWER]
    assert output["failed_models"] == []
    assert "It does, slowly." in house.calls(JUDGE)[1].prompt
    assert output["receipt"]["degraded"] == []
    assert [entry["outcome"] for entry in output["receipt"]["seats"]] == ["ok", "ok", "ok"]


async def test_what_a_retry_replaced_stays_in_the_sums(house: House) -> None:
    house.server.on(BETA, Fault(402), "It does, slowly.")
    graph = kept(house)
    first = await graph.ainvoke(ASKED, CONFIG)
    receipt = (await retry_failed(graph, CONFIG))["receipt"]

    assert receipt["earlier"]["calls"] == 3
    assert receipt["totals"]["calls"] == len(house.server.calls) == 7
    parts = [*receipt["seats"], receipt["judge"], receipt["writer"], receipt["earlier"]]
    for field in ("input_tokens", "output_tokens"):
        assert receipt["totals"]["usage"][field] == sum(part["usage"][field] or 0 for part in parts)
    assert receipt["seed"] == first["receipt"]["seed"]
    assert receipt["started_at"] >= first["receipt"]["started_at"]


async def test_a_limit_counts_what_retries_replaced_as_well(house: House) -> None:
    house.server.on(BETA, Fault(402), Fault(402), "It does, slowly.")
    graph = kept(house, max_total_tokens=10_000_000)
    await graph.ainvoke(ASKED, CONFIG)
    await retry_failed(graph, CONFIG)
    receipt = (await retry_failed(graph, CONFIG))["receipt"]
    usage = receipt["totals"]["usage"]
    assert receipt["limits"]["counted_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert receipt["totals"]["calls"] == len(house.server.calls) == 10


async def test_a_run_in_which_all_seats_failed_can_be_retried_until_it_works(house: House) -> None:
    house.server.on(ALPHA, Fault(402)).on(BETA, Fault(402), Fault(402), "It does, slowly.")
    graph = kept(house)
    assert (await graph.ainvoke(ASKED, CONFIG))["failure_reason"] == "insufficient_credits"
    assert (await retry_failed(graph, CONFIG))["status"] == "error"

    output = await retry_failed(graph, CONFIG)

    assert (output["status"], output["failure_reason"]) == ("ok", None)
    assert texts(output) == [QUESTION, ANSWER]
    assert output["receipt"]["earlier"]["calls"] == 4
    assert output["receipt"]["totals"]["calls"] == len(house.server.calls) == 8


async def test_a_retry_may_have_other_settings(house: House) -> None:
    house.server.on(BETA, NEVER, "It does, slowly.")
    graph = kept(house, seat_timeout=1)
    first = await graph.ainvoke(ASKED, CONFIG)
    assert seat(first, "seat-2")["outcome"] == "timed_out"

    output = await retry_failed(graph, CONFIG, context={"seat_timeout": 20})

    assert seat(output, "seat-2")["outcome"] == "ok"


async def test_a_retry_sees_the_question_and_the_turns_before_it(house: House) -> None:
    graph = kept(house)
    await graph.ainvoke(ASKED, CONFIG)
    house.server.on(BETA, Fault(402), "A ton or two.")
    await graph.ainvoke({"messages": [HumanMessage("How much?")]}, CONFIG)

    output = await retry_failed(graph, CONFIG)

    assert texts(output) == [QUESTION, ANSWER, "How much?", ANSWER]
    first, again = house.calls(BETA)[-2:]
    assert again.messages == first.messages


async def test_an_earlier_run_of_the_thread_is_picked_by_its_checkpoint(house: House) -> None:
    house.server.on(BETA, Fault(402), "It does, slowly.")
    graph = kept(house)
    await graph.ainvoke(ASKED, CONFIG)
    earlier = (await graph.aget_state(CONFIG)).config
    house.server.on(BETA, "A ton or two.")
    await graph.ainvoke({"messages": [HumanMessage("How much?")]}, CONFIG)
    house.server.on(BETA, "It does, slowly.")

    output = await retry_failed(graph, earlier)

    assert texts(output) == [QUESTION, ANSWER]
    assert "It does, slowly." in [response["content"] for response in output["responses"]]


async def test_a_new_question_after_a_retry_starts_clean(house: House) -> None:
    house.server.on(BETA, Fault(402), "It does, slowly.")
    graph = kept(house)
    await graph.ainvoke(ASKED, CONFIG)
    await retry_failed(graph, CONFIG)

    output = await graph.ainvoke({"messages": [HumanMessage("How much?")]}, CONFIG)

    assert texts(output) == [QUESTION, ANSWER, "How much?", ANSWER]
    assert output["receipt"]["earlier"] is None
    assert output["receipt"]["totals"]["calls"] == 4


async def test_a_retry_is_refused_where_there_is_nothing_to_do(house: House) -> None:
    graph = kept(house)
    with pytest.raises(RunError, match="no run on thread 't'"):
        await retry_failed(graph, CONFIG)
    await graph.ainvoke(ASKED, CONFIG)
    with pytest.raises(RunError, match="every seat of the run has a draft"):
        await retry_failed(graph, CONFIG)
    unkept = build_fusion_graph(house.config(), resources=house.resources)
    with pytest.raises(RunError, match="no checkpointer"):
        await retry_failed(unkept, CONFIG)
    assert len(house.server.calls) == 4


async def test_a_retry_is_refused_while_the_run_has_not_ended(house: House) -> None:
    house.server.on(BETA, Fault(402))
    graph = kept(house, review=["judge"])
    await graph.ainvoke(ASKED, CONFIG)
    with pytest.raises(RunError, match="has not ended: it is before 'join'"):
        await retry_failed(graph, CONFIG)


async def test_an_agent_keeps_no_panel_to_be_retried(house: House) -> None:
    house.server.on(WRITER, ToolCall("fusion", {"question": QUESTION}), ANSWER)
    agent = build_fusion_agent(house.config(), resources=house.resources, checkpointer=InMemorySaver())
    await agent.ainvoke(ASKED, CONFIG)
    with pytest.raises(RunError, match="keeps no panel of its own"):
        await retry_failed(agent, CONFIG)


async def test_another_judge_reads_the_same_drafts(house: House) -> None:
    house.server.on(OTHER_JUDGE, COMPARED.replace("It does.", "It may."))
    graph = kept(house)
    first = await graph.ainvoke(ASKED, CONFIG)

    output = await fork_before_judge(graph, CONFIG, context={"judge": OTHER_JUDGE})

    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, OTHER_JUDGE: 1, WRITER: 2}
    assert output["analysis"]["consensus"] == ["It may."]
    assert output["responses"] == first["responses"]
    assert texts(output) == [QUESTION, ANSWER]
    receipt = output["receipt"]
    assert receipt["judge"]["requested_model"] == OTHER_JUDGE
    assert (receipt["earlier"], receipt["totals"]["calls"]) == (None, 4)
    assert receipt["shown_order"] == first["receipt"]["shown_order"]


async def test_another_writer_reads_the_same_drafts_and_analysis(house: House) -> None:
    house.server.on(OTHER_WRITER, "It does, in gold.")
    graph = kept(house)
    first = await graph.ainvoke(ASKED, CONFIG)

    output = await fork_before_writer(graph, CONFIG, context={"writer": OTHER_WRITER})

    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 1, OTHER_WRITER: 1}
    assert texts(output) == [QUESTION, "It does, in gold."]
    assert output["analysis"] == first["analysis"]
    assert house.calls(OTHER_WRITER)[0].messages == house.calls(WRITER)[0].messages


async def test_forks_can_be_forked_and_the_first_answer_stays_in_the_history(house: House) -> None:
    house.server.on(OTHER_JUDGE, COMPARED).on(OTHER_WRITER, "It does, in gold.")
    graph = kept(house)
    await graph.ainvoke(ASKED, CONFIG)
    await fork_before_judge(graph, CONFIG, context={"judge": OTHER_JUDGE})

    output = await fork_before_writer(graph, CONFIG, context={"writer": OTHER_WRITER})

    assert output["receipt"]["judge"]["requested_model"] == OTHER_JUDGE
    assert output["receipt"]["writer"]["requested_model"] == OTHER_WRITER
    answers = [
        [str(message.text) for message in snapshot.values["messages"] if isinstance(message, AIMessage)]
        async for snapshot in graph.aget_state_history(CONFIG)
        if snapshot.values.get("status") == "ok"
    ]
    assert answers == [["It does, in gold."], [ANSWER], [ANSWER]]


async def test_kinship_and_window_are_those_of_the_new_judge(house: House) -> None:
    kin = "acme/omega"
    house.server.on(kin, COMPARED)
    graph = kept(house, context_window=9_000)
    first = await graph.ainvoke(ASKED, CONFIG)
    assert first["receipt"]["kinship"] == []

    output = await fork_before_judge(graph, CONFIG, context={"judge": kin, "context_window": 40_000})

    assert [(entry["part"], entry["seat_id"]) for entry in output["receipt"]["kinship"]] == [("judge", "seat-1")]
    assert (await graph.aget_state(CONFIG)).values["window"] > 9_000


async def test_a_deliberation_can_be_judged_anew_and_has_no_writer_to_fork_before(house: House) -> None:
    house.server.on(OTHER_JUDGE, COMPARED.replace("It does.", "It may."))
    graph = build_deliberation_graph(house.config(), resources=house.resources, checkpointer=InMemorySaver())
    await graph.ainvoke(ASKED, CONFIG)
    output = await fork_before_judge(graph, CONFIG, context={"judge": OTHER_JUDGE})
    assert output["analysis"]["consensus"] == ["It may."]
    with pytest.raises(RunError, match="nothing was saved before the writer"):
        await fork_before_writer(graph, CONFIG, context={"writer": OTHER_WRITER})


async def test_a_fork_is_refused_where_nothing_was_saved_before_the_judge(house: House) -> None:
    house.server.on(ALPHA, Fault(402)).on(BETA, Fault(402))
    graph = kept(house)
    await graph.ainvoke(ASKED, CONFIG)
    with pytest.raises(RunError, match="nothing was saved before the judge"):
        await fork_before_judge(graph, CONFIG, context={"judge": OTHER_JUDGE})

    house.server.on(ALPHA, "It does.")
    await graph.ainvoke(ASKED, CONFIG)
    house.server.on(ALPHA, Fault(402))
    await graph.ainvoke(ASKED, CONFIG)
    with pytest.raises(RunError, match="nothing was saved before the judge"):
        await fork_before_judge(graph, CONFIG, context={"judge": OTHER_JUDGE})

    house.server.on(ALPHA, "It does.")
    hasty: RunnableConfig = {"configurable": {"thread_id": "hasty"}}
    await graph.ainvoke(ASKED, hasty, durability="exit")
    with pytest.raises(RunError, match="durability='exit'"):
        await fork_before_judge(graph, hasty, context={"judge": OTHER_JUDGE})


async def test_a_context_that_is_no_setting_is_refused_before_anything_is_called(house: House) -> None:
    graph = kept(house)
    await graph.ainvoke(ASKED, CONFIG)
    with pytest.raises(ConfigError, match="jugde"):
        await fork_before_judge(graph, CONFIG, context={"jugde": OTHER_JUDGE})
    assert len(house.server.calls) == 4
    assert (await graph.aget_state(CONFIG)).next == ()


async def test_a_retry_that_is_killed_goes_on_where_it_was(house: House, keep: Keep) -> None:
    house.server.on(BETA, Fault(402), "It does, slowly.").on(GAMMA, Fault(402), NEVER, "It depends.")
    settings = {"panel": [ALPHA, BETA, GAMMA]}
    await house.lives(keep, **settings).output()
    doomed = house.lives(keep, "retry_failed", **settings)
    await house.asked(GAMMA, 2)
    await until_saved(keep, "seat-2", outcome="ok")
    doomed.kill()

    output = await house.lives(keep, "resume", **settings).output()

    assert house.counts == {ALPHA: 1, BETA: 2, GAMMA: 3, JUDGE: 2, WRITER: 2}
    assert output["messages"] == [["human", QUESTION], ["ai", ANSWER]]
    assert output["failed_models"] == []


async def test_a_fork_that_is_killed_goes_on_with_its_own_judge(house: House, keep: Keep) -> None:
    house.server.on(OTHER_JUDGE, NEVER, COMPARED.replace("It does.", "It may."))
    await house.lives(keep).output()
    doomed = house.lives(keep, "fork_before_judge", context={"judge": OTHER_JUDGE})
    await house.asked(OTHER_JUDGE)
    doomed.kill()

    output = await house.lives(keep, "resume").output()

    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, OTHER_JUDGE: 2, WRITER: 2}
    assert output["analysis"]["consensus"] == ["It may."]
    assert output["messages"] == [["human", QUESTION], ["ai", ANSWER]]

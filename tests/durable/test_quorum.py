"""Quorum, grace and limits: who is not waited for is really cancelled, and stands on the receipt."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from household import ALPHA, ANSWER, BETA, GAMMA, JUDGE, NEVER, WRITER, House, seat
from langchain_core.messages import HumanMessage
from mortal import QUESTION

from fusion_graph import build_fusion_graph
from fusion_graph.testing import Fault, Reply, Text

PANEL = [ALPHA, BETA, GAMMA]


async def asked(house: House, **settings: Any) -> dict[str, Any]:
    graph = build_fusion_graph(house.config(**{"panel": PANEL, **settings}), resources=house.resources)
    return dict(await graph.ainvoke({"messages": [HumanMessage(QUESTION)]}))


def ended(output: dict[str, Any]) -> list[str]:
    return [entry["outcome"] for entry in output["receipt"]["seats"]]


async def test_a_straggler_is_cut_off_after_the_grace_and_its_request_with_it(house: House) -> None:
    house.server.on(GAMMA, NEVER)
    output = await asked(house, quorum=2, grace=0.3)

    assert ended(output) == ["ok", "ok", "timed_out"]
    (straggler,) = house.calls(GAMMA)
    await house.server.until(lambda: straggler.disconnected)
    assert straggler.duration is not None
    last = max(call.at + (call.duration or 0) for call in (*house.calls(ALPHA), *house.calls(BETA)))
    assert 0.3 <= straggler.at + straggler.duration - last < 5
    assert house.calls(JUDGE)[0].at - last < 5
    assert output["messages"][-1].text == ANSWER


async def test_the_receipt_says_why_a_straggler_has_no_draft_and_counts_its_call(house: House) -> None:
    house.server.on(GAMMA, NEVER)
    output = await asked(house, quorum=2, grace=0)

    entry = seat(output, "seat-3")
    assert entry["failure"]["kind"] == "straggler"
    assert "quorum=2" in entry["failure"]["message"]
    assert entry["calls"] == 1
    assert entry["usage"]["input_tokens"] is None
    assert entry["usage"]["tokens_at_least"] is True
    assert [(lost["part"], lost["reason"]) for lost in output["receipt"]["degraded"]] == [("seat-3", "seat_timed_out")]
    assert output["receipt"]["totals"]["calls"] == 5
    assert output["receipt"]["totals"]["usage"]["tokens_at_least"] is True


async def test_a_draft_that_comes_within_the_grace_counts(house: House) -> None:
    house.server.on(GAMMA, Text("It depends.", delay=0.3))
    output = await asked(house, quorum=2, grace=5)
    assert ended(output) == ["ok", "ok", "ok"]
    assert output["receipt"]["seconds"] < 4


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Text(refusal="No."), "refused"),
        (Text(""), "empty"),
        (Fault(401), "failed"),
    ],
)
async def test_only_usable_drafts_make_a_quorum(house: House, reply: Reply, outcome: str) -> None:
    house.server.on(ALPHA, reply).on(GAMMA, Text("It depends.", delay=0.5))
    output = await asked(house, quorum=2, grace=0)
    assert ended(output) == [outcome, "ok", "ok"]


async def test_a_quorum_that_can_no_longer_be_reached_waits_for_all(house: House) -> None:
    house.server.on(ALPHA, Fault(401)).on(BETA, Fault(402)).on(GAMMA, Text("It depends.", delay=0.4))
    output = await asked(house, quorum=2, grace=0)
    assert ended(output) == ["failed", "failed", "ok"]
    assert output["messages"][-1].text == ANSWER


async def test_nobody_waits_for_the_grace_when_all_seats_have_ended(house: House) -> None:
    started = time.monotonic()
    output = await asked(house, quorum=1, grace=30)
    assert ended(output) == ["ok", "ok", "ok"]
    assert time.monotonic() - started < 5


async def test_the_deadline_ends_every_seat_and_judge_and_writer_still_work(house: House) -> None:
    house.server.on(BETA, NEVER).on(GAMMA, NEVER)
    output = await asked(house, deadline=1)
    assert ended(output) == ["ok", "timed_out", "timed_out"]
    assert {seat(output, "seat-2")["failure"]["kind"], seat(output, "seat-3")["failure"]["kind"]} == {"deadline"}
    assert ("run", "partial") in [(lost["part"], lost["reason"]) for lost in output["receipt"]["degraded"]]
    assert output["messages"][-1].text == ANSWER
    await house.server.until(lambda: house.server.open_requests == 0)


async def test_a_deadline_that_nobody_meets_is_an_error_and_not_an_answer(house: House) -> None:
    for model in PANEL:
        house.server.on(model, NEVER)
    output = await asked(house, deadline=0.3)
    assert (output["status"], output["failure_reason"]) == ("error", "all_panels_failed")
    assert [message.type for message in output["messages"]] == ["human"]
    assert house.calls(JUDGE) == house.calls(WRITER) == []


async def test_a_stream_that_dries_up_is_ended_and_one_that_goes_on_is_not(house: House) -> None:
    house.server.on(BETA, Text("a b c", chunk_delay=30)).on(GAMMA, Text("d e f g h i j k l m", chunk_delay=0.2))
    output = await asked(house, seat_idle_timeout=1.2)
    assert ended(output) == ["ok", "timed_out", "ok"]
    assert "seat_idle_timeout" in seat(output, "seat-2")["failure"]["message"]
    assert seat(output, "seat-3")["latency"] > 1.2
    (dried,) = house.calls(BETA)
    await house.server.until(lambda: dried.disconnected)


async def test_what_a_fallback_answered_is_on_the_receipt_as_such_and_counts(house: House) -> None:
    panel = [{"model": ALPHA, "fallbacks": [BETA]}, GAMMA, "slow/one"]
    house.server.on(ALPHA, Fault(401)).on("slow/one", NEVER)
    output = await asked(house, panel=panel, quorum=2, grace=0)
    assert ended(output) == ["ok", "ok", "timed_out"]
    entry = seat(output, "seat-1")
    assert (entry["requested_model"], entry["answered_by"], entry["served_model"]) == (ALPHA, BETA, BETA)
    assert entry["calls"] == 2
    assert ("seat-1", "fallback_used") in [(lost["part"], lost["reason"]) for lost in output["receipt"]["degraded"]]


async def test_runs_side_by_side_have_quorums_of_their_own(house: House) -> None:
    house.server.on(GAMMA, NEVER)
    graph = build_fusion_graph(house.config(panel=PANEL, quorum=2, grace=0), resources=house.resources)
    single = house.plain(panel=[ALPHA, BETA, GAMMA], quorum=3, seat_timeout=1.5)
    question = {"messages": [HumanMessage(QUESTION)]}
    quick, patient = await asyncio.gather(graph.ainvoke(question), graph.ainvoke(question, context=single))
    assert seat(quick, "seat-3")["failure"]["kind"] == "straggler"
    assert seat(patient, "seat-3")["failure"]["kind"] == "timeout"

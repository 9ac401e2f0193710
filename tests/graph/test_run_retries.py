"""What can heal is tried again, as long as the provider asks; nothing else costs a second call."""

from __future__ import annotations

import pytest
from scripted_house import ALPHA, BETA, JUDGE, WRITER, House, seat

from fusion_graph.testing import Fault, Reply, Text


async def test_a_rate_limit_is_waited_out_as_long_as_the_provider_says(house: House) -> None:
    house.server.on(ALPHA, Fault(429, retry_after=0.4), "a draft at last")
    output = await house.ask()
    first, second = house.calls(ALPHA)
    assert second.at - first.at >= 0.4
    assert seat(output, "seat-1")["outcome"] == "ok"
    assert seat(output, "seat-1")["calls"] == 2
    assert output["receipt"]["degraded"] == []


async def test_a_rate_limit_that_asks_for_too_long_fails_at_once(house: House) -> None:
    house.server.on(ALPHA, Fault(429, retry_after=61), "never asked for")
    output = await house.ask()
    assert len(house.calls(ALPHA)) == 1
    assert seat(output, "seat-1")["failure"]["kind"] == "rate_limited"
    assert seat(output, "seat-1")["failure"]["retry_after"] == 61


@pytest.mark.parametrize(
    "fault",
    [Fault(500), Fault(503), Fault(408), Fault(429), Text("lost", cut_after=0)],
    ids=["500", "503", "408", "429", "dropped connection"],
)
async def test_a_passing_fault_is_healed_and_counted(house: House, fault: Reply) -> None:
    house.server.on(ALPHA, fault, fault, "a draft at last")
    output = await house.ask()
    assert output["responses"][0]["content"] == "a draft at last"
    assert seat(output, "seat-1")["calls"] == 3
    assert output["receipt"]["totals"]["calls"] == 6


@pytest.mark.parametrize(
    "fault",
    [Text("half a draft", cut_after=2), Text("half", cut_after=1, cut_with=Fault(502)), Fault(500)],
    ids=["cut", "error in the stream", "500"],
)
async def test_a_stream_that_broke_is_read_again_from_the_start(house: House, fault: Reply) -> None:
    house.server.on(ALPHA, fault, "a whole draft")
    output = await house.stream()
    assert output["responses"][0]["content"] == "a whole draft"
    assert seat(output, "seat-1")["calls"] == 2


@pytest.mark.parametrize("status", [500, 503, 408])
async def test_three_attempts_are_made_and_no_fourth(house: House, status: int) -> None:
    house.server.on(ALPHA, Fault(status))
    output = await house.ask()
    assert len(house.calls(ALPHA)) == 3
    assert seat(output, "seat-1")["calls"] == 3


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
async def test_what_cannot_heal_costs_exactly_one_call(house: House, status: int) -> None:
    house.server.on(ALPHA, Fault(status), "never asked for")
    output = await house.ask()
    assert len(house.calls(ALPHA)) == 1
    assert seat(output, "seat-1")["outcome"] == "failed"


async def test_a_spent_quota_behind_a_429_is_not_tried_again(house: House) -> None:
    house.server.on(ALPHA, Fault(429, "You exceeded your current quota.", code="insufficient_quota"), "no")
    output = await house.ask()
    assert len(house.calls(ALPHA)) == 1
    assert seat(output, "seat-1")["failure"]["kind"] == "insufficient_credits"


async def test_judge_and_writer_are_retried_the_same_way(house: House) -> None:
    house.server.on(WRITER, Fault(500), Fault(429, retry_after=0), "the answer")
    house.server.on(JUDGE, Fault(503), '{"consensus": ["agreed"], "blind_spots": []}')
    output = await house.ask()
    assert output["messages"][-1].text == "the answer"
    assert output["analysis"]["consensus"] == ["agreed"]
    assert output["receipt"]["writer"]["calls"] == 3
    assert output["receipt"]["judge"]["calls"] == 2
    assert output["receipt"]["degraded"] == []


async def test_one_seat_waiting_does_not_hold_up_another(house: House) -> None:
    house.server.on(ALPHA, Fault(429, retry_after=0.5), "late")
    output = await house.ask()
    assert seat(output, "seat-2")["latency"] < seat(output, "seat-1")["latency"]
    assert len(house.calls(BETA)) == 1

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_graph.budget import NOTHING, Amount, Ledger
from fusion_graph.usage import Usage


def tokens(count: int) -> Amount:
    return Amount(Decimal(0), count)


async def test_what_is_set_aside_and_what_is_kept_for_others_cannot_be_spent_twice():
    ledger = Ledger(max_total_tokens=100)
    ledger.keep("judge", tokens(40))
    first = await ledger.reserve("a", tokens(50))
    assert first is not None
    assert not ledger.fits(tokens(11))
    assert ledger.fits(tokens(10))
    assert ledger.fits(tokens(50), "judge")
    ledger.settle(first, tokens(5))
    assert ledger.fits(tokens(55))
    assert ledger.spent.tokens == 5


async def test_what_fits_no_more_is_refused_at_once_where_nothing_is_under_way():
    ledger = Ledger(max_cost_usd=1.0)
    assert await asyncio.wait_for(ledger.reserve("a", Amount(Decimal("1.01"))), 1) is None
    assert await ledger.reserve("a", Amount(Decimal("1.00"))) is not None


async def test_a_call_waits_for_calls_under_way_that_may_cost_less():
    ledger = Ledger(max_total_tokens=100)
    first = await ledger.reserve("a", tokens(80))
    waiting = asyncio.create_task(ledger.reserve("b", tokens(50)))
    await asyncio.sleep(0.01)
    assert first is not None
    assert not waiting.done()
    ledger.settle(first, tokens(10))
    assert await asyncio.wait_for(waiting, 1) is not None


async def test_who_waits_is_refused_once_nothing_can_change_any_more():
    ledger = Ledger(max_total_tokens=100)
    first = await ledger.reserve("a", tokens(80))
    waiting = asyncio.create_task(ledger.reserve("b", tokens(50)))
    await asyncio.sleep(0.01)
    assert first is not None
    ledger.settle(first, tokens(80))
    assert await asyncio.wait_for(waiting, 1) is None


async def test_a_seat_without_a_share_waits_for_one_that_keeps_its_own_until_that_ends():
    ledger = Ledger(max_total_tokens=100)
    first = await ledger.reserve("a", tokens(40), then=tokens(40))
    assert first is not None
    ledger.settle(first, tokens(10))
    waiting = asyncio.create_task(ledger.reserve("b", tokens(60)))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    ledger.done("a")
    assert await asyncio.wait_for(waiting, 1) is not None


async def test_two_seats_that_keep_shares_do_not_wait_for_each_other():
    ledger = Ledger(max_total_tokens=100)
    for seat in "ab":
        ticket = await ledger.reserve(seat, tokens(10), then=tokens(40))
        assert ticket is not None
        ledger.settle(ticket, tokens(10))
    both = asyncio.gather(*(ledger.reserve(seat, tokens(20), then=tokens(40)) for seat in "ab"))
    assert await asyncio.wait_for(both, 1) == [None, None]
    assert await ledger.reserve("a", tokens(40), last=True) is not None


async def test_a_kept_share_lets_a_last_turn_pass_even_if_others_overshot():
    ledger = Ledger(max_total_tokens=100)
    ledger.keep("judge", tokens(30))
    seat = await ledger.reserve("a", tokens(60))
    assert seat is not None
    ledger.settle(seat, tokens(500))
    assert ledger.overshot()
    judge = await ledger.reserve("judge", tokens(30), last=True)
    assert judge is not None
    ledger.settle(judge, tokens(20))
    assert await ledger.reserve("judge", tokens(30), last=True) is None


async def test_a_seat_has_one_call_too_many_at_most_its_last_turn_or_the_one_that_exceeded_the_limit():
    ledger = Ledger(max_total_tokens=100)
    for seat in "ab":
        ticket = await ledger.reserve(seat, tokens(10), then=tokens(20))
        assert ticket is not None
        ledger.settle(ticket, tokens(5 if seat == "a" else 200))
    assert await ledger.reserve("b", tokens(20), last=True) is None
    assert await ledger.reserve("a", tokens(20), last=True) is not None


async def test_a_last_turn_that_grew_beyond_its_share_passes():
    ledger = Ledger(max_total_tokens=100)
    ledger.keep_if_it_fits("a", tokens(20))
    other = await ledger.reserve("b", tokens(80))
    assert other is not None
    ledger.settle(other, tokens(80))
    assert await ledger.reserve("a", tokens(25), last=True) is not None


async def test_a_share_of_which_nothing_was_used_is_there_for_the_next_attempt():
    ledger = Ledger(max_total_tokens=100)
    ledger.keep("writer", tokens(90))
    for _ in range(3):
        ticket = await ledger.reserve("writer", tokens(95), last=True)
        assert ticket is not None
        ledger.settle(ticket, NOTHING)
    assert not ledger.fits(tokens(11))


async def test_a_turn_with_tools_leaves_a_kept_share_as_large_as_it_was():
    ledger = Ledger(max_total_tokens=100)
    ledger.keep("caller", tokens(70))
    assert await ledger.reserve("caller", tokens(31), then=tokens(5)) is None
    assert await ledger.reserve("caller", tokens(30), then=tokens(5)) is not None
    assert not ledger.fits(tokens(1))


def test_seats_get_shares_as_long_as_they_fit():
    ledger = Ledger(max_total_tokens=100)
    ledger.keep("judge", tokens(40))
    for seat, share in (("a", 50), ("b", 50), ("c", 10)):
        ledger.keep_if_it_fits(seat, tokens(share))
    assert ledger.committed().tokens == 100


def test_after_a_resume_the_ledger_begins_with_what_was_spent_and_counts_it_once():
    ledger = Ledger(max_cost_usd=1.0)
    for _ in range(2):
        ledger.adopt("a", Usage(input_tokens=10, output_tokens=5, cost_usd=0.25, fees_usd=0.05))
    ledger.adopt("b", Usage())
    assert ledger.spent == Amount(Decimal("0.3"), 15)
    ledger.keep("a", tokens(9))
    assert ledger.committed() == ledger.spent


def test_no_limit_holds_nothing_back():
    ledger = Ledger()
    assert not ledger.limited
    assert ledger.fits(Amount(Decimal(10) ** 9, 10**12))
    assert ledger.entry() is None


SEAT = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 40), st.booleans()), min_size=1, max_size=5)
"""Turns of a seat: what each may use at most, what it uses, whether it yields to others in between."""


class Run:
    """A panel, a judge and a writer on one ledger, each with calls of given bounds and uses."""

    def __init__(self, limit: int, *, honest: bool) -> None:
        self.ledger = Ledger(max_total_tokens=limit)
        self.honest = honest
        self.used: list[int] = []
        self.over = 0
        self.begun: set[str] = set()
        self.finished: set[str] = set()

    async def call(self, part: str, most: int, use: int, then: int, *, last: bool, pause: bool) -> bool:
        ticket = await self.ledger.reserve(part, tokens(most), tokens(then), last=last)
        if ticket is None:
            return False
        self.begun.add(part)
        for _ in range(1 + pause):
            await asyncio.sleep(0)
        use = min(use, most) if self.honest else use
        self.used.append(use)
        self.over += max(0, use - most)
        self.ledger.settle(ticket, tokens(use))
        return True

    async def seat(self, name: str, turns: list[tuple[int, int, bool]]) -> None:
        largest = max(most for most, _, _ in turns)
        for most, use, pause in turns[:-1]:
            if not await self.call(name, most, use, largest, last=False, pause=pause):
                break
        if await self.call(name, largest, turns[-1][1], 0, last=True, pause=turns[-1][2]):
            self.finished.add(name)
        self.ledger.done(name)

    async def all(self, seats: list[list[tuple[int, int, bool]]], reader: int) -> None:
        for part in ("judge", "writer"):
            self.ledger.keep(part, tokens(reader))
        await asyncio.wait_for(asyncio.gather(*(self.seat(f"s{at}", turns) for at, turns in enumerate(seats))), 5)
        for part in ("judge", "writer"):
            if await self.call(part, reader, reader, 0, last=True, pause=False):
                self.finished.add(part)


@given(st.lists(SEAT, min_size=1, max_size=6), st.integers(1, 30), st.integers(60, 300))
@settings(deadline=None, max_examples=200)
def test_a_run_whose_calls_stay_below_their_bounds_never_exceeds_its_limit(seats, reader, limit):
    run = Run(limit, honest=True)
    asyncio.run(run.all(seats, reader))
    assert sum(run.used) <= limit
    assert run.ledger.spent.tokens == sum(run.used)
    assert {"judge", "writer"} <= run.finished


@given(st.lists(SEAT, min_size=1, max_size=6), st.integers(1, 30), st.integers(60, 300))
@settings(deadline=None, max_examples=200)
def test_calls_that_exceed_their_bounds_overshoot_by_one_call_for_each_part_at_most(seats, reader, limit):
    run = Run(limit, honest=False)
    asyncio.run(run.all(seats, reader))
    dearest = [max(max(use, *(most for most, _, _ in turns)) for _, use, _ in turns) for turns in seats]
    assert sum(run.used) <= limit + sum(dearest) + 2 * reader
    assert {"judge", "writer"} <= run.finished


@given(st.lists(SEAT, min_size=1, max_size=6), st.integers(1, 30), st.integers(60, 300))
@settings(deadline=None, max_examples=100)
def test_whoever_has_begun_can_finish(seats, reader, limit):
    run = Run(limit, honest=True)
    asyncio.run(run.all(seats, reader))
    assert run.begun <= run.finished


@pytest.mark.parametrize("seats", [1, 8])
async def test_a_cancelled_call_gives_back_what_was_set_aside_for_it(seats):
    ledger = Ledger(max_total_tokens=100)
    tickets = [await ledger.reserve(str(at), tokens(10)) for at in range(seats)]
    for ticket in tickets:
        assert ticket is not None
        ledger.settle(ticket, NOTHING)
    assert ledger.committed() == NOTHING

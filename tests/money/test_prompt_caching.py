"""A provider's prompt cache reuses what two requests have in common from their first byte on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from priced_house import ANALYSIS, CALL, JUDGE, SEATS, WRITER, PricedHouse, ask, seeker

from fusion_graph import Seat
from fusion_graph.nodes import panelist
from fusion_graph.testing import ReceivedCall, Text, Usage

ALPHA, BETA, GAMMA = SEATS
PANEL = [Seat(id="a", model=ALPHA, role="the sceptic", instructions="Doubt it."), BETA, GAMMA]
CONVERSATION = [HumanMessage("What is a carbon tax?"), AIMessage("A price."), HumanMessage("Does it work?")]


def sent(call: ReceivedCall) -> bytes:
    return json.dumps(call.body, sort_keys=True).encode()


def messages(call: ReceivedCall) -> str:
    return json.dumps(call.messages)


def prompt(call: ReceivedCall) -> str:
    return str(call.messages[-1]["content"])


def common(first: str, second: str) -> str:
    """What two prompts begin with."""
    same = next((at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    return first[:same] if same is not None else min(first, second, key=len)


def wire(house: PricedHouse, model: str) -> list[ReceivedCall]:
    return house.server.calls_of(model)


async def twice(house: PricedHouse, **settings: Any) -> None:
    for _ in range(2):  # graphs of their own, as two processes would have
        await house.fusion(panel=PANEL, **settings).ainvoke({"messages": CONVERSATION})


@pytest.mark.parametrize("model", [ALPHA, BETA, GAMMA, JUDGE, WRITER])
async def test_two_runs_on_the_same_drafts_send_the_same_bytes(house: PricedHouse, model: str) -> None:
    house.server.on(BETA, seeker(2))
    house.server.on(JUDGE, Text("no JSON", usage=CALL), Text(ANALYSIS, usage=CALL), Text("no JSON"), Text(ANALYSIS))
    await twice(house)
    calls = wire(house, model)
    half = len(calls) // 2
    assert half >= 1
    first, second = calls[:half], calls[half:]
    if model != BETA:  # the ids of tool calls are the provider's
        assert [sent(call) for call in first] == [sent(call) for call in second]
    assert sent(first[0]) == sent(second[0])


async def test_judge_and_writer_begin_with_the_same_bytes_up_to_the_end_of_the_last_draft(house: PricedHouse) -> None:
    await twice(house)
    judged, written = wire(house, JUDGE)[0], wire(house, WRITER)[0]
    assert judged.messages[0] == written.messages[0]
    shared = common(prompt(judged), prompt(written))
    assert shared.count("</draft fence=") == 3
    last = prompt(judged).rindex("</draft fence=")
    assert len(shared) >= prompt(judged).index(">", last)
    assert len(common(messages(judged), messages(written))) > len(json.dumps(shared)) - 2


async def test_the_repair_of_an_analysis_begins_with_the_bytes_of_the_first_attempt(house: PricedHouse) -> None:
    house.server.on(JUDGE, Text("no JSON", usage=CALL), Text(ANALYSIS, usage=CALL))
    await house.ask(())
    first, repair = wire(house, JUDGE)
    assert repair.messages[: len(first.messages)] == first.messages


async def test_every_turn_of_a_seat_begins_with_the_bytes_of_the_turn_before(house: PricedHouse) -> None:
    house.server.on(ALPHA, seeker(3))
    await house.ask(panel=[ALPHA])
    turns = [call.messages for call in wire(house, ALPHA)]
    assert len(turns) == 4
    for before, after in pairwise(turns):
        assert after[: len(before)] == before


async def test_a_limit_changes_no_byte_of_what_is_sent(house: PricedHouse) -> None:
    await house.ask()
    await house.ask(max_cost_usd=50, max_total_tokens=10**6)
    for model in (*SEATS, JUDGE, WRITER):
        first, second = wire(house, model)
        assert sent(first) == sent(second)


async def test_another_draft_changes_only_what_comes_from_that_draft_on(house: PricedHouse) -> None:
    graph = house.fusion((), panel=PANEL, seed=1)
    first = await ask(graph)
    moved = first["receipt"]["shown_order"][-1]["seat_id"]
    house.server.on({"a": ALPHA, "seat-2": BETA, "seat-3": GAMMA}[moved], Text("Another draft.", usage=CALL))
    await ask(graph)
    before, after = (prompt(call) for call in wire(house, JUDGE))
    assert common(before, after).count("</draft fence=") == 2


async def test_the_date_is_the_last_line_of_a_panelists_prompt_and_all_that_a_day_changes(
    house: PricedHouse, monkeypatch
) -> None:
    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime(2099, 12, 31, tzinfo=UTC)

    await house.ask((), panel=PANEL)
    monkeypatch.setattr(panelist, "datetime", Tomorrow)
    await house.ask((), panel=PANEL)
    for model in SEATS:
        today, later = (str(call.messages[0]["content"]) for call in wire(house, model))
        *kept, last = today.rstrip().split("\n")
        assert last == f"Today is {datetime.now(UTC).date().isoformat()}."
        assert later.rstrip().split("\n") == [*kept, "Today is 2099-12-31."]


async def test_what_was_read_from_a_cache_is_on_the_receipt_and_costs_less_where_the_price_list_says_so(
    house: PricedHouse,
) -> None:
    priced = house.prices.read_text().replace(
        f'"{WRITER}" = {{ input = 10,', f'"{WRITER}" = {{ input = 10, cached = 1,'
    )
    house.prices.write_text(priced)
    house.server.on(WRITER, Text("It does.", usage=Usage(1000, 1000, cached_tokens=1000)))
    receipt = (await house.ask(()))["receipt"]
    assert receipt["writer"]["usage"]["cached_tokens"] == receipt["totals"]["usage"]["cached_tokens"] == 1000
    assert receipt["writer"]["usage"]["cost_usd"] == 0.101

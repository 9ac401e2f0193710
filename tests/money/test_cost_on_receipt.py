from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from priced_house import ANALYSIS, CALL, COST, JUDGE, SEATS, UNPRICED, WRITER, PricedHouse, added, ask, parts, seeker

from fusion_graph import Gateway, Resources, build_fusion_graph
from fusion_graph import resources as resources_module
from fusion_graph.config import SearchSettings
from fusion_graph.fees import search_fee, tariffs
from fusion_graph.money import exact
from fusion_graph.receipt import PartReceipt, Receipt, SeatReceipt
from fusion_graph.testing import Fault, Text, ToolCall, Usage
from fusion_graph.tools.search_engine import SearchHit
from fusion_graph.tools.web_search import web_search_tool
from fusion_graph.usage import Usage as Used

ALPHA, BETA, GAMMA = SEATS
COSTS = st.none() | st.integers(0, 10**13).map(lambda trillionths: exact(trillionths / 10**12))
COUNTS = st.none() | st.integers(0, 10**9)
SOURCES = st.sampled_from(["provider", "list", "mixed", None])
USAGES = st.builds(
    Used,
    input_tokens=COUNTS,
    output_tokens=COUNTS,
    cached_tokens=COUNTS,
    cache_write_tokens=COUNTS,
    cost_usd=COSTS,
    cost_source=SOURCES,
    fees_usd=COSTS,
    fees_at_least=st.booleans(),
)


@given(st.lists(USAGES, min_size=1, max_size=8))
@settings(deadline=None)
def test_a_receipts_totals_are_the_sum_of_its_parts_to_the_last_digit(usages):
    seats = [
        SeatReceipt(seat_id=str(at), label="x", requested_model="a/b", outcome="ok", calls=1, usage=usage)
        for at, usage in enumerate(usages[:-1])
    ]
    writer = PartReceipt(requested_model="a/b", calls=1, usage=usages[-1])
    total = Receipt().amended(seats=seats, writer=writer).totals.usage
    for name in ("cost_usd", "fees_usd"):
        known = [getattr(usage, name) for usage in usages if getattr(usage, name) is not None]
        found = getattr(total, name)
        assert (found is None) == (not known)
        assert not known or Decimal(str(found)) == added(known)
    assert total.cost_at_least == any(usage.cost_usd is None for usage in usages)
    assert total.fees_at_least == any(usage.fees_usd is None or usage.fees_at_least for usage in usages)


@given(st.lists(USAGES, max_size=6), st.lists(USAGES, max_size=6))
@settings(deadline=None)
def test_sums_of_sums_are_the_sum_whoever_named_the_prices(first, second):
    if first and second:
        assert Used.total([Used.total(first), Used.total(second)]) == Used.total([*first, *second])


def test_a_sum_says_who_named_the_prices():
    told, listed = Used(cost_usd=0.1, cost_source="provider"), Used(cost_usd=0.1, cost_source="list")
    assert Used.total([told, Used()]).cost_source == "provider"
    assert Used.total([listed, listed]).cost_source == "list"
    assert Used.total([told, listed]).cost_source == "mixed"
    assert Used.total([Used()]).cost_source is None


async def test_every_call_of_every_part_is_on_the_receipt_with_its_cost(house: PricedHouse) -> None:
    house.server.on(ALPHA, seeker(2))
    receipt = (await house.ask())["receipt"]
    assert [part["calls"] for part in parts(receipt)] == [3, 1, 1, 1, 1]
    assert receipt["totals"]["usage"]["cost_usd"] == pytest.approx(7 * COST)
    for name in ("cost_usd", "input_tokens", "output_tokens"):
        assert Decimal(str(receipt["totals"]["usage"][name])) == added([p["usage"][name] for p in parts(receipt)])
    assert {part["usage"]["cost_source"] for part in parts(receipt)} == {"list"}
    assert not receipt["totals"]["usage"]["cost_at_least"]


async def test_what_the_provider_says_counts_and_the_list_fills_in(house: PricedHouse) -> None:
    house.server.on(ALPHA, Text("A draft.", usage=Usage(1000, 1000, cost=0.25)))
    receipt = (await house.ask())["receipt"]
    assert receipt["seats"][0]["usage"]["cost_usd"] == 0.25
    assert [part["usage"]["cost_source"] for part in parts(receipt)] == ["provider", "list", "list", "list", "list"]
    assert receipt["totals"]["usage"]["cost_source"] == "mixed"


async def test_a_part_without_a_price_makes_the_total_a_lower_bound(house: PricedHouse) -> None:
    receipt = (await house.ask(panel=[ALPHA, UNPRICED]))["receipt"]
    assert receipt["seats"][1]["usage"]["cost_usd"] is None
    usage = receipt["totals"]["usage"]
    assert (usage["cost_usd"], usage["cost_at_least"], usage["tokens_at_least"]) == (
        pytest.approx(3 * COST),
        True,
        False,
    )


async def test_openrouter_models_are_priced_by_the_list_where_it_reports_no_cost(
    house: PricedHouse, monkeypatch
) -> None:
    monkeypatch.setattr(resources_module, "OPENROUTER_URL", house.server.base_url)
    house.server.on("openai/gpt-5.5", Text("A draft.", served_model="openai/gpt-5.5-20260423", usage=CALL))
    house.server.on("anthropic/claude-opus-4.8", Text(ANALYSIS, usage=CALL), Text("It does.", usage=CALL))
    config = house.config(panel=["openai/gpt-5.5"], judge="anthropic/claude-opus-4.8", writer=None, tools=[])
    graph = build_fusion_graph(config, resources=Resources(gateway=Gateway(house.server.base_url, "")))
    receipt = (await ask(graph))["receipt"]
    assert [part["usage"]["cost_usd"] for part in parts(receipt)] == [0.035, 0.03, 0.03]
    assert receipt["totals"]["usage"]["cost_usd"] == 0.095


async def test_failed_and_retried_calls_count_and_leave_the_sum_a_lower_bound(house: PricedHouse) -> None:
    house.server.on(ALPHA, Fault(503), Text("A draft.", usage=CALL))
    house.server.on(JUDGE, Text("no JSON", usage=CALL), Text(ANALYSIS, usage=CALL))
    house.server.on(WRITER, Fault(401))
    receipt = (await house.ask(()))["receipt"]
    assert (receipt["seats"][0]["calls"], receipt["seats"][0]["usage"]["cost_usd"]) == (2, COST)
    assert receipt["seats"][0]["usage"]["tokens_at_least"]
    assert (receipt["judge"]["calls"], receipt["judge"]["usage"]["cost_usd"]) == (2, 2 * COST)
    assert (receipt["writer"]["calls"], receipt["writer"]["usage"]["cost_usd"]) == (1, None)
    assert receipt["totals"]["calls"] == 7
    assert receipt["totals"]["usage"]["cost_at_least"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_call_that_is_cancelled_while_it_writes_counts_and_is_unknown(
    house: PricedHouse, streamed: bool
) -> None:
    house.server.on(
        GAMMA, Text("one two three four five six", chunk_delay=5.0 if streamed else 0, delay=0 if streamed else 5.0)
    )
    idle = {"seat_idle_timeout": 60} if streamed else {}
    output = await asyncio.wait_for(house.ask(quorum=2, grace=0.1, **idle), 4)
    seat = output["receipt"]["seats"][2]
    assert (seat["outcome"], seat["calls"]) == ("timed_out", 1)
    assert (seat["usage"]["input_tokens"], seat["usage"]["cost_usd"]) == (None, None)
    usage = output["receipt"]["totals"]["usage"]
    assert usage["tokens_at_least"]
    assert usage["cost_at_least"]
    assert usage["cost_usd"] == pytest.approx(4 * COST)


async def test_cached_and_reasoning_tokens_are_on_the_receipt(house: PricedHouse) -> None:
    house.server.on(WRITER, Text("It does.", usage=Usage(1000, 500, cached_tokens=900, reasoning_tokens=200)))
    receipt = (await house.ask())["receipt"]
    used = receipt["writer"]["usage"]
    assert (used["cached_tokens"], used["reasoning_tokens"]) == (900, 200)
    assert receipt["totals"]["usage"]["cached_tokens"] == 900


class Fixed:
    """A search engine with a name and ten results."""

    secret = ""

    def __init__(self, name: str) -> None:
        self.name = name

    async def search(self, query: str, *, limit: int, settings: SearchSettings) -> list[SearchHit]:
        if query == "fails":
            raise RuntimeError("down")
        return [SearchHit(f"https://a.org/{n}", "T", "text") for n in range(limit)]


def searcher(name: str, **settings: Any) -> Any:
    return web_search_tool(SearchSettings(**settings), engine=Fixed(name))


def searches(*queries: str) -> list[Any]:
    return [*(ToolCall("web_search", {"query": query}, usage=CALL) for query in queries), Text("A draft.", usage=CALL)]


async def test_search_fees_are_on_the_receipt_per_seat_and_in_the_totals(house: PricedHouse) -> None:
    house.server.on(ALPHA, *searches("a", "b", "fails"))
    house.server.on(JUDGE, *searches("c")[:1], Text(ANALYSIS, usage=CALL))
    receipt = (await house.ask([searcher("exa", mode="deep")]))["receipt"]
    fees = [part["usage"]["fees_usd"] for part in parts(receipt)]
    assert fees == [0.024, 0.0, 0.0, 0.012, 0.0]
    usage = receipt["totals"]["usage"]
    assert (usage["fees_usd"], usage["fees_at_least"]) == (0.036, False)


async def test_the_fee_of_an_engine_without_a_known_price_is_unknown_and_not_zero(house: PricedHouse) -> None:
    house.server.on(ALPHA, *searches("a"))
    receipt = (await house.ask([searcher("tavily")]))["receipt"]
    assert receipt["seats"][0]["usage"]["fees_usd"] is None
    assert receipt["totals"]["usage"]["fees_at_least"]


async def test_a_tool_of_ones_own_can_say_what_it_charged(house: PricedHouse) -> None:
    @tool(response_format="content_and_artifact")
    def paid(query: str) -> tuple[str, dict[str, float]]:
        """Look something up for money."""
        return "found", {"fee_usd": 0.5}

    house.server.on(ALPHA, ToolCall("paid", {"query": "a"}, usage=CALL), Text("A draft.", usage=CALL))
    receipt = (await house.ask([paid]))["receipt"]
    assert receipt["totals"]["usage"]["fees_usd"] == 0.5


async def test_the_search_of_a_seat_that_is_cut_off_is_paid_too(house: PricedHouse) -> None:
    house.server.on(GAMMA, ToolCall("web_search", {"query": "a"}, usage=CALL), Text("late", delay=5))
    output = await house.ask([searcher("exa")], quorum=2, grace=0.4)
    seat = output["receipt"]["seats"][2]
    assert (seat["outcome"], seat["usage"]["fees_usd"]) == ("timed_out", 0.007)


def test_fees_by_engine_mode_and_number_of_results():
    assert search_fee("exa", None, 5) == 0.007
    assert search_fee("exa", "deep-reasoning", 10) == 0.015
    assert search_fee("exa", None, 25) == 0.022
    assert search_fee("exa", "instant", 5) is None
    assert (search_fee("parallel", None, 5), search_fee("parallel", "turbo", 5)) == (0.005, 0.001)
    assert search_fee("corpus", None, 5) == search_fee("searxng", None, 5) == search_fee("duckduckgo", None, 5) == 0.0
    assert search_fee("tavily", None, 5) is None
    assert search_fee("mine", None, 5) is None


def test_every_tariff_says_where_and_when_it_was_read():
    for engine, tariff in tariffs().items():
        assert tariff.source, engine
        assert tariff.read.startswith("20"), engine
        assert not tariff.modes or tariff.default in tariff.modes


async def test_history_with_usage_of_an_earlier_turn_is_not_counted_again(house: PricedHouse) -> None:
    first = await house.ask()
    graph = house.fusion()
    second = await graph.ainvoke({"messages": [*first["messages"], HumanMessage("And now?")]})
    assert second["receipt"]["totals"]["usage"]["cost_usd"] == first["receipt"]["totals"]["usage"]["cost_usd"]

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from priced_house import ANALYSIS, CALL, JUDGE, SEATS, UNPRICED, WRITER, PricedHouse, ask, parts, seeker
from typer.testing import CliRunner

from fusion_graph import ConfigError, FusionConfig, Resources
from fusion_graph.cli import app
from fusion_graph.estimate import Estimate, estimate
from fusion_graph.terminal.options import AskOptions
from fusion_graph.terminal.settings import config_of
from fusion_graph.testing import Text, Usage

ALPHA, BETA, GAMMA = SEATS
NO_ENGINE: dict[str, str] = {}


async def of(house: PricedHouse, mode: str = "fuse", question: str = "Why?", **settings) -> Estimate:
    return await estimate(house.config(**settings), question, house.resources(), mode=mode, environ=NO_ENGINE)


async def test_an_estimate_calls_no_model_and_names_every_part(house: PricedHouse) -> None:
    found = await of(house)
    assert [part.part for part in found.parts] == ["seat-1", "seat-2", "seat-3", "judge", "writer"]
    assert [part.model for part in found.parts] == [*SEATS, JUDGE, WRITER]
    assert house.server.calls == []
    assert found.unpriced == found.unbilled == []


@pytest.mark.parametrize("turns", [0, 1, 4])
async def test_a_run_ends_within_its_estimate(house: PricedHouse, turns: int) -> None:
    for model in SEATS:
        house.server.on(model, seeker(turns, text="word " * 60, usage=Usage()))
    house.server.on(JUDGE, "no JSON" if turns else ANALYSIS, Text(ANALYSIS, usage=Usage()))
    house.server.on(WRITER, Text("word " * 200, usage=Usage()))
    found, output = await of(house), await house.ask()
    for part, told in zip(parts(output["receipt"]), found.parts, strict=True):
        assert told.calls.low <= part["calls"] <= told.calls.high
        assert part["usage"]["input_tokens"] <= told.input_tokens.high
        assert part["usage"]["output_tokens"] <= told.output_tokens.high
        assert told.cost_usd is not None
        assert part["usage"]["cost_usd"] <= told.cost_usd.high
    assert found.cost_usd is not None
    assert output["receipt"]["totals"]["usage"]["cost_usd"] <= found.cost_usd.high


async def test_the_sums_are_those_of_the_parts(house: PricedHouse) -> None:
    found = await of(house)
    for name in ("calls", "input_tokens", "output_tokens"):
        for end in ("low", "high"):
            assert getattr(getattr(found, name), end) == sum(getattr(getattr(p, name), end) for p in found.parts)
    costs = [part.cost_usd.high for part in found.parts if part.cost_usd is not None]
    assert found.cost_usd is not None
    assert found.cost_usd.high == pytest.approx(sum(costs), abs=1e-12)
    assert 0 < found.cost_usd.low < found.cost_usd.high


async def test_models_without_a_price_are_named_and_left_out_and_never_count_as_free(house: PricedHouse) -> None:
    found = await of(house, panel=[ALPHA, UNPRICED, "ollama:qwen3"])
    assert (found.unpriced, found.unbilled) == ([UNPRICED], ["ollama:qwen3"])
    assert [part.cost_usd is None for part in found.parts] == [False, True, True, False, False]
    nothing = await of(house, panel=[UNPRICED], judge=UNPRICED, writer=UNPRICED)
    assert nothing.cost_usd is None


async def test_more_steps_longer_replies_and_more_seats_raise_the_upper_end_alone(house: PricedHouse) -> None:
    base = await of(house)
    for settings in ({"max_tool_calls": 8}, {"max_completion_tokens": 2000}):
        more = await of(house, **settings)
        assert more.input_tokens.high > base.input_tokens.high
        assert more.input_tokens.low == base.input_tokens.low
    assert (await of(house, tools=[])).calls.high == 3 + 2 + 1
    assert (await of(house, panel=[*SEATS, ALPHA])).calls.low == 6


@pytest.mark.parametrize(
    ("settings", "calls"),
    [({}, (1, 7)), ({"tool_choice": "required"}, (6, 7)), ({"tool_choice": "none"}, (1, 1))],
)
async def test_a_calling_model_may_or_may_not_convene_the_panel(house: PricedHouse, settings, calls) -> None:
    found = await of(house, mode="auto", tools=[], panel=list(SEATS), **settings)
    assert found.parts[-1].part == "caller"
    assert (found.calls.low, found.calls.high) == calls


CLIENTS = {"name": "look", "parameters": {"type": "object", "properties": {"where": {"type": "string"}}}}


@pytest.mark.parametrize(
    ("settings", "calls"),
    [
        ({"may_deliberate": False}, (1, 1)),
        ({"may_deliberate": False, "panel": None}, (1, 1)),
        ({"may_deliberate": False, "caller_tools": ["web_fetch"]}, (1, 31)),
        ({"may_deliberate": False, "client_tools": [CLIENTS], "tool_choice": "required"}, (1, 1)),
        ({"caller_tools": ["web_fetch"]}, (1, 5 + 31)),
        ({"caller_tools": ["web_fetch"], "tool_choice": "required"}, (1, 5 + 31)),
        ({"caller_tools": ["web_fetch"], "tool_choice": "fusion"}, (6, 5 + 31)),
        ({"caller_tools": ["web_fetch"], "tool_choice": "none"}, (1, 1)),
        ({"client_tools": [CLIENTS]}, (1, 7)),
    ],
    ids=str,
)
async def test_a_calling_model_may_have_tools_of_its_own_and_no_panel(house: PricedHouse, settings, calls) -> None:
    found = await of(house, mode="auto", tools=[], **{"panel": list(SEATS), **settings})
    assert (found.calls.low, found.calls.high) == calls
    if not settings.get("may_deliberate", True):
        assert [part.part for part in found.parts] == ["caller"]
    elif settings.get("tool_choice") != "none":
        assert found.parts[-1].input_tokens.high > (await of(house, mode="auto", tools=[])).parts[-1].input_tokens.high


async def test_the_searches_of_a_calling_model_are_estimated(house: PricedHouse) -> None:
    config = house.config(may_deliberate=False, caller_tools=["web_search"], search={"engine": "exa"})
    found = await estimate(config, "Why?", house.resources(), mode="auto", environ={"EXA_API_KEY": "x"})
    fees = found.parts[0].fees_usd
    assert fees is not None
    assert (fees.low, fees.high) == (0.0, pytest.approx(30 * 0.007))


async def test_the_deliberation_has_no_writer(house: PricedHouse) -> None:
    assert [part.part for part in (await of(house, mode="analyze")).parts][-1] == "judge"


async def test_searches_are_estimated_by_the_engine_that_would_be_asked() -> None:
    config = FusionConfig(panel=["openai:gpt-5.5"], search={"engine": "exa"})
    exa = await estimate(config, "Why?", Resources(), environ={"EXA_API_KEY": "x"})
    fees = exa.parts[0].fees_usd
    assert fees is not None
    assert (fees.low, fees.high) == (0.0, 0.028)
    missing = await estimate(config, "Why?", Resources(), environ={})
    assert missing.parts[0].fees_usd is None
    assert not missing.fees_known


async def test_extractive_seats_take_no_tokens_and_cost_nothing(tmp_path: Path) -> None:
    found = await estimate(FusionConfig(preset="offline"), "Why?", Resources(corpus=tmp_path), environ={})
    assert found.input_tokens.high == found.output_tokens.high == 0
    assert found.cost_usd is not None
    assert found.cost_usd.high == 0


async def test_a_preset_is_estimated_without_any_key() -> None:
    found = await estimate(FusionConfig(preset="general-high"), "Why?", Resources(), environ={})
    assert found.cost_usd is not None
    assert 0.01 < found.cost_usd.low < found.cost_usd.high < 100


def run(*arguments: str):
    return CliRunner().invoke(app, arguments)


def models(house: PricedHouse, *more: str) -> Sequence[str]:
    panel = ["--panel", ",".join(SEATS), "--judge", JUDGE, "--writer", WRITER, "--no-tools"]
    here = ["--gateway-url", house.server.base_url, "--presets-file", str(house.prices)]
    return [*panel, *here, "--max-completion-tokens", "1000", *more, "Why?"]


def test_the_command_prints_a_table_and_takes_the_options_of_ask(house: PricedHouse) -> None:
    done = run("estimate", *models(house))
    assert done.exit_code == 0
    for name in (*SEATS, JUDGE, WRITER, "In all: 5 to 6 model calls", "$"):
        assert name in done.output
    assert house.server.calls == []


def test_the_command_prints_json(house: PricedHouse) -> None:
    done = run("estimate", *models(house, "--json"))
    found = Estimate.model_validate_json(done.stdout)
    assert found.calls.low == 5
    assert json.loads(done.stdout)["parts"][0]["part"] == "seat-1"


def test_the_command_says_whose_price_is_not_known(house: PricedHouse) -> None:
    done = run("estimate", *models(house, "--panel", UNPRICED))
    assert f"No price is known for {UNPRICED}." in done.output
    assert "unknown" in done.output


@pytest.mark.parametrize("mistake", [["--quorum", "9"], ["--max-cost", "0"], ["--preset", "x"]])
def test_a_mistake_is_told_like_in_ask(house: PricedHouse, mistake) -> None:
    done = run("estimate", *models(house, *mistake))
    assert done.exit_code == 2
    assert "Error: " in done.stderr


def test_a_limit_that_is_too_low_is_told_with_the_upper_end_of_the_whole_run(house: PricedHouse) -> None:
    done = run("ask", *models(house, "--max-cost", "0.1"))
    assert done.exit_code == 2
    assert "max_cost_usd: 0.1 is too low to begin" in done.stderr
    assert "The whole run is estimated at 5 to 6 model calls" in done.stderr
    assert house.server.calls == []


def test_limits_hold_and_are_shown_at_the_command_line(house: PricedHouse) -> None:
    done = run("ask", *models(house, "--max-cost", "5", "--max-total-tokens", "100000"))
    assert done.exit_code == 0
    assert "Counted against the limit: $0.5500 of $5.00, 10,000 of 100,000 tokens." in done.stderr
    assert "cost $0.5500 by the price list" in done.stderr


def test_a_limit_that_cannot_be_enforced_is_said_before_the_work(house: PricedHouse) -> None:
    done = run("ask", *models(house, "--max-cost", "5", "--panel", UNPRICED))
    assert done.exit_code == 0
    warned, worked = done.stderr.index("--max-cost cannot be enforced"), done.stderr.index("Receipt")
    assert UNPRICED in done.stderr[warned:worked]


def test_cached_tokens_and_search_fees_are_shown(house: PricedHouse) -> None:
    house.server.on(WRITER, Text("It does.", usage=Usage(1000, 1000, cached_tokens=800)))
    done = run("ask", *models(house))
    assert "5,000 tokens in (800 of them from a cache), 5,000 out" in done.stderr


def test_the_options_of_limits_and_patience_reach_their_fields() -> None:
    options = AskOptions(
        max_cost=1.5, max_total_tokens=9, quorum=2, grace=0.0, deadline=60.0, seat_idle_timeout=5.0, panel=["a/b,c/d"]
    )
    config = config_of(options)
    assert (config.max_cost_usd, config.max_total_tokens) == (1.5, 9)
    assert (config.quorum, config.grace, config.deadline, config.seat_idle_timeout) == (2, 0.0, 60.0, 5.0)
    with pytest.raises(ConfigError, match=r"^--max-cost: "):
        config_of(AskOptions(max_cost=0.0))


async def test_the_house_itself_costs_what_its_prices_say(house: PricedHouse) -> None:
    house.server.on(ALPHA, Text("A draft.", usage=CALL))
    receipt = (await ask(house.fusion(())))["receipt"]
    assert receipt["seats"][0]["usage"]["cost_usd"] == 0.11

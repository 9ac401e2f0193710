"""Racing finds nearly what the full grid finds, at a fraction of it, and drops nobody without proof."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_graph.errors import ConfigError
from fusion_graph.evals.optimize.blocks import blocks, split
from fusion_graph.evals.optimize.dominance import Rule, beaten
from fusion_graph.evals.optimize.hunt import reading_of
from fusion_graph.evals.optimize.race import NO_COST, Race
from fusion_graph.evals.optimize.readings import Reading, Readings, Table
from fusion_graph.evals.optimize.search import Extent, frontier, levels
from fusion_graph.evals.pacing import StoppedError
from fusion_graph.evals.results import Row, Score
from fusion_graph.evals.schema import Dataset, Scorer, Task

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "racing.py"


@pytest.fixture(scope="module")
def simulated():
    """The simulated benchmark, whose frontier is known."""
    spec = importlib.util.spec_from_file_location("racing_benchmark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def table(**candidates: list[tuple[float | None, float | None] | Reading]) -> Table:
    """Candidates with a score and a cost for each task."""
    held = {
        name: {str(at): one if isinstance(one, Reading) else Reading(*one) for at, one in enumerate(row)}
        for name, row in candidates.items()
    }
    tasks = [str(at) for at in range(max(map(len, candidates.values())))]
    return Table.of(held, list(candidates), tasks)


def tasks_of(*domains: str) -> list[Task]:
    return [Task(id=f"t{at}", input="?", domain=domain or None) for at, domain in enumerate(domains)]


def dataset_of(*domains: str) -> Dataset:
    return Dataset(name="d", sha256="0" * 64, scorer=Scorer(kind="exact"), tasks=tasks_of(*domains))


@pytest.mark.parametrize("seed", range(5))
async def test_racing_finds_what_the_full_grid_finds_at_two_fifths_of_it(simulated, seed: int) -> None:
    space = simulated.space_of(6, [2, 3])
    benchmark = simulated.world(space, seed)
    race = await simulated.raced(benchmark, space, Extent(), seed=seed)
    assert race.over
    assert race.readings.count <= 0.40 * benchmark.measured.size
    assert benchmark.worth(frontier(race)) >= 0.985 * benchmark.worth(benchmark.full_grid())
    assert benchmark.worth(frontier(race)) >= 0.975


async def test_racing_holds_with_stronger_noise_and_with_weaker_evidence(simulated) -> None:
    space = simulated.space_of(5, [2])
    benchmark = simulated.world(space, 1, spread=13.0)
    race = await simulated.raced(benchmark, space, Extent())
    assert benchmark.worth(frontier(race)) >= 0.98 * benchmark.worth(benchmark.full_grid())
    careful = await simulated.raced(benchmark, space, Extent(), Rule(level=0.99, margin=0.0))
    assert careful.readings.count > race.readings.count


async def test_a_large_space_is_searched_by_proposals(simulated) -> None:
    space = simulated.space_of(8, [2, 3, 4], writers=True)
    benchmark = simulated.world(space, 0)
    race = await simulated.raced(benchmark, space, Extent(trials=60))
    assert race.entered == 16 + 60
    assert {"0", "0+0_by_0", "7", "7+7_by_7"} <= set(race.readings.held), "solo models and self-fusions are always in"
    assert race.readings.count <= 0.005 * benchmark.measured.size
    assert benchmark.worth(frontier(race)) >= 0.87


async def test_the_same_search_takes_the_same_way_again(simulated) -> None:
    space = simulated.space_of(8, [2, 3], writers=True)
    benchmark = simulated.world(space, 3, tasks=24)
    first, second = [await simulated.raced(benchmark, space, Extent(trials=30, seed=5)) for _ in range(2)]
    assert list(first.readings.held) == list(second.readings.held)
    assert frontier(first) == frontier(second)


def test_who_is_better_and_not_dearer_wins() -> None:
    found = beaten(table(a=[(80, 1.0)] * 8, b=[(60, 1.0)] * 8, c=[(60, 0.5)] * 8), Rule())
    assert found.keys() == {"b"}, "the cheapest cannot be beaten"


def test_a_few_equal_scores_are_no_proof_and_many_are() -> None:
    dear_and_cheap = {"a": [(100.0, 1.0)], "b": [(100.0, 2.0)]}

    def after(n: int) -> dict[str, str]:
        return beaten(table(**{name: row * n for name, row in dear_and_cheap.items()}), Rule(margin=1.0))

    assert after(8) == {}
    assert after(80) == {"b": "a"}
    assert beaten(table(a=[(100, 1.0)] * 80, b=[(100, 1.0)] * 80), Rule(margin=1.0)) == {}, "equals both stay"


def test_two_differences_on_one_task_prove_nothing() -> None:
    assert beaten(table(a=[(100, 1.0)], b=[(0, 2.0)]), Rule()) == {}


def test_small_differences_do_not_add_up() -> None:
    steps = {f"c{at}": [(50.0 + 0.3 * at, 1.0 + at)] * 3000 for at in range(10)}
    found = beaten(table(**steps), Rule(margin=0.5))
    assert found["c1"] == "c0"
    assert "c2" not in found, "it is 0.6 points above who stands, whatever the one between is"


def test_a_lower_bound_can_lose_and_not_win() -> None:
    least = [Reading(90, 1.0, at_least=True)] * 8
    assert beaten(table(a=least, b=[(50, 2.0)] * 8), Rule()) == {}
    assert beaten(table(a=[(90, 1.0)] * 8, b=[Reading(50, 2.0, at_least=True)] * 8), Rule()) == {"b": "a"}


def test_unknown_scores_are_left_out_of_the_comparison() -> None:
    half = [(90.0, 1.0), (None, 1.0)] * 8
    assert beaten(table(a=half, b=[(50, 1.0)] * 16), Rule()) == {"b": "a"}
    assert beaten(table(a=[(None, 1.0)] * 8, b=[(50, 1.0)] * 8), Rule()) == {}


async def test_who_has_no_cost_is_dropped_and_says_why() -> None:
    async def cell(name: str, task: str) -> Reading:
        return Reading(99, None) if name == "free" else Reading(50, 1.0)

    race = Race([["a", "b"], ["c"]], Readings(cell))
    await race.run(["free", "paid"])
    assert race.dropped["free"].why == NO_COST
    assert frontier(race) == ["paid"]
    assert set(race.readings.held["free"]) == {"a", "b"}


async def test_a_race_that_is_stopped_is_read_over_the_tasks_that_all_were_asked() -> None:
    asked: list[str] = []

    async def cell(name: str, task: str) -> Reading:
        asked.append(task)
        if len(asked) == 6:
            raise StoppedError("no money")
        return Reading({"x": 60.0, "y": 50.0}[name] + 30 * (task == "c"), {"x": 2.0, "y": 1.0}[name])

    race = Race([["a", "b"], ["c", "d"]], Readings(cell, at_once=1))
    await race.run(["x", "y"])
    assert (race.readings.stopped, race.over, race.readings.count) == (True, False, 5)
    assert race.table().mean_scores.tolist() == [60.0, 50.0], "y was not asked c"
    assert frontier(race) == ["y", "x"]


async def test_a_race_that_was_stopped_in_its_first_block_has_no_frontier() -> None:
    async def cell(name: str, task: str) -> Reading:
        if (name, task) == ("y", "b"):
            raise StoppedError("no money")
        return Reading(50, 1.0)

    race = Race([["a", "b"]], Readings(cell, at_once=1))
    await race.run(["x", "y"])
    assert frontier(race) == []


@pytest.mark.parametrize("readings", [0, 1])
async def test_a_race_that_was_stopped_before_everybody_was_asked_has_no_frontier(readings: int) -> None:
    left = iter([Reading(50, 1.0)] * readings)

    async def cell(name: str, task: str) -> Reading:
        if (reading := next(left, None)) is None:
            raise StoppedError("no money")
        return reading

    race = Race([["a", "b"], ["c"]], Readings(cell, at_once=1))
    await race.run(["x", "y"])
    assert race.readings.count == readings
    assert frontier(race) == []


async def test_who_was_asked_easy_tasks_only_is_levelled() -> None:
    easy = {"a": 90.0, "b": 90.0, "c": 30.0, "d": 30.0}

    async def cell(name: str, task: str) -> Reading:
        return Reading(easy[task] + (10 if name == "x" else 0), 1.0 if name == "x" else 2.0)

    race = Race([["a", "b"], ["c", "d"]], Readings(cell))
    await race.run(["x"])
    race.readings.held["y"] = {"a": Reading(90, 2.0), "b": Reading(90, 2.0)}
    score, cost = levels(race, ["y"])["y"]
    assert (score, cost) == (60.0, 2.0), "10 below x, whose mean over all tasks is 70"


def row(**facts) -> Row:
    base = {"configuration": "c", "task_id": "t", "outcome": "ok", "cost_usd": 1.0, "seconds": 3.0, "calls": 4}
    return Row(**{**base, **facts})


def scored(value: float, **facts) -> Row:
    return row(scores=[Score(run=0, raw=value, value=value)], **facts)


def test_a_reading_counts_failures_as_0_and_leaves_out_what_is_unknown() -> None:
    assert reading_of([scored(80)], "usd") == Reading(80, 1.0)
    assert reading_of([row(outcome="refused")], "usd") == Reading(0.0, 1.0)
    assert reading_of([row(outcome="failed", cost_usd=None)], "usd") == Reading(0.0, None, at_least=True)
    assert reading_of([row(outcome="incomplete")], "usd") == Reading(None, 1.0)
    assert reading_of([scored(80, contaminated=["seen"])], "usd") == Reading(None, 1.0)
    assert reading_of([scored(80), row(outcome="failed", cost_usd=None)], "usd") == Reading(40, 0.5, at_least=True)
    assert reading_of([scored(80, cost_at_least=True)], "usd") == Reading(80, 1.0, at_least=True)
    assert reading_of([scored(80, cost_at_least=True)], "seconds") == Reading(80, 3.0)
    assert reading_of([scored(80)], "calls") == Reading(80, 4.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["", "law", "tax", "ux"]), min_size=1, max_size=60), st.integers(2, 20), st.integers())
def test_blocks_hold_each_task_once_and_every_domain_s_share(domains: list[str], first: int, seed: int) -> None:
    tasks = tasks_of(*domains)
    made = blocks(tasks, first, seed)
    assert sorted(t for block in made for t in block) == sorted(task.id for task in tasks)
    so_far: list[str] = []
    by_id = {task.id: task.domain for task in tasks}
    for at, block in enumerate(made):
        so_far += block
        assert len(so_far) == min(first * 2**at, len(tasks))
        for domain, count in Counter(by_id.values()).items():
            share = count * len(so_far) / len(tasks)
            assert abs(sum(by_id[one] == domain for one in so_far) - share) <= 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["law", "tax"]), min_size=4, max_size=60), st.floats(0.01, 0.99), st.integers(0, 99))
def test_the_split_shares_no_task_and_loses_none(domains: list[str], share: float, seed: int) -> None:
    whole = dataset_of(*domains)
    parts = split(whole, share, seed)
    raced, kept = ({task.id for task in part.tasks} for part in (parts.development, parts.held_out))
    assert not raced & kept
    assert raced | kept == {task.id for task in whole.tasks}
    assert min(len(raced), len(kept)) >= 2
    assert split(whole, share, seed) == parts


def test_too_few_tasks_are_refused() -> None:
    with pytest.raises(ConfigError, match="3 tasks; a search needs 4"):
        split(dataset_of("a", "a", "a"), 0.3, 0)

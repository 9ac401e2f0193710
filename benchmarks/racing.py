"""What racing needs of the full grid, and how much of the frontier it finds, where the frontier is known.

The benchmark is simulated: every configuration has a true score and a true cost, made from its models' skills and
prices; what is measured of it on a task has the task's difficulty in it and noise of its own. Spreads are those of
graded DRACO reports: 16 points between tasks, 9 points of a paired difference. A frontier that was found is worth the
hypervolume of its configurations' true values (score against the logarithm of cost, down to the worst score and out to
the highest cost), as a share of the true frontier's.

    .venv/bin/python benchmarks/racing.py [--seeds 8] [--tasks 100] [--spread 9] [--trials 200]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from fusion_graph.evals.optimize.blocks import blocks
from fusion_graph.evals.optimize.dominance import Rule
from fusion_graph.evals.optimize.race import Race
from fusion_graph.evals.optimize.readings import Reading, Readings
from fusion_graph.evals.optimize.search import Extent, frontier, search
from fusion_graph.evals.optimize.space import Candidate, Plans, Space
from fusion_graph.evals.schema import Task
from fusion_graph.evals.statistics.observations import Floats
from fusion_graph.evals.statistics.pareto import on_frontier

SKILLS = (45.0, 50.0, 54.0, 58.0, 60.0, 66.0, 62.0, 48.0)
PRICES = (0.05, 0.12, 0.3, 0.9, 1.2, 3.0, 1.6, 0.2)
DIFFICULTY = 16.0
DOMAINS = 5


@dataclass(frozen=True)
class World:
    """A benchmark whose truth is known.

    Attributes:
        tasks: Its tasks.
        names: The candidates.
        scores: Their true mean scores.
        costs: Their true mean costs.
        measured: Scores, candidates x tasks.
        paid: Costs, candidates x tasks.
    """

    tasks: list[Task]
    names: list[str]
    scores: Floats
    costs: Floats
    measured: Floats
    paid: Floats

    def worth(self, chosen: Iterable[str]) -> float:
        """Give the hypervolume of the true values of some candidates, as a share of the true frontier's."""
        picked = [self.names.index(name) for name in chosen]
        return self._volume(picked) / self._volume(list(np.flatnonzero(on_frontier(self.scores, self.costs))))

    def full_grid(self) -> list[str]:
        """Give the frontier that measuring everything finds."""
        found = on_frontier(self.measured.mean(axis=1), self.paid.mean(axis=1))
        return [self.names[c] for c in np.flatnonzero(found)]

    def _volume(self, picked: list[int]) -> float:
        floor, end, volume = float(self.scores.min()), float(np.log(self.costs.max())), 0.0
        best = floor
        by_cost = sorted((float(np.log(self.costs[c])), float(self.scores[c])) for c in picked)
        for (cost, score), (dearer, _) in zip(by_cost, [*by_cost[1:], (end, 0.0)], strict=True):
            best = max(best, score)
            volume += (dearer - cost) * (best - floor)
        return volume


def world(space: Space, seed: int, *, tasks: int = 100, spread: float = 9.0) -> World:
    """Simulate a benchmark.

    Args:
        space: Its candidates; models are named `sim/0`, `sim/1`, ... as in `SKILLS`.
        seed: The same seed gives the same benchmark.
        tasks: Number of tasks.
        spread: Standard deviation of the difference of two candidates' scores over tasks, in points.
    """
    random = np.random.default_rng(seed)
    skills = np.array(SKILLS) + random.normal(0, 2, len(SKILLS))
    prices = np.array(PRICES) * np.exp(random.normal(0, 0.3, len(PRICES)))
    candidates = list(space.candidates())
    truth = np.array([_truth(candidate, skills, prices) for candidate in candidates])
    size = (len(candidates), tasks)
    noise = random.normal(0, spread / np.sqrt(2), size)
    lengths = np.exp(random.normal(0, 0.35, tasks)) * np.exp(random.normal(0, 0.1, size))
    measured = np.clip(truth[:, :1] + random.normal(0, DIFFICULTY, tasks) + noise, 0, 100)
    plans = Plans(space, {}, None)
    return World(
        [Task(id=str(t), input="?", domain=str(t % DOMAINS)) for t in range(tasks)],
        [plans.name(candidate) for candidate in candidates],
        truth[:, 0], truth[:, 1], measured, truth[:, 1:] * lengths,
    )  # fmt: skip


def _truth(candidate: Candidate, skills: Floats, prices: Floats) -> tuple[float, float]:
    seats = [int(model.split("/")[1]) for model in candidate.panel]
    if candidate.solo:
        return float(skills[seats[0]]), float(prices[seats[0]])
    judge, writer = (int(model.split("/")[1]) for model in (candidate.judge, candidate.writer))
    drafts = 0.45 * skills[seats].max() + 0.2 * skills[seats].mean()
    readers = 0.15 * skills[judge] + 0.2 * skills[writer]
    kinds = len(set(seats))
    gain = 3.0 if kinds == 1 else 4.5 + 1.5 * (kinds - 1)
    return float(drafts + readers + gain), float(prices[seats].sum() + 0.8 * prices[judge] + 0.5 * prices[writer])


async def raced(benchmark: World, space: Space, extent: Extent, rule: Rule | None = None, *, seed: int = 0) -> Race:
    """Search a simulated benchmark."""
    at = {name: c for c, name in enumerate(benchmark.names)}

    async def cell(name: str, task: str) -> Reading:
        return Reading(float(benchmark.measured[at[name], int(task)]), float(benchmark.paid[at[name], int(task)]))

    plans = Plans(space, {}, None)
    race = Race(blocks(benchmark.tasks, 8, seed), Readings(cell), rule or Rule())
    await search(space, extent, race, plans.name)
    return race


def space_of(models: int, sizes: list[int], *, writers: bool = False) -> Space:
    """Make a space of simulated models, all of which may judge and, if asked for, write."""
    named = [f"sim/{at}" for at in range(models)]
    return Space(models=named, panel_sizes=sizes, writers=named if writers else None)


def measure(title: str, space: Space, extent: Extent, options: argparse.Namespace) -> None:
    """Race on many seeds, and print the means and the worst."""
    shares, found, whole, began = [], [], [], time.perf_counter()
    for seed in range(options.seeds):
        benchmark = world(space, seed, tasks=options.tasks, spread=options.spread)
        race = asyncio.run(raced(benchmark, space, extent, seed=seed))
        shares.append(race.readings.count / benchmark.measured.size)
        found.append(benchmark.worth(frontier(race)))
        whole.append(benchmark.worth(benchmark.full_grid()))
    seconds = (time.perf_counter() - began) / options.seeds
    ratio = [one / other for one, other in zip(found, whole, strict=True)]
    print(f"{title}: {len(space):,} configurations, {options.tasks} tasks, {options.seeds} seeds")
    print(f"  share of the full grid     mean {fmean(shares):.1%}, most {max(shares):.1%}")
    print(f"  hypervolume, racing        mean {fmean(found):.4f}, least {min(found):.4f}")
    print(f"  hypervolume, full grid     mean {fmean(whole):.4f}, least {min(whole):.4f}")
    print(f"  racing over full grid      mean {fmean(ratio):.4f}, least {min(ratio):.4f}   ({seconds:.1f} s each)")


def main(options: argparse.Namespace) -> None:
    measure("all tried", space_of(6, [2, 3]), Extent(), options)
    proposed = Extent(trials=options.trials)
    measure(f"{options.trials} proposed", space_of(8, [2, 3, 4], writers=True), proposed, options)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--spread", type=float, default=9.0)
    parser.add_argument("--trials", type=int, default=200)
    main(parser.parse_args())

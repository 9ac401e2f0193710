"""From a space and a race to what stands at the end: all candidates at once, or as they are proposed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fusion_graph.evals.optimize.proposals import Proposer
from fusion_graph.evals.optimize.race import Race
from fusion_graph.evals.optimize.space import Candidate, Space
from fusion_graph.evals.statistics.observations import Floats, mean
from fusion_graph.evals.statistics.pareto import on_frontier

EXPLORED = 1
"""The last block on which proposed candidates are raced before all trials are made; 0 is the first one."""
BATCH = 12
"""Candidates proposed at once: enough to be raced side by side, few enough to be learnt from soon."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a space is tried.

    Attributes:
        whole: Candidates up to which all are tried.
        trials: Candidates proposed where there are more.
        seed: Of the proposals.
    """

    whole: int = 300
    trials: int = 200
    seed: int = 0

    def covers(self, space: Space) -> bool:
        """Say whether all candidates of a space are tried."""
        return len(space) <= self.whole


async def search(space: Space, extent: Extent, race: Race, name: Callable[[Candidate], str]) -> None:
    """Race the candidates of a space.

    Args:
        space: What is searched.
        extent: How much of it is tried.
        race: The race, empty; it holds what was found. Its readings are `stopped` where they ended before the search.
        name: Names a candidate, as the race's cells know it; may take note of it.

    Raises:
        MissingPackageError: Not all can be tried, and Optuna is not installed.
    """
    if extent.covers(space):
        await race.run([name(candidate) for candidate in space.candidates()])
        return
    await _explore(space, extent, race, name)
    if not race.readings.stopped:
        await race.run()


def frontier(race: Race) -> list[str]:
    """Return who stands on the frontier of mean score and mean cost, cheapest first.

    Args:
        race: A race, over or stopped.

    Returns:
        Names; only of candidates that nobody beat, over the tasks that all of these were asked.
    """
    table = race.table()
    costs = table.mean_costs
    chosen = np.flatnonzero(on_frontier(table.mean_scores, costs))
    return [table.names[c] for c in sorted(chosen, key=lambda c: costs[c])]


async def _explore(space: Space, extent: Extent, race: Race, name: Callable[[Candidate], str]) -> None:
    proposer = Proposer(space, extent.seed)
    batch = space.always()
    left = extent.trials
    while batch and not race.readings.stopped:
        names = {name(candidate): candidate for candidate in batch}
        await race.run(list(names), until=EXPLORED)
        if race.readings.stopped:
            return
        for one, (score, cost) in levels(race, list(names)).items():
            proposer.tell(names[one], score, cost)
        batch = await asyncio.to_thread(proposer.ask, min(BATCH, left))
        left -= len(batch)


def levels(race: Race, names: Sequence[str]) -> Mapping[str, tuple[float, float]]:
    """Estimate how good candidates are that were not all asked the same tasks.

    Who was dropped early was asked few tasks, which may be easy ones. So a candidate's mean is corrected by how the
    candidates still standing did on those tasks against what they did on all tasks so far.

    Args:
        race: The race; all who stand have been asked the same tasks.
        names: Whose levels are wanted.

    Returns:
        Mean score and mean cost by name, of those that have both.
    """
    tasks = race.tasks(EXPLORED)
    table = race.readings.table(names, tasks)
    measure = race.readings.table(race.standing, tasks)
    scores = _levelled(table.scores, mean(measure.scores, axis=0))
    costs = table.mean_costs
    found = zip(names, scores.tolist(), costs.tolist(), strict=True)
    return {one: (score, cost) for one, score, cost in found if np.isfinite(score) and np.isfinite(cost)}


def _levelled(values: Floats, measure: Floats) -> Floats:
    above: Floats = mean(values - measure, axis=1) + mean(measure[None, :], axis=1)
    return above

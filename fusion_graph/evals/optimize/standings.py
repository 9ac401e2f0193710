"""What a search found: one standing for each configuration on the frontier, with its scores on both parts."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusion_graph.evals.optimize.hunt import Hunt
from fusion_graph.evals.optimize.readings import Table
from fusion_graph.evals.optimize.search_file import CostUnit
from fusion_graph.evals.results import Configuration
from fusion_graph.evals.statistics.intervals import Mean, describe
from fusion_graph.evals.statistics.observations import Observations
from fusion_graph.evals.statistics.pareto import membership
from fusion_graph.evals.statistics.resampling import Resampling, resample


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Standing(_Record):
    """One configuration on the frontier.

    Attributes:
        preset: Its name in the preset file.
        configuration: What it is.
        score: Mean score on the tasks of the race. Who was chosen by it looks better in it than it is.
        cost: Mean cost there.
        tasks: Tasks of that mean.
        held_out: Mean score on the tasks held out, with its interval; empty if it was not scored there.
        held_out_cost: Mean cost there, with its interval.
        cost_at_least: Whether some cost is not fully known, so that the means are lower bounds.
        frontier: Probability of being on the frontier of these configurations, on the tasks held out.
    """

    preset: str
    configuration: Configuration
    score: float
    cost: float
    tasks: int
    held_out: Mean = Mean()
    held_out_cost: Mean = Mean()
    cost_at_least: bool = False
    frontier: float | None = None


class Loser(_Record):
    """One candidate that was dropped.

    Attributes:
        configuration: Its name.
        tasks: Tasks it was asked.
        by: Who beat it; empty if nobody did.
        why: In words, where nobody beat it.
    """

    configuration: str
    tasks: int
    by: str = ""
    why: str = ""


class Found(_Record):
    """All that a search found.

    Attributes:
        name: The search's name.
        dataset: The dataset's name.
        sha256: Of its file.
        complete: Whether race and final scores are all there.
        why_stopped: Why not.
        cost: The unit of costs.
        space: Candidates there are.
        candidates: Candidates that entered the race.
        development: Ids of the tasks of the race.
        held_out: Ids of the tasks held out.
        readings: Answers the race looked at: candidates times tasks, as far as it went.
        share: Those, of all candidates of the space on all tasks of the race.
        spent_usd: What all of it cost, earlier runs included.
        spent_at_least: Whether that is a lower bound.
        standings: The frontier, cheapest first.
        standing: Candidates that nobody beat, those of the frontier included.
        dropped: The others.
    """

    name: str
    dataset: str
    sha256: str
    complete: bool
    why_stopped: str = ""
    cost: CostUnit
    space: int
    candidates: int
    development: list[str]
    held_out: list[str]
    readings: int
    share: float
    spent_usd: float
    spent_at_least: bool
    standings: list[Standing]
    standing: list[str] = Field(default_factory=list)
    dropped: list[Loser] = Field(default_factory=list)


def summed_up(hunt: Hunt) -> Found:
    """Sum up a search.

    Args:
        hunt: The search, at its end.

    Returns:
        What it found; without standings if not even the first block was raced on to its end.
    """
    race, purse, dataset = hunt.race, hunt.bench.pace.purse, hunt.bench.dataset
    development = [task.id for task in hunt.split.development.tasks]
    return Found(
        name=hunt.file.shared.name,
        dataset=dataset.name,
        sha256=dataset.sha256,
        complete=hunt.complete,
        why_stopped=hunt.why_stopped or hunt.bench.pace.why_stopped,
        cost=hunt.file.search.cost,
        space=len(hunt.file.space),
        candidates=race.entered,
        development=development,
        held_out=[task.id for task in hunt.split.held_out.tasks],
        readings=race.readings.count,
        share=race.readings.count / (len(hunt.file.space) * len(development)),
        spent_usd=purse.spent,
        spent_at_least=purse.at_least,
        standings=_standings(hunt),
        standing=race.standing,
        dropped=[
            Loser(configuration=name, tasks=fate.tasks, by=fate.by, why=fate.why) for name, fate in race.dropped.items()
        ],
    )


def preset_names(name: str, count: int) -> list[str]:
    """Name the presets of a frontier, cheapest first: `x-cheapest`, `x-2`, ..., `x-best`."""
    middle = [f"{name}-{at + 1}" for at in range(1, count - 1)]
    return [f"{name}-cheapest", *middle, f"{name}-best"] if count > 1 else [f"{name}-best"][:count]


def _standings(hunt: Hunt) -> list[Standing]:
    if not hunt.found:
        return []
    raced = hunt.race.table()
    tasks = [task.id for task in hunt.split.held_out.tasks]
    final = hunt.final.table(hunt.found, tasks)
    scores, costs, shares = _final(final, tuple(task.domain or "" for task in hunt.split.held_out.tasks))
    taken = [[task in hunt.final.held.get(name, {}) for task in tasks] for name in hunt.found]
    places = [raced.names.index(name) for name in hunt.found]
    return [
        Standing(
            preset=preset,
            configuration=plan.described,
            score=float(raced.mean_scores[at]),
            cost=float(raced.mean_costs[at]),
            tasks=int((~np.isnan(raced.scores[at])).sum()),
            held_out=scores[c],
            held_out_cost=costs[c],
            cost_at_least=bool(np.isnan(raced.costs[at]).any() or np.isnan(final.costs[c][taken[c]]).any()),
            frontier=shares[c],
        )
        for c, (preset, plan, at) in enumerate(
            zip(preset_names(hunt.file.shared.name, len(hunt.found)), hunt.plans, places, strict=True)
        )
    ]


def _final(table: Table, domains: tuple[str, ...]) -> tuple[list[Mean], list[Mean], list[float | None]]:
    resampling = Resampling()
    known = Observations(table.names, domains, domains, table.scores[:, :, None, None])
    resampled = resample(known, table.floors, resampling)
    several = zip(table.scores, resampled.means, strict=True)
    spent = zip(table.floors, resampled.costs, strict=True)
    scored = [bool((~np.isnan(row)).any()) for row in table.scores]
    shares = [
        float(share) if there else None
        for share, there in zip(membership(resampled.means, resampled.costs), scored, strict=True)
    ]
    return (
        [describe(values, drawn, resampling) for values, drawn in several],
        [describe(values, drawn, resampling) for values, drawn in spent],
        shares,
    )

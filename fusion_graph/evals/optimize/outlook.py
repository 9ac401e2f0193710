"""What a search may cost, before anything is asked: the first block alone, and everything if nothing is dropped."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from fusion_graph.evals.bench import Bench
from fusion_graph.evals.estimate import Outlook, look_out
from fusion_graph.evals.optimize.hunt import Hunt
from fusion_graph.evals.optimize.space import Candidate

MANY = 5
"""Draws for each candidate that is wanted, since some are drawn twice."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a search may take.

    Attributes:
        space: Candidates there are.
        candidates: Candidates tried: all, or as many as are always tried and proposed.
        first: What all of these take on the first block, which is sure to be asked.
        whole: What they take if none is ever dropped and all are scored on the tasks held out too.
        bench: The bench that `whole` is about.
    """

    space: int
    candidates: int
    first: Outlook
    whole: Outlook
    bench: Bench


async def prospect(hunt: Hunt) -> Prospect:
    """Estimate what a search may take; no model is called.

    Args:
        hunt: The search, not begun.

    Returns:
        Both ends, of what is not stored yet.
    """
    tried = _tried(hunt)
    plans = tuple(hunt.file.plans.of(candidate) for candidate in tried)
    whole = replace(hunt.bench, file=replace(hunt.bench.file, plans=plans))
    ids = set(hunt.race.blocks[0])
    tasks = [task for task in whole.dataset.tasks if task.id in ids]
    first = replace(whole, dataset=whole.dataset.model_copy(update={"tasks": tasks}))
    return Prospect(len(hunt.file.space), len(tried), await look_out(first), await look_out(whole), whole)


def _tried(hunt: Hunt) -> list[Candidate]:
    """Return what is tried; where Optuna decides, as many candidates drawn at random stand for its proposals."""
    space, extent = hunt.file.space, hunt.file.search.extent
    if extent.covers(space):
        return list(space.candidates())
    chance = random.Random(extent.seed)  # noqa: S311 - an estimate, not a secret
    drawn = dict.fromkeys(space.draw(chance) for _ in range(MANY * extent.trials))
    return [*space.always(), *[one for one in drawn if one not in space.always()][: extent.trials]]

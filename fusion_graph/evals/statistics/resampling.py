"""The bootstrap over tasks: one index matrix for all configurations, so that every comparison is paired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fusion_graph.evals.statistics.observations import Floats, Observations, mean

Indices = NDArray[np.intp]
SEED = 20_260_211
"""Any fixed number: reports are the same each time."""
_CELLS = 2_000_000
"""Numbers drawn at once: bounds memory whatever the number of tasks and resamples."""


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are made.

    Attributes:
        count: Resamples.
        seed: Of the random numbers; the same seed gives the same report.
        by_domain: Whether tasks are drawn within their domain, which holds the domains' shares fixed.
        method: `percentile`, widened for few tasks, or `bca`.
        level: Of the intervals.
    """

    count: int = 10_000
    seed: int = SEED
    by_domain: bool = False
    method: Literal["percentile", "bca"] = "percentile"
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.count < 100:
            raise ValueError(f"count: {self.count} resamples are too few for an interval; take 1000 or more")
        if not 0.5 <= self.level < 1:
            raise ValueError(f"level: {self.level} is not between 0.5 and 1; 0.95 is usual")


@dataclass(frozen=True, slots=True)
class Resampled:
    """What the configurations' means became in each resample.

    Attributes:
        means: Configurations x resamples; NaN where a resample held no known task.
        costs: The same of cost per task.
        apart: For pairs of configurations that were not scored on the same tasks, the difference over the tasks that
            both were; any other pair's is the difference of their means.
    """

    means: Floats
    costs: Floats
    apart: dict[tuple[int, int], Floats]

    def difference(self, a: int, b: int) -> Floats:
        """Give how far configuration a is above b in each resample, over the tasks that both were scored on."""
        held = self.apart.get((a, b))
        return self.means[a] - self.means[b] if held is None else held


def draws(tasks: int, domains: tuple[str, ...], resampling: Resampling) -> Iterator[Indices]:
    """Draw the index matrix, block by block.

    Args:
        tasks: Number of tasks.
        domains: Of each task.
        resampling: How.

    Yields:
        Blocks of resamples x tasks, `resampling.count` rows in all.
    """
    generator = np.random.default_rng([resampling.seed, 0])
    strata = [np.arange(tasks)]
    if resampling.by_domain:
        strata = [np.flatnonzero(np.array(domains) == domain) for domain in dict.fromkeys(domains)]
    block = max(1, _CELLS // max(1, tasks))
    for start in range(0, resampling.count, block):
        rows = min(block, resampling.count - start)
        yield np.concatenate([s[generator.integers(0, len(s), (rows, len(s)))] for s in strata], axis=1)


def resample(observations: Observations, costs: Floats, resampling: Resampling) -> Resampled:
    """Draw tasks again and again, then generations within tasks and judge runs within generations.

    Args:
        observations: The scores.
        costs: Configurations x tasks; NaN where unknown.
        resampling: How.

    Returns:
        The means of every resample.
    """
    known = observations.known()
    total = len(observations.names)
    pairs = [(a, b) for a in range(total) for b in range(a + 1, total) if not np.array_equal(known[a], known[b])]
    nested = np.random.default_rng([resampling.seed, 1])
    means, prices = np.full((2, total, resampling.count), np.nan)
    apart = {pair: np.full(resampling.count, np.nan) for pair in pairs}
    start = 0
    for index in draws(len(observations.tasks), observations.domains, resampling):
        here = slice(start, start + len(index))
        drawn = [_drawn(values, index, nested) for values in observations.values]
        for c in range(total):
            means[c, here] = mean(drawn[c], axis=1)
            prices[c, here] = mean(costs[c][index], axis=1)
        for a, b in pairs:
            apart[a, b][here] = mean(drawn[a] - drawn[b], axis=1)
        start += len(index)
    return Resampled(means, prices, apart)


def _drawn(values: Floats, index: Indices, generator: np.random.Generator) -> Floats:
    """Give one configuration's task scores in a block of resamples: resamples x tasks."""
    _, deep, wide = values.shape
    if deep == wide == 1:
        return values[:, 0, 0][index]
    runs = (~np.isnan(values)).sum(axis=2)
    answers = (runs > 0).sum(axis=1)
    total = np.zeros(index.shape)
    for g in range(deep):
        chosen = (generator.random(index.shape) * answers[index]).astype(np.intp)
        held = runs[index, chosen]
        answer = np.zeros(index.shape)
        for j in range(wide):
            run = (generator.random(index.shape) * held).astype(np.intp)
            answer += np.where(j < held, values[index, chosen, run], 0.0)
        total += np.where(g < answers[index], answer / np.maximum(held, 1), 0.0)
    result: Floats = np.where(answers[index] > 0, total / np.maximum(answers[index], 1), np.nan)
    return result

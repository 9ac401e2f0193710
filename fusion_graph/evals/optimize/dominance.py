"""Who can be dropped: candidates that a not dearer one beats, task by task, beyond doubt."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fusion_graph.evals.optimize.readings import Table
from fusion_graph.evals.statistics import student
from fusion_graph.evals.statistics.observations import Floats, mean

LEAST_SPREAD = 5.0
"""Points that the standard deviation of score differences is taken to be at least. Candidates that never differed on a
few tasks can still differ: without it eight equal scores would count as proof."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When one candidate beats another that is not cheaper.

    Attributes:
        level: Of the one-sided paired tests.
        margin: Points that count as no difference: a candidate is also beaten by a cheaper one whose score is not
            lower by more than this, at the same level. 0 or more.
    """

    level: float = 0.95
    margin: float = 0.5


def beaten(table: Table, rule: Rule) -> dict[str, str]:
    """Find the candidates that another one beats.

    Candidate a beats b if it is not dearer on the tasks whose cost both know, and either its score is higher (one-sided
    paired t test over the tasks that both were scored on), or it is cheaper and its score is not lower by more than the
    margin (the same test for each). A lower bound is enough for the cost of b. Only who is not beaten beats others,
    so that small differences do not add up.

    Args:
        table: The candidates still in the race.
        rule: When one beats another.

    Returns:
        The winner's name by the loser's.
    """
    costs = np.where(np.isnan(table.mean_costs), np.inf, table.mean_costs)
    scores = np.where(np.isnan(table.mean_scores), -np.inf, table.mean_scores)
    standing: list[int] = []
    lost: dict[str, str] = {}
    for b in sorted(range(len(table.names)), key=lambda c: (costs[c], -scores[c], c)):
        winner = next(_winners(table, standing, b, rule), None)
        if winner is None:
            standing.append(b)
        else:
            lost[table.names[b]] = table.names[winner]
    return lost


def _winners(table: Table, standing: list[int], b: int, rule: Rule) -> Iterator[int]:
    if not standing:
        return
    points = _Differences(table.scores[standing] - table.scores[b])
    dollars = _Differences(table.floors[b] - table.costs[standing])
    higher = points.above(0.0, rule.level, LEAST_SPREAD)
    as_good = points.above(-rule.margin, rule.level, LEAST_SPREAD)
    cheaper = dollars.above(0.0, rule.level, 0.0)
    with np.errstate(invalid="ignore"):
        not_dearer = dollars.means >= 0
    for at in np.flatnonzero(not_dearer & (higher | (cheaper & as_good))):
        yield standing[int(at)]


@lru_cache(maxsize=10_000)
def _bound(level: float, n: int) -> float:
    """Return how many standard deviations the mean of n differences must be above a limit."""
    return student.quantile(level, n - 1) / math.sqrt(n)


class _Differences:
    """Paired differences of some candidates with one, candidates x tasks."""

    def __init__(self, values: Floats) -> None:
        self.means = mean(values, axis=1)
        self._n = (~np.isnan(values)).sum(axis=1)
        self._squares = mean((values - self.means[:, None]) ** 2, axis=1)

    def above(self, limit: float, level: float, least_sd: float) -> NDArray[np.bool_]:
        """Say whose mean difference is above a limit; two tasks are the fewest that can show it."""
        n = np.maximum(self._n, 2)
        sd = np.maximum(np.sqrt(self._squares * n / (n - 1)), least_sd)
        counts, at = np.unique(n, return_inverse=True)
        bounds = np.array([_bound(level, int(count)) for count in counts])[at]
        with np.errstate(invalid="ignore"):
            above: NDArray[np.bool_] = (self._n >= 2) & (self.means - limit > bounds * sd)
        return above

"""Score against cost: which configurations no other one beats on both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fusion_graph.evals.statistics.observations import Floats


def on_frontier(scores: Floats, costs: Floats) -> NDArray[np.bool_]:
    """Find the configurations that none beats: no other is at least as good and as cheap, and better in one of the two.

    Args:
        scores: Configurations, or configurations x resamples.
        costs: The same shape. Who has a NaN in either is not on the frontier, and beats nobody.

    Returns:
        The same shape.
    """
    known = ~(np.isnan(scores) | np.isnan(costs))
    beaten = np.zeros(scores.shape, dtype=bool)
    for score, cost, valid in zip(scores, costs, known, strict=True):
        with np.errstate(invalid="ignore"):
            no_worse = (score >= scores) & (cost <= costs) & valid
            better = (score > scores) | (cost < costs)
        beaten |= no_worse & better
    result: NDArray[np.bool_] = known & ~beaten
    return result


def membership(means: Floats, costs: Floats) -> Floats:
    """Give each configuration's probability of being on the frontier.

    Args:
        means: Resampled mean scores, configurations x resamples.
        costs: Resampled mean costs of the same resamples: tasks are drawn jointly for both.

    Returns:
        For each configuration the share of resamples in which it is on it.
    """
    share: Floats = on_frontier(means, costs).mean(axis=1)
    return share

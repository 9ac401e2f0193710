"""Means with intervals: what a configuration's score is known to be."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from pydantic import BaseModel, ConfigDict

from fusion_graph.evals.statistics import student
from fusion_graph.evals.statistics.observations import Floats
from fusion_graph.evals.statistics.resampling import Resampling

_NORMAL = NormalDist()
_TELLING = 10
"""Resamples beyond 0 from which their share is a p value."""


class Record(BaseModel):
    """Base of all findings: plain data that does not change; unknown is `None`."""

    model_config = ConfigDict(frozen=True)


class Mean(Record):
    """A mean over tasks.

    Attributes:
        mean: The mean; `None` if no task has a value.
        low: Lower end of the interval; `None` with fewer than two tasks.
        high: Upper end.
        se: Standard error: standard deviation over tasks by the root of their number.
        n: Tasks that have a value.
    """

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    se: float | None = None
    n: int = 0


def describe(values: Floats, resampled: Floats | None = None, resampling: Resampling | None = None) -> Mean:
    """Average what tasks gave.

    Args:
        values: One number per task; NaN where unknown.
        resampled: The mean in each resample; without it there is no interval.
        resampling: How it was resampled.

    Returns:
        The mean, and its interval where there are at least two tasks.
    """
    known = values[~np.isnan(values)]
    if known.size == 0:
        return Mean()
    centre = float(known.mean())
    if known.size == 1:
        return Mean(mean=centre, n=1)
    se = float(known.std(ddof=1)) / math.sqrt(known.size)
    if resampled is None or resampling is None:
        return Mean(mean=centre, se=se, n=int(known.size))
    low, high = interval(known, resampled, resampling)
    return Mean(mean=centre, low=low, high=high, se=se, n=int(known.size))


def interval(values: Floats, resampled: Floats, resampling: Resampling) -> tuple[float, float]:
    """Read an interval off the resampled means.

    The percentile interval is taken further out by sqrt(n/(n-1)) and Student's t in place of the normal quantile, since
    the plain one is too narrow for few tasks (Hesterberg 2015, The American Statistician 69, "expanded percentile").
    BCa is Efron's (1987), its acceleration from the jackknife of the mean.

    Args:
        values: One known number per task, at least two.
        resampled: Their mean in each resample.
        resampling: Level and method.

    Returns:
        Lower and upper end.
    """
    tail = (1 - resampling.level) / 2
    drawn = resampled[~np.isnan(resampled)]
    if resampling.method == "bca":
        tails = [_bca(values, drawn, share) for share in (tail, 1 - tail)]
    else:
        outward = _NORMAL.cdf(_stretch(values.size) * student.quantile(tail, values.size - 1))
        tails = [outward, 1 - outward]
    low, high = np.quantile(drawn, tails)
    return float(low), float(high)


def p_value(values: Floats, resampled: Floats) -> float:
    """Test a mean difference against 0, two-sided, in agreement with the percentile interval.

    Args:
        values: The differences, one known number per task, at least two.
        resampled: Their mean in each resample.

    Returns:
        The smallest level at which the interval leaves 0 out. Where fewer than ten resamples lie beyond 0 these are
        too few to tell small values apart, and Student's paired test takes their place.
    """
    drawn = resampled[~np.isnan(resampled)]
    least = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    se = float(values.std(ddof=1)) / math.sqrt(values.size)
    if least < _TELLING and se > 0:
        return 2 * student.cdf(-abs(float(values.mean())) / se, values.size - 1)
    share = min(0.5, (1 + least) / (drawn.size + 1))
    return min(1.0, 2 * student.cdf(_NORMAL.inv_cdf(share) / _stretch(values.size), values.size - 1))


def _stretch(n: int) -> float:
    return math.sqrt(n / (n - 1))


def _bca(values: Floats, drawn: Floats, share: float) -> float:
    centre = float(values.mean())
    below = (float((drawn < centre).sum()) + float((drawn == centre).sum()) / 2) / drawn.size
    bias = _NORMAL.inv_cdf(min(max(below, 1 / (drawn.size + 1)), drawn.size / (drawn.size + 1)))
    away = values - centre
    spread = float((away**2).sum())
    skew = float((away**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    z = bias + _NORMAL.inv_cdf(share)
    return _NORMAL.cdf(bias + z / (1 - skew * z))

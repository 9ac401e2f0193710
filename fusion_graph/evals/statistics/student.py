"""Student's t distribution for whole degrees of freedom, so that scipy is not needed."""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()
_LARGE = 2000
"""Degrees of freedom from which the normal distribution differs by less than 0.0003 in the tails that matter."""


def cdf(t: float, freedom: int) -> float:
    """Give the probability of a value up to t.

    Args:
        t: The value.
        freedom: Degrees of freedom, from 1.

    Returns:
        The probability, by the finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4.
    """
    if freedom > _LARGE:
        return _NORMAL.cdf(t)
    angle = math.atan2(t, math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2 == 1
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(1 if odd else 0, freedom - 1, 2):
        total += term
        term *= (k + 1) / (k + 2) * cosine * cosine
    within = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return 0.5 * (1 + within)


def quantile(probability: float, freedom: int) -> float:
    """Give the value that is not exceeded with a probability.

    Args:
        probability: Between 0 and 1, both excluded.
        freedom: Degrees of freedom, from 1.

    Returns:
        The value, by bisection of the distribution function to about 12 digits.
    """
    if freedom > _LARGE:
        return _NORMAL.inv_cdf(probability)
    low, high = -1.0, 1.0
    while cdf(low, freedom) > probability:
        low *= 2
    while cdf(high, freedom) < probability:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if cdf(middle, freedom) < probability else (low, middle)
    return (low + high) / 2

"""Every pair of configurations, task by task."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from fusion_graph.evals.statistics.intervals import Record, interval, p_value
from fusion_graph.evals.statistics.observations import Floats
from fusion_graph.evals.statistics.resampling import Resampled, Resampling


class Pair(Record):
    """How far one configuration is above another, over the tasks that both were scored on.

    Attributes:
        a: The one.
        b: The other.
        difference: Mean of a minus b; `None` without a common task.
        low: Lower end of the interval; `None` with fewer than two common tasks, as are all below.
        high: Upper end.
        se: Standard error of the difference.
        sd: Standard deviation of the differences over tasks.
        n: Common tasks.
        above: Share of resamples in which a is above b; equal ones count half.
        p: Two-sided p value.
        p_holm: The same after Holm's correction over all pairs.
        detectable: The smallest true difference that would be found with 80 % power at level 0.05.
    """

    a: str
    b: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    se: float | None = None
    sd: float | None = None
    n: int = 0
    above: float | None = None
    p: float | None = None
    p_holm: float | None = None
    detectable: float | None = None

    def turned(self) -> Pair:
        """Give the same comparison the other way round."""
        changed = {
            "a": self.b,
            "b": self.a,
            "difference": None if self.difference is None else -self.difference,
            "low": None if self.high is None else -self.high,
            "high": None if self.low is None else -self.low,
            "above": None if self.above is None else 1 - self.above,
        }
        return self.model_copy(update=changed)


def compare_all(names: tuple[str, ...], scores: Floats, resampled: Resampled, resampling: Resampling) -> list[Pair]:
    """Compare every configuration with every other.

    Args:
        names: The configurations.
        scores: Configurations x tasks; NaN where unknown.
        resampled: Their resampled means.
        resampling: How they were resampled.

    Returns:
        The pairs, in the configurations' order, corrected as one family.
    """
    pairs = []
    for a in range(len(names)):
        for b in range(a + 1, len(names)):
            drawn = resampled.difference(a, b)
            pairs.append(compare(names[a], names[b], scores[a] - scores[b], drawn, resampling))
    return correct(pairs)


def compare(a: str, b: str, differences: Floats, drawn: Floats, resampling: Resampling) -> Pair:
    """Compare two configurations.

    Args:
        a: The one's name.
        b: The other's.
        differences: a minus b, task by task; NaN where either is unknown.
        drawn: Their mean in each resample.
        resampling: How it was resampled.

    Returns:
        The pair, not yet corrected.
    """
    known = differences[~np.isnan(differences)]
    if known.size < 2:
        return Pair(a=a, b=b, difference=float(known[0]) if known.size else None, n=int(known.size))
    sd = float(known.std(ddof=1))
    low, high = interval(known, drawn, resampling)
    valid = drawn[~np.isnan(drawn)]
    return Pair(
        a=a,
        b=b,
        difference=float(known.mean()),
        low=low,
        high=high,
        se=sd / math.sqrt(known.size),
        sd=sd,
        n=int(known.size),
        above=float(((valid > 0) + 0.5 * (valid == 0)).mean()),
        p=p_value(known, valid),
        detectable=detectable(sd, known.size),
    )


def correct(pairs: list[Pair]) -> list[Pair]:
    """Correct p values for the number of pairs looked at.

    Args:
        pairs: One family; those without a p value are no part of it.

    Returns:
        The pairs in the same order.
    """
    tested = [i for i, pair in enumerate(pairs) if pair.p is not None]
    corrected = dict(zip(tested, holm([pairs[i].p or 0.0 for i in tested]), strict=True))
    return [pair.model_copy(update={"p_holm": corrected.get(i)}) for i, pair in enumerate(pairs)]


def holm(p_values: list[float]) -> list[float]:
    """Correct p values so that one false finding among all of them has at most the level's probability.

    Args:
        p_values: Of one family, in any order.

    Returns:
        The corrected ones in the same order (Holm 1979, Scandinavian Journal of Statistics 6).
    """
    corrected = [0.0] * len(p_values)
    least = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = least
    return corrected


def detectable(sd: float, n: int, *, power: float = 0.8, level: float = 0.05) -> float:
    """Give the smallest true mean difference that a paired comparison would find.

    Args:
        sd: Standard deviation of the differences over tasks.
        n: Number of tasks.
        power: Probability of finding it.
        level: Of the two-sided test.

    Returns:
        (z(1 - level/2) + z(power)) sd / sqrt(n): 2.8 sd / sqrt(n) by default.
    """
    normal = NormalDist()
    return (normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)) * sd / math.sqrt(n)

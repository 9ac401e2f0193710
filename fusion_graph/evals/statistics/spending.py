"""What answers took: dollars, seconds, calls. What is not known is never counted as 0."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fusion_graph.evals.results import Experiment, Row
from fusion_graph.evals.statistics.intervals import Mean, Record
from fusion_graph.evals.statistics.observations import Floats, arrange


class Cost(Record):
    """US dollars per answer.

    Attributes:
        mean: The mean; `None` if no answer's cost is known.
        low: Lower end of its interval over tasks; `None` with fewer than two tasks, or where it is a lower bound.
        high: Upper end.
        at_least: Whether the mean is a lower bound: some answer's cost is unknown, or itself a lower bound.
        known: Answers whose cost is known at all.
        n: Answers.
    """

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    at_least: bool = False
    known: int = 0
    n: int = 0

    @property
    def exact(self) -> bool:
        """Whether every answer's cost is known, so that the configuration can stand on the score-cost picture."""
        return self.mean is not None and not self.at_least


class Seconds(Record):
    """How long answers took.

    Attributes:
        mean: The mean; `None` if no time is known.
        median: Half were faster.
        p90: Nine in ten were faster.
        known: Answers whose time is known.
        n: Answers.
    """

    mean: float | None = None
    median: float | None = None
    p90: float | None = None
    known: int = 0
    n: int = 0


def task_costs(experiment: Experiment) -> Floats:
    """Arrange what answering cost.

    Args:
        experiment: The results.

    Returns:
        Configurations x tasks, mean over generations; NaN where it is unknown or a lower bound.
    """
    return arrange(
        experiment, lambda row: [row.cost_usd] if row.cost_usd is not None and not row.cost_at_least else []
    ).scores()


def cost_of(rows: Sequence[Row], over_tasks: Mean) -> Cost:
    """Say what a configuration's answers cost.

    Args:
        rows: Its rows.
        over_tasks: The mean over tasks with its interval, for when all is known.

    Returns:
        The cost. Where only a part is known, the known dollars are spread over all answers: a lower bound.
    """
    known = [row.cost_usd for row in rows if row.cost_usd is not None and math.isfinite(row.cost_usd)]
    if not known:
        return Cost(n=len(rows))
    if len(known) < len(rows) or any(row.cost_at_least for row in rows):
        return Cost(mean=sum(known) / len(rows), at_least=True, known=len(known), n=len(rows))
    return Cost(mean=over_tasks.mean, low=over_tasks.low, high=over_tasks.high, known=len(known), n=len(rows))


def judging_of(rows: Sequence[Row]) -> Cost:
    """Say what grading a configuration's answers cost, per answer.

    Args:
        rows: Its rows.

    Returns:
        The cost, without an interval; rows that have nothing to grade count no dollars.
    """
    graded = [row for row in rows if row.verdicts or row.scores]
    known = [row.judging_usd for row in graded if row.judging_usd is not None]
    if not known:
        return Cost(n=len(graded))
    bound = len(known) < len(graded) or any(row.judging_at_least for row in graded)
    return Cost(mean=sum(known) / len(graded), at_least=bound, known=len(known), n=len(graded))


def seconds_of(rows: Sequence[Row]) -> Seconds:
    """Say how long a configuration's answers took.

    Args:
        rows: Its rows.

    Returns:
        The times that are known, and of how many answers they are.
    """
    known = np.array([row.seconds for row in rows if row.seconds is not None and math.isfinite(row.seconds)])
    if not known.size:
        return Seconds(n=len(rows))
    median, p90 = np.quantile(known, [0.5, 0.9])
    return Seconds(mean=float(known.mean()), median=float(median), p90=float(p90), known=int(known.size), n=len(rows))

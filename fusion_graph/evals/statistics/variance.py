"""Where a score's spread comes from: tasks, generations, judge runs."""

from __future__ import annotations

import math

import numpy as np

from fusion_graph.evals.statistics.intervals import Record
from fusion_graph.evals.statistics.observations import Floats, mean


class Variance(Record):
    """Standard deviations in score points.

    Attributes:
        task_sd: Between tasks, less what the parts below explain; they are part of it where they are unknown.
        generation_sd: Between answers of one configuration to one task; `None` with one answer per task.
        judge_sd: Between judge runs of one answer; `None` with one run per answer.
    """

    task_sd: float | None = None
    generation_sd: float | None = None
    judge_sd: float | None = None


def variance_parts(values: Floats) -> Variance:
    """Split one configuration's variance by the method of moments for nested samples.

    Var(mean) is about (task² + generation²/G + judge²/(G J)) / n for n tasks, G generations and J judge runs.

    Args:
        values: Tasks x generations x judge runs; NaN where unknown.

    Returns:
        The parts; one that comes out negative is 0.
    """
    runs = (~np.isnan(values)).sum(axis=2)
    judge = _within(values)
    answers = mean(values, axis=2)
    generations = (~np.isnan(answers)).sum(axis=1)
    between = _within(answers)
    each = _share(runs[(generations >= 2)[:, None] & (runs > 0)])
    generation = None if between is None else max(0.0, between - (judge or 0.0) * each)
    scores = mean(answers, axis=1)
    known = ~np.isnan(scores)
    if known.sum() < 2:
        return Variance(generation_sd=_root(generation), judge_sd=_root(judge))
    total = float(scores[known].var(ddof=1))
    answered = _share(generations[known])
    graded = _share((generations[:, None] * runs)[known][runs[known] > 0])
    task = max(0.0, total - (generation or 0.0) * answered - (judge or 0.0) * graded)
    return Variance(task_sd=math.sqrt(task), generation_sd=_root(generation), judge_sd=_root(judge))


def _within(values: Floats) -> float | None:
    """Pool the variance along the last axis over all groups that have at least two values."""
    flat = values.reshape(-1, values.shape[-1])
    counts = (~np.isnan(flat)).sum(axis=1)
    groups = flat[counts >= 2]
    if not len(groups):
        return None
    squares = np.nansum((groups - mean(groups, axis=1)[:, None]) ** 2)
    return float(squares / (counts[counts >= 2] - 1).sum())


def _share(counts: Floats) -> float:
    return float((1 / counts).mean()) if counts.size else 1.0


def _root(variance: float | None) -> float | None:
    return None if variance is None else math.sqrt(variance)

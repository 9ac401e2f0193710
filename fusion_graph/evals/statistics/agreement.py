"""How far judges agree: with each other, and one judge with itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from fusion_graph.evals.results import Row
from fusion_graph.evals.statistics.intervals import Record


class Agreement(Record):
    """How often two judgements of the same criterion are the same.

    Attributes:
        n: Pairs of verdicts.
        agree: Share that is equal; `None` without any.
        kappa: Cohen's kappa; `None` where chance alone explains all, because every verdict is the same.
    """

    n: int = 0
    agree: float | None = None
    kappa: float | None = None


def kendall_tau(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Correlate two rankings.

    Args:
        first: One number for each thing ranked.
        second: Another.

    Returns:
        Kendall's tau-b, from -1 to 1; `None` if either holds nothing but ties.
    """
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    upper = np.triu_indices(x.size, k=1)
    dx, dy = (np.sign(np.subtract.outer(v, v))[upper] for v in (x, y))
    untied = float(np.count_nonzero(dx)) * float(np.count_nonzero(dy))
    return float((dx * dy).sum() / np.sqrt(untied)) if untied else None


def cohen_kappa(pairs: Iterable[tuple[bool, bool]]) -> Agreement:
    """Measure agreement beyond chance.

    Args:
        pairs: The two verdicts on the same thing, again and again.

    Returns:
        The agreement (Cohen 1960, Educational and Psychological Measurement 20).
    """
    table = np.zeros((2, 2))
    for first, second in pairs:
        table[int(first), int(second)] += 1
    n = float(table.sum())
    if not n:
        return Agreement()
    agree = float(np.trace(table)) / n
    chance = float((table.sum(axis=0) * table.sum(axis=1)).sum()) / n**2
    return Agreement(n=int(n), agree=agree, kappa=None if chance == 1 else (agree - chance) / (1 - chance))


def between_runs(rows: Iterable[Row]) -> Agreement:
    """Compare the judge's runs of the same answer, every pair of runs.

    Args:
        rows: Answers with their verdicts.

    Returns:
        The agreement of the judge with itself.
    """
    return cohen_kappa(pair for row in rows for pair in _run_pairs(row))


def between_judges(first: Iterable[Row], second: Iterable[Row]) -> Agreement:
    """Compare two judges' verdicts on the same answers, run by run.

    Args:
        first: Rows of the one judge.
        second: The same answers graded by the other.

    Returns:
        Their agreement over all criteria and runs that both gave a verdict on.
    """
    other = {_key(row): {(v.criterion_id, v.run): v.met for v in row.verdicts} for row in second}
    return cohen_kappa(
        (verdict.met, held[verdict.criterion_id, verdict.run])
        for row in first
        if (held := other.get(_key(row)))
        for verdict in row.verdicts
        if (verdict.criterion_id, verdict.run) in held
    )


def _run_pairs(row: Row) -> Iterable[tuple[bool, bool]]:
    by_criterion: dict[str, list[bool]] = {}
    for verdict in row.verdicts:
        by_criterion.setdefault(verdict.criterion_id, []).append(verdict.met)
    for met in by_criterion.values():
        yield from combinations(met, 2)


def _key(row: Row) -> tuple[str, str, int]:
    return row.configuration, row.task_id, row.generation

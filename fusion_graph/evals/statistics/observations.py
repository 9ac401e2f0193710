"""Rows of an experiment as arrays: configuration, task, generation, judge run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fusion_graph.errors import ConfigError
from fusion_graph.evals.results import Experiment, Row, Score

Floats = NDArray[np.float64]
Failures = Literal["zero", "unknown"]
"""What a refused or failed answer counts: 0, or nothing because it is left out."""


@dataclass(frozen=True, slots=True)
class Observations:
    """One number for each judge run of each answer; NaN where there is none.

    Attributes:
        names: The configurations, in the experiment's order.
        tasks: Ids of all tasks that any row names, in order of first appearance.
        domains: Their domains; "" for a task without one.
        values: Configurations x tasks x generations x judge runs. Known values stand before unknown ones on both of
            the last axes.
    """

    names: tuple[str, ...]
    tasks: tuple[str, ...]
    domains: tuple[str, ...]
    values: Floats

    def generations(self) -> Floats:
        """Average judge runs: configurations x tasks x generations."""
        return mean(self.values, axis=3)

    def scores(self) -> Floats:
        """Average judge runs, then generations: configurations x tasks."""
        return mean(self.generations(), axis=2)

    def known(self) -> NDArray[np.bool_]:
        """Say which configurations have a score of which tasks: configurations x tasks."""
        known: NDArray[np.bool_] = ~np.isnan(self.values[:, :, 0, 0])
        return known

    def only(self, chosen: NDArray[np.intp]) -> Observations:
        """Leave out tasks.

        Args:
            chosen: Positions of the tasks that stay.

        Returns:
            Their observations.
        """
        return Observations(
            self.names,
            tuple(self.tasks[i] for i in chosen),
            tuple(self.domains[i] for i in chosen),
            self.values[:, chosen],
        )


def mean(values: Floats, axis: int) -> Floats:
    """Average the known values along an axis; NaN where none is known."""
    known = ~np.isnan(values)
    counts = known.sum(axis=axis)
    sums = np.where(known, values, 0.0).sum(axis=axis)
    result: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return result


def observe(experiment: Experiment, pick: Callable[[Score], float | None], *, failures: Failures) -> Observations:
    """Arrange what judge runs gave.

    Args:
        experiment: The results. Contaminated rows are unknown.
        pick: What of a score is wanted.
        failures: What refused and failed answers count.

    Returns:
        The observations.

    Raises:
        ConfigError: Two rows are of the same configuration, task and generation, or a row's configuration is unknown.
    """

    def runs(row: Row) -> list[float]:
        if row.contaminated:
            return []
        if row.outcome in {"refused", "failed"}:
            return [0.0] if failures == "zero" else []
        picked = (pick(score) for score in row.scores)
        return [value for value in picked if value is not None and math.isfinite(value)]

    return arrange(experiment, runs)


def arrange(experiment: Experiment, numbers: Callable[[Row], list[float]]) -> Observations:
    """Arrange any numbers that rows have.

    Args:
        experiment: The results.
        numbers: What a row gives, one number for each judge run; empty if nothing is known.

    Returns:
        The observations.

    Raises:
        ConfigError: Two rows are of the same configuration, task and generation, or a row's configuration is unknown.
    """
    names = tuple(configuration.name for configuration in experiment.configurations)
    check_rows(experiment.rows, names)
    domains = {row.task_id: row.domain or "" for row in reversed(experiment.rows)}
    tasks = tuple(dict.fromkeys(row.task_id for row in experiment.rows))
    found: dict[tuple[int, int], list[list[float]]] = {}
    at = {name: i for i, name in enumerate(names)}, {task: i for i, task in enumerate(tasks)}
    for row in experiment.rows:
        if given := numbers(row):
            found.setdefault((at[0][row.configuration], at[1][row.task_id]), []).append(given)
    deep = max((len(answers) for answers in found.values()), default=1)
    wide = max((len(given) for answers in found.values() for given in answers), default=1)
    values = np.full((len(names), len(tasks), deep, wide), np.nan)
    for (c, t), answers in found.items():
        for g, given in enumerate(answers):
            values[c, t, g, : len(given)] = given
    return Observations(names, tasks, tuple(domains[task] for task in tasks), values)


def check_rows(rows: Iterable[Row], names: Iterable[str]) -> None:
    """Make sure that each row counts once, for a configuration that is there.

    Args:
        rows: The rows.
        names: The configurations.

    Raises:
        ConfigError: It does not; the message names the row.
    """
    known, seen = set(names), set()
    for row in rows:
        key = (row.configuration, row.task_id, row.generation)
        said = f"configuration {row.configuration!r}, task {row.task_id!r}, generation {row.generation}"
        if row.configuration not in known:
            raise ConfigError(f"rows: the configuration of the row ({said}) is not among the experiment's: add it")
        if key in seen:
            raise ConfigError(f"rows: there are two rows of {said}: leave one out, or number the generations")
        seen.add(key)

"""What a race looks at: a score and a cost for each candidate and task."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fusion_graph.evals.pacing import StoppedError
from fusion_graph.evals.statistics.observations import Floats, mean


@dataclass(frozen=True, slots=True)
class Reading:
    """What one candidate did on one task.

    Attributes:
        score: Between 0 and 100; 0 for a refused or failed answer, `None` where it is not known.
        cost: What it cost, in the unit of the search; `None` where it is not known.
        at_least: Whether the cost is a lower bound.
    """

    score: float | None
    cost: float | None
    at_least: bool = False


Cell = Callable[[str, str], Awaitable[Reading]]
"""Gives the reading of a candidate, by name, on a task, by id. Raises `StoppedError` if none is taken any more."""


@dataclass(frozen=True, slots=True)
class Table:
    """Readings as arrays of candidates x tasks; NaN where nothing is known.

    Attributes:
        names: The candidates.
        scores: Their scores.
        costs: Their costs, where those are fully known.
        floors: Their costs, lower bounds included.
    """

    names: tuple[str, ...]
    scores: Floats
    costs: Floats
    floors: Floats

    @classmethod
    def of(cls, readings: Mapping[str, Mapping[str, Reading]], names: Sequence[str], tasks: Sequence[str]) -> Table:
        """Arrange readings.

        Args:
            readings: By candidate and task.
            names: Which candidates, in which order.
            tasks: Which tasks, in which order.
        """
        scores, costs, floors = (np.full((len(names), len(tasks)), np.nan) for _ in range(3))
        for c, name in enumerate(names):
            held = readings.get(name, {})
            for t, task in enumerate(tasks):
                if (reading := held.get(task)) is None:
                    continue
                scores[c, t] = np.nan if reading.score is None else reading.score
                floors[c, t] = np.nan if reading.cost is None else reading.cost
                costs[c, t] = np.nan if reading.at_least else floors[c, t]
        return cls(tuple(names), scores, costs, floors)

    @property
    def mean_scores(self) -> Floats:
        """Mean over the tasks with a score."""
        return mean(self.scores, axis=1)

    @property
    def mean_costs(self) -> Floats:
        """Mean over the tasks with any cost."""
        return mean(self.floors, axis=1)


@dataclass(slots=True)
class Readings:
    """All readings so far, and how more are taken.

    Attributes:
        cell: Gives a reading.
        at_once: Readings taken at the same time.
        on_change: Called after each reading.
        held: What is known, by candidate and task.
        wanted: Readings of the batch under way.
        taken: Those of them that are there.
        stopped: Whether no further reading is taken.
    """

    cell: Cell
    at_once: int = 16
    on_change: Callable[[], None] = lambda: None
    held: dict[str, dict[str, Reading]] = field(default_factory=dict)
    wanted: int = 0
    taken: int = 0
    stopped: bool = False

    async def take(self, names: Sequence[str], tasks: Sequence[str]) -> None:
        """Take the readings of candidates on tasks that are missing, task by task.

        Args:
            names: The candidates.
            tasks: The tasks.
        """
        missing = [(name, task) for task in tasks for name in names if task not in self.held.get(name, {})]
        self.wanted, self.taken = len(missing), 0
        waiting = iter(missing)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.at_once, len(missing))):
                group.create_task(self._work(waiting))

    @property
    def count(self) -> int:
        """Readings in all."""
        return sum(map(len, self.held.values()))

    def table(self, names: Sequence[str], tasks: Sequence[str]) -> Table:
        """Arrange the readings of candidates on tasks."""
        return Table.of(self.held, names, tasks)

    async def _work(self, waiting: Iterator[tuple[str, str]]) -> None:
        for name, task in waiting:
            if self.stopped:
                return
            try:
                reading = await self.cell(name, task)
            except StoppedError:
                self.stopped = True
                return
            self.held.setdefault(name, {})[task] = reading
            self.taken += 1
            self.on_change()

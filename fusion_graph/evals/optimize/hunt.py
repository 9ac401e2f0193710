"""A search at work: candidates as cells of an evaluation, the race on one part of the tasks, the end on the other."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from fusion_graph.evals.bench import Bench
from fusion_graph.evals.configurations import Plan
from fusion_graph.evals.optimize.blocks import Split, blocks, split
from fusion_graph.evals.optimize.race import Race
from fusion_graph.evals.optimize.readings import Cell, Reading, Readings
from fusion_graph.evals.optimize.search import frontier, search
from fusion_graph.evals.optimize.search_file import CostUnit, SearchFile
from fusion_graph.evals.optimize.space import Candidate
from fusion_graph.evals.pacing import CAPPED
from fusion_graph.evals.results import Row
from fusion_graph.evals.schema import Dataset


class Cells:
    """Answers and grades of candidates, as readings.

    Args:
        file: The search file.
        bench: What answers and grades.

    Attributes:
        at_once: Readings taken at the same time.
        failed: Answers that failed, refusals apart; the next run tries them again.
        failure: What the last one of them said.
    """

    def __init__(self, file: SearchFile, bench: Bench) -> None:
        self.at_once, self.failed, self.failure = file.shared.limits.rows, 0, ""
        self._file, self._bench = file, bench
        self._entered: dict[str, Candidate] = {}

    def enter(self, candidate: Candidate) -> str:
        """Take note of a candidate, and name it."""
        name = self._file.plans.name(candidate)
        self._entered[name] = candidate
        return name

    def plan(self, name: str) -> Plan:
        """Return a candidate that was taken note of, as a configuration."""
        return self._file.plans.of(self._entered[name])

    def of(self, dataset: Dataset) -> Cell:
        """Return what gives readings of candidates on the tasks of a dataset."""
        by_id = {task.id: task for task in dataset.tasks}
        generations = range(self._file.shared.generations)

        async def cell(name: str, task_id: str) -> Reading:
            plan, task = self.plan(name), by_id[task_id]
            rows = await asyncio.gather(*(self._bench.live.row(plan, task, at) for at in generations))
            for row in rows:
                if row.outcome == "failed":
                    self.failed, self.failure = self.failed + 1, row.error or ""
            return reading_of(rows, self._file.search.cost)

        return cell


@dataclass(slots=True)
class Hunt:
    """A search.

    Attributes:
        file: The search file.
        bench: What answers and grades.
        split: The tasks in two parts.
        race: On the tasks of development.
        final: Readings of the frontier on the tasks held out.
        cells: What the readings are taken from.
        found: The frontier of the race, cheapest first; empty before its end.
        why_stopped: Why the race ended before its time; empty if it did not.
    """

    file: SearchFile
    bench: Bench
    split: Split
    race: Race
    final: Readings
    cells: Cells
    found: list[str] = field(default_factory=list)
    why_stopped: str = ""

    @classmethod
    def of(cls, file: SearchFile, bench: Bench, on_change: Callable[[], None]) -> Hunt:
        """Prepare a search.

        Args:
            file: The search file.
            bench: What it is done with.
            on_change: Called after each reading.

        Raises:
            ConfigError: There are too few tasks.
        """
        parts = split(bench.dataset, file.search.held_out, file.search.seed)
        order = blocks(parts.development.tasks, file.search.first_block, file.search.seed)
        cells = Cells(file, bench)
        raced, final = (
            Readings(cells.of(part), cells.at_once, on_change) for part in (parts.development, parts.held_out)
        )
        return cls(file, bench, parts, Race(order, raced, file.search.rule), final, cells)

    async def run(self) -> None:
        """Search, then score what was found on the tasks held out.

        A race that the money cap ends is taken as it stands, and its frontier is scored from the reserve.
        """
        try:
            await self._race()
            if self.found and (not self.why_stopped or self.why_stopped.startswith(CAPPED)):
                await self.final.take(self.found, [task.id for task in self.split.held_out.tasks])
        except asyncio.CancelledError:
            await self.bench.workshop.break_off()
            raise
        finally:
            await self.bench.workshop.settle()

    @property
    def plans(self) -> list[Plan]:
        """The configurations found, cheapest first."""
        return [self.cells.plan(name) for name in self.found]

    @property
    def complete(self) -> bool:
        """Whether race and final scores are all there."""
        return self.race.over and not self.why_stopped and not self.final.stopped

    def held_out_bench(self) -> Bench:
        """Return a bench of what was found, on the tasks held out."""
        return replace(self.bench, file=replace(self.bench.file, plans=tuple(self.plans)), dataset=self.split.held_out)

    async def _race(self) -> None:
        pace, cap = self.bench.pace, self.bench.pace.purse.cap
        if cap is not None:
            pace.purse.cap = cap * (1 - self.file.search.reserve)
        await search(self.file.space, self.file.search.extent, self.race, self.cells.enter)
        await self.bench.workshop.settle()
        self.found, self.why_stopped, pace.purse.cap = frontier(self.race), pace.why_stopped, cap
        if cap is not None and self.why_stopped.startswith(CAPPED):
            self.why_stopped += f"; the rest of ${cap:g} is for the tasks held out"
            pace.why_stopped = ""


def reading_of(rows: Sequence[Row], unit: CostUnit) -> Reading:
    """Make a reading of one configuration's answers to one task.

    Args:
        rows: One per generation.
        unit: What counts as cost.

    Returns:
        Mean score and mean cost. A refused or failed answer scores 0; one that is contaminated, or whose grading is not
        complete, is unknown and left out. A cost that is known of some generations only is a lower bound.
    """
    scores = [score for score in map(_score, rows) if score is not None]
    costs = [_cost(row, unit) for row in rows]
    known = [cost for cost in costs if cost is not None and math.isfinite(cost)]
    partly = len(known) < len(costs) or (unit == "usd" and any(row.cost_at_least for row in rows))
    return Reading(fmean(scores) if scores else None, sum(known) / len(costs) if known else None, partly)


def _score(row: Row) -> float | None:
    if row.contaminated:
        return None
    return 0.0 if row.outcome in ("refused", "failed") else row.score


def _cost(row: Row, unit: CostUnit) -> float | None:
    if unit == "calls":
        return float(row.calls) or None
    return row.cost_usd if unit == "usd" else row.seconds

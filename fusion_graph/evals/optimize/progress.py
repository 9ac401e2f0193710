"""How far a search is, while it works: a line that is redrawn on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fusion_graph.evals.optimize.hunt import Hunt
from fusion_graph.evals.optimize.readings import Readings
from fusion_graph.evals.progress import EVERY_SECONDS, REFRESH_PER_SECOND
from fusion_graph.terminal.amounts import dollars


class SearchProgress:
    """Shows how far a search is.

    Args:
        console: Where to.
        animated: Whether the line can be redrawn.
        clock: Seconds from any beginning.
    """

    def __init__(self, console: Console, *, animated: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.hunt: Hunt | None = None
        self._console, self._clock = console, clock
        self._began = self._said = self._since = clock()
        self._batch: tuple[int, int, int] | None = None
        self._taken = 0
        self._live = (
            Live(console=console, get_renderable=self._picture, refresh_per_second=REFRESH_PER_SECOND)
            if animated
            else None
        )

    def __enter__(self) -> Self:
        self._began = self._said = self._since = self._clock()
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show the last state."""
        if self._live:
            self._live.stop()
        else:
            self._line()

    def changed(self) -> None:
        """Look again; called after each reading and each stage."""
        self._mark()
        if self._live is None and self._clock() - self._said >= EVERY_SECONDS:
            self._line()

    def words(self) -> str:
        """Say how far it is: which block, answers, candidates left, rate, cost so far, time left in the block."""
        if self.hunt is None:
            return ""
        race, purse = self.hunt.race, self.hunt.bench.pace.purse
        readings = self._now(self.hunt)
        if readings is self.hunt.final:
            where, left = "held out", f"{len(self.hunt.found)} on the frontier"
        else:
            tasks = len(race.tasks(race.block))
            where = f"block {race.block + 1} of {len(race.blocks)}, {tasks} tasks"
            left = f"{len(race.standing):,} of {race.entered:,} configurations left"
        cost = f"{'at least ' if purse.at_least and purse.spent else ''}{dollars(purse.spent)} so far"
        return f"{where}: {readings.taken:,} of {readings.wanted:,} answers, {left}, {cost}{self._left(readings)}"

    def _now(self, hunt: Hunt) -> Readings:
        return hunt.final if hunt.final.wanted else hunt.race.readings

    def _mark(self) -> None:
        """Note when the batch under way began."""
        if self.hunt is None:
            return
        readings = self._now(self.hunt)
        batch = (self.hunt.race.block, readings.wanted, id(readings))
        if batch != self._batch:
            self._batch, self._since, self._taken = batch, self._clock(), readings.taken

    def _left(self, readings: Readings) -> str:
        """Say how long the batch under way may take, from its own rate."""
        done = readings.taken - self._taken
        if done <= 0 or readings.taken >= readings.wanted:
            return ""
        seconds = (self._clock() - self._since) / done * (readings.wanted - readings.taken)
        return f", {seconds:.0f} s left of it" if seconds < 90 else f", {seconds / 60:.0f} min left of it"

    def _line(self) -> None:
        self._said = self._clock()
        self._console.print(Text(f"{self._said - self._began:7.1f}s  {self.words()}"), soft_wrap=True)

    def _picture(self) -> Table:
        row = Table.grid(padding=(0, 1))
        readings = self._now(self.hunt) if self.hunt else None
        done, total = (readings.taken, max(readings.wanted, 1)) if readings else (0, 1)
        row.add_row(ProgressBar(total=total, completed=min(done, total), width=24), Text(self.words()))
        return row

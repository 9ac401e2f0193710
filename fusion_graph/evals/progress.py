"""How far an evaluation is, while it works: redrawn on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fusion_graph.evals.bench import Bench
from fusion_graph.evals.estimate import Outlook
from fusion_graph.evals.runner import Tally

EVERY_SECONDS = 15.0
"""Between two lines where there is no terminal."""
REFRESH_PER_SECOND = 4


class Progress:
    """Shows how far a run is.

    Args:
        console: Where to.
        bench: The evaluation.
        outlook: What was missing as it began.
        tally: How many rows are done.
        animated: Whether the line can be redrawn.
        clock: Seconds from any beginning.
    """

    def __init__(
        self,
        console: Console,
        bench: Bench,
        outlook: Outlook,
        tally: Tally,
        *,
        animated: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._bench, self._outlook, self._tally = console, bench, outlook, tally
        self._clock, self._began = clock, clock()
        self._said = self._began
        self._live = (
            Live(console=console, get_renderable=self._picture, refresh_per_second=REFRESH_PER_SECOND)
            if animated
            else None
        )

    def __enter__(self) -> Self:
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
        """Look again; called after each stage."""
        if self._live is None and self._clock() - self._said >= EVERY_SECONDS:
            self._line()

    def words(self) -> str:
        """Say how far it is: rows, stages, rate, cost so far."""
        done, total = self._bench.workshop.done_here, self._outlook.stages
        elapsed = max(self._clock() - self._began, 1e-9)
        rate = done / elapsed
        cost = f"{self._bench.pace.purse.said} so far"
        stages = f"{done:,} of {max(total, done):,} stages"
        return f"{self._tally.rows:,} of {self._outlook.cells:,} rows, {stages}, {rate * 60:,.0f} a minute, {cost}"

    def left(self) -> str:
        """Say how long the rest takes at the rate so far; empty where nothing is left, or no rate is known."""
        done, total = self._bench.workshop.done_here, self._outlook.stages
        if not done or done >= total:
            return ""
        return f"{_duration((total - done) * (self._clock() - self._began) / done)} left"

    def _line(self) -> None:
        self._said = self._clock()
        said = ", ".join(filter(None, (self.words(), self.left())))
        self._console.print(Text(f"{self._said - self._began:7.1f}s  {said}"), soft_wrap=True)

    def _picture(self) -> Group:
        row = Table.grid(padding=(0, 1))
        done, total = self._bench.workshop.done_here, max(self._outlook.stages, 1)
        share = Text(f"{100 * min(done, total) // total} %")
        row.add_row(ProgressBar(total=total, completed=min(done, total), width=40), share, Text(self.left()))
        return Group(row, Text(self.words(), no_wrap=True, overflow="ellipsis"))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

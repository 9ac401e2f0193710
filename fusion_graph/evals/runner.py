"""Fill the table: every cell once, some at a time, until all are there, the money is used up or somebody stops it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fusion_graph.evals.bench import Bench
from fusion_graph.evals.estimate import Cell, cells
from fusion_graph.evals.pacing import StoppedError
from fusion_graph.evals.stages.desk import NotStoredError

INTERRUPTED = "interrupted"


@dataclass(slots=True)
class Tally:
    """How far a run has come.

    Attributes:
        rows: Rows that are complete or ended without an answer.
        failed: Those that ended without an answer, refusals apart.
    """

    rows: int = 0
    failed: int = 0


async def fill(bench: Bench, tally: Tally) -> None:
    """Fill the table; rows stay in the store, none in memory.

    Args:
        bench: The evaluation.
        tally: Told how far it has come.

    Raises:
        ConfigError: A file of a task cannot be read.
    """
    waiting = cells(bench)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(bench.file.limits.rows):
                group.create_task(_work(bench, waiting, tally))
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    except asyncio.CancelledError:
        await bench.workshop.break_off()
        raise
    finally:
        await bench.workshop.settle()


async def _work(bench: Bench, waiting: Iterator[Cell], tally: Tally) -> None:
    for plan, task, generation in waiting:
        if bench.pace.why_stopped:
            return
        try:
            row = await bench.live.row(plan, task, generation)
        except (StoppedError, NotStoredError):
            continue
        tally.rows += row.outcome != "incomplete"
        tally.failed += row.outcome == "failed"
        bench.pace.on_change()


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


@contextmanager
def interruptible(bench: Bench, say: Callable[[str], None]) -> Iterator[None]:
    """Let the first Ctrl-C finish what is under way, and the second one break it off.

    Args:
        bench: The evaluation.
        say: Tells people.
    """
    loop, running = asyncio.get_running_loop(), asyncio.current_task()

    def interrupt() -> None:
        if bench.pace.why_stopped == INTERRUPTED and running is not None:
            running.cancel()
            return
        bench.pace.why_stopped = INTERRUPTED
        under_way = bench.pace.under_way
        say(f"Stopping: {under_way} stages under way are finished and kept; Ctrl-C again breaks them off.")

    try:
        loop.add_signal_handler(signal.SIGINT, interrupt)
    except (NotImplementedError, RuntimeError):  # not on this platform, or not in the main thread
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)

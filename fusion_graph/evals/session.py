"""What the subcommands of `fusion eval` do once their options are read."""

from __future__ import annotations

import asyncio
import math
import shlex
import signal
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from rich.text import Text

from fusion_graph.errors import ConfigError
from fusion_graph.evals.bench import Bench, check_local, opened
from fusion_graph.evals.estimate import Outlook, look_out
from fusion_graph.evals.eval_file import EvalFile, GradingChoice, LimitsChoice, read_eval_file
from fusion_graph.evals.evaluator import Evaluator
from fusion_graph.evals.experiment_file import EXPERIMENT_FILE, stored_rows, write_experiment
from fusion_graph.evals.pacing import CAPPED
from fusion_graph.evals.progress import Progress
from fusion_graph.evals.results import Grading
from fusion_graph.evals.runner import INTERRUPTED, Tally, fill, interruptible
from fusion_graph.evals.summary import Summary
from fusion_graph.evals.views import show_outlook, show_spent, show_status, show_summary
from fusion_graph.resources import Resources
from fusion_graph.terminal.consoles import Screen, say
from fusion_graph.terminal.exits import BAD_INPUT, FAILED, OK
from fusion_graph.terminal.exits import INTERRUPTED as INTERRUPTED_EXIT

Action = Literal["run", "estimate", "status", "regrade"]
RESULTS = Path("results")
"""Where results go unless the user says otherwise."""
REGRADING = "regrading"
"""Under which name the store keeps how answers are graded a second time."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was given on the command line.

    Attributes:
        file: The eval file.
        out: Folder for results; each experiment has one of its name in it.
        remote: Address of a LangGraph Server.
        yes: Whether nobody is asked before money is spent.
        max_cost: In place of the file's cap.
        judge: With `regrade`, the second judge.
        resources: The operator's side.
    """

    file: Path
    out: Path = RESULTS
    remote: str | None = None
    yes: bool = False
    max_cost: float | None = None
    judge: str | None = None
    resources: Resources = field(default_factory=Resources.from_env)

    @property
    def command(self) -> str:
        """What is typed to go on, but for options about models and money."""
        subcommand = "regrade" if self.judge else "run"
        return command_line("eval", subcommand, self.file, judge=self.judge, out=self.out, remote=self.remote)


def command_line(
    command: str, subcommand: str, file: Path, *, out: Path, remote: str | None, judge: str | None = None
) -> str:
    """Return what is typed to do something once more, quoted for a shell, but for options about models and money.

    Args:
        command: `eval` or `optimize`.
        subcommand: What of it.
        file: The file it is given.
        out: Folder for results.
        remote: Address of a LangGraph Server.
        judge: A second judge.
    """
    given = {"--judge": judge, "--out": out if out != RESULTS else None, "--remote": remote}
    words = ["fusion", command, subcommand, file]
    words += [word for name, value in given.items() if value is not None for word in (name, value)]
    return shlex.join(map(str, words))


def capped(limits: LimitsChoice, max_cost: float | None) -> LimitsChoice:
    """Put the cap of the command line in place of the file's.

    Args:
        limits: Those of the file.
        max_cost: US dollars; the file's cap stays when unset.

    Returns:
        The limits.

    Raises:
        ConfigError: It is no sum of money above 0.
    """
    if max_cost is None:
        return limits
    if not (math.isfinite(max_cost) and max_cost > 0):
        raise ConfigError(f"--max-cost: {max_cost:g} is no cap; give US dollars above 0, or leave it out for none")
    return limits.model_copy(update={"max_cost_usd": max_cost})


def agreed(bench: Bench, stages: int, screen: Screen, *, yes: bool) -> bool:
    """Ask before money is spent; where nobody can be asked, only --yes or a cap is consent.

    Args:
        bench: What is spent, and the cap.
        stages: Stages that are missing.
        yes: Whether nobody is to be asked.
        screen: Where to ask.

    Returns:
        Whether to go on.
    """
    if yes or not stages:
        return True
    if not (sys.stdin.isatty() and screen.err.is_terminal):
        if bench.pace.purse.cap is not None:
            return True
        screen.error("nobody can be asked here: give --yes, or a limit by --max-cost or limits.max_cost_usd")
        return False
    asyncios = signal.signal(signal.SIGINT, signal.default_int_handler)  # asyncio's own would wait for the answer
    try:
        return screen.err.input(Text("Go on? [y/N] ")).strip().lower() in ("y", "yes")
    except EOFError:
        return False
    finally:
        signal.signal(signal.SIGINT, asyncios)


async def work(action: Action, options: Options, screen: Screen) -> int:
    """Do what a subcommand is for.

    Args:
        action: Which one.
        options: What was given.
        screen: Where to show it.

    Returns:
        The exit code.

    Raises:
        ConfigError: The file, the dataset, a key or a package is at fault.
    """
    file = await asyncio.to_thread(read_eval_file, options.file, options.resources.presets)
    file = replace(file, limits=capped(file.limits, options.max_cost))
    folder = options.out / file.name
    second = _second(file, options) if action == "regrade" else None
    if action == "run" and options.remote is None:
        await check_local(file, options.resources)
    make = action in ("run", "estimate")
    opening = opened(file, folder, resources=options.resources, remote=options.remote, make=make)
    async with opening as bench:
        if action == "status":
            return await _status(bench, screen)
        if second is not None:
            return await _regrade(bench, second, folder, options, screen)
        outlook = await look_out(bench)
        if action == "estimate":
            show_outlook(screen.out, outlook, bench)
            return OK
        show_outlook(screen.err, outlook, bench)
        if not agreed(bench, outlook.stages, screen, yes=options.yes):
            return BAD_INPUT
        return await _run(bench, bench, outlook, folder, options, screen)


async def _status(bench: Bench, screen: Screen) -> int:
    outlook = await look_out(bench)
    await _show_stored(bench, bench.stored, screen)
    if second := await _remembered(bench):
        await _show_stored(bench, second[0], screen, second[1].judge)
    show_status(screen.out, outlook, bench)
    return OK


async def _show_stored(bench: Bench, evaluator: Evaluator, screen: Screen, judge: str | None = None) -> None:
    summary = Summary([plan.described for plan in bench.file.plans])
    async for row in stored_rows(bench, evaluator):
        summary.add(row)
    show_summary(screen.out, summary, judge)


async def _run(bench: Bench, home: Bench, outlook: Outlook, folder: Path, options: Options, screen: Screen) -> int:
    """Fill the table of one bench, and write down what the experiment's own one has, with any second judge's rows."""
    tally = Tally()
    progress = Progress(screen.err, bench, outlook, tally, animated=screen.animated)
    bench.pace.on_change = progress.changed
    with progress, interruptible(bench, lambda words: say(screen.err, Text(words, style="yellow"))):
        await fill(bench, tally)
    first, again = await write_experiment(home, folder, await _remembered(home))
    show_summary(screen.out, first, None if bench is home else home.judge)
    if bench is not home:
        show_summary(screen.out, again, bench.judge)
    show_spent(screen.out, bench)
    return _ended(bench, outlook, tally, folder, options, screen)


def _ended(bench: Bench, outlook: Outlook, tally: Tally, folder: Path, options: Options, screen: Screen) -> int:
    missing = max(0, outlook.cells - tally.rows)
    say(screen.out, Text(f"Written: {folder / EXPERIMENT_FILE}"))
    again = f"`{options.command}`"
    if tally.failed:
        rows = "1 row failed and counts" if tally.failed == 1 else f"{tally.failed:,} rows failed and count"
        say(screen.err, Text(f"{rows} 0 until {again} tries again.", style="yellow"))
    if not missing:
        say(screen.out, Text(f"Next: {shlex.join(('fusion', 'report', str(folder)))}"))
        return OK
    why = f"Stopped: {bench.pace.why_stopped}." if bench.pace.why_stopped else "Some verdicts are missing."
    say(screen.err, Text(f"{why} {missing:,} of {outlook.cells:,} rows are not complete.", style="yellow"))
    higher = " with a higher --max-cost" if bench.pace.why_stopped.startswith(CAPPED) else ""
    say(screen.err, Text(f"Nothing that is done is lost or done again: {again}{higher} goes on."))
    return INTERRUPTED_EXIT if bench.pace.why_stopped == INTERRUPTED else FAILED


def _second(file: EvalFile, options: Options) -> GradingChoice:
    if not options.judge:
        raise ConfigError("--judge: name the second judge model")
    if options.judge == file.grading.judge:
        raise ConfigError(f"--judge: {options.judge!r} graded already; name another model")
    return file.grading.model_copy(update={"judge": options.judge})


async def _regrade(bench: Bench, second: GradingChoice, folder: Path, options: Options, screen: Screen) -> int:
    if bench.dataset.scorer.kind != "rubric":
        raise ConfigError(f"the scorer {bench.dataset.scorer.kind!r} has no judge: there is nothing to grade again")
    again = bench.graded_by(second)
    outlook = await look_out(again, only_judging=True)
    show_outlook(screen.err, outlook, again)
    if not agreed(again, outlook.stages, screen, yes=options.yes):
        return BAD_INPUT
    await bench.store.remember(REGRADING, second.model_dump(mode="json"))
    return await _run(again, bench, outlook, folder, options, screen)


async def _remembered(bench: Bench) -> tuple[Evaluator, Grading] | None:
    """Return what a second judge's rows are put together by, if there was one."""
    held = await bench.store.recall(REGRADING)
    if held is None:
        return None
    second = bench.graded_by(GradingChoice.model_validate(held))
    return second.stored, second.grading

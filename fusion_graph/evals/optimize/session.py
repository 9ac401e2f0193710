"""What the subcommands of `fusion optimize` do once their options are read."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from rich.text import Text

from fusion_graph.evals.bench import check_local, opened
from fusion_graph.evals.optimize.hunt import Hunt
from fusion_graph.evals.optimize.outlook import prospect
from fusion_graph.evals.optimize.preset_file import toml_writer
from fusion_graph.evals.optimize.progress import SearchProgress
from fusion_graph.evals.optimize.proposals import Proposer
from fusion_graph.evals.optimize.race import NO_COST
from fusion_graph.evals.optimize.search_file import SearchFile, read_search_file
from fusion_graph.evals.optimize.standings import Found, summed_up
from fusion_graph.evals.optimize.views import show_found, show_prospect
from fusion_graph.evals.optimize.writing import PRESETS_FILE, REPORT_MARKDOWN, write_found
from fusion_graph.evals.pacing import CAPPED
from fusion_graph.evals.runner import INTERRUPTED, interruptible
from fusion_graph.evals.session import RESULTS, agreed, capped, command_line
from fusion_graph.resources import Resources
from fusion_graph.terminal.consoles import Screen, say
from fusion_graph.terminal.exits import BAD_INPUT, FAILED, OK
from fusion_graph.terminal.exits import INTERRUPTED as INTERRUPTED_EXIT

Action = Literal["run", "estimate"]


@dataclass(frozen=True, slots=True)
class Options:
    """What was given on the command line.

    Attributes:
        file: The search file.
        out: Folder for results; each search has one of its name in it.
        remote: Address of a LangGraph Server.
        yes: Whether nobody is asked before money is spent.
        max_cost: In place of the file's cap, in US dollars.
        resources: The operator's side.
    """

    file: Path
    out: Path = RESULTS
    remote: str | None = None
    yes: bool = False
    max_cost: float | None = None
    resources: Resources = field(default_factory=Resources.from_env)


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
    file = await asyncio.to_thread(read_search_file, options.file, options.resources.presets)
    file = replace(file, shared=replace(file.shared, limits=capped(file.shared.limits, options.max_cost)))
    if action == "run":
        check_packages(file)
        if options.remote is None:
            await check_local(file.shared, options.resources)
    folder = options.out / file.shared.name
    async with opened(file.shared, folder, resources=options.resources, remote=options.remote) as bench:
        progress = SearchProgress(screen.err, animated=screen.animated)
        hunt = progress.hunt = Hunt.of(file, bench, progress.changed)
        ahead = await prospect(hunt)
        show_prospect(screen.out if action == "estimate" else screen.err, hunt, ahead)
        if action == "estimate":
            return OK
        if not agreed(bench, ahead.whole.stages, screen, yes=options.yes):
            return BAD_INPUT
        bench.pace.on_change = progress.changed
        with progress, interruptible(bench, lambda words: say(screen.err, Text(words, style="yellow"))):
            await hunt.run()
        return await _ended(hunt, folder, options, screen)


def check_packages(file: SearchFile) -> None:
    """Make sure that the packages a search needs at its middle and its end are there, before money is spent.

    Raises:
        MissingPackageError: One is not installed.
    """
    toml_writer()
    if not file.search.extent.covers(file.space):
        Proposer(file.space, file.search.seed)


async def _ended(hunt: Hunt, folder: Path, options: Options, screen: Screen) -> int:
    found = summed_up(hunt)
    if found.standings:
        show_found(screen.out, found)
        await write_found(hunt, found, folder)
        say(screen.out, Text(f"Written: {folder / PRESETS_FILE}, {folder / REPORT_MARKDOWN}"))
        best = found.standings[-1].preset
        ask = shlex.join(("fusion", "ask", "--presets-file", str(folder / PRESETS_FILE), "--preset", best))
        say(screen.out, Text(f"Next: {ask} ..."))
    elif _unpriced(found):
        screen.error(_none_known(hunt))
        return FAILED
    if hunt.cells.failed:
        again = f"{hunt.cells.failed:,} answers failed and count 0; the next run tries them once more."
        say(screen.err, Text(again, style="yellow"))
    if found.complete:
        return OK
    why = f"Stopped: {found.why_stopped}." if found.why_stopped else "Not all answers are there."
    say(screen.err, Text(f"{why} The search is not complete.", style="yellow"))
    again = command_line("optimize", "run", options.file, out=options.out, remote=options.remote)
    higher = " with a higher --max-cost" if found.why_stopped.startswith(CAPPED) else ""
    say(screen.err, Text(f"Nothing is lost or done again: `{again}`{higher} goes on."))
    return INTERRUPTED_EXIT if found.why_stopped == INTERRUPTED else FAILED


def _unpriced(found: Found) -> bool:
    return bool(found.dropped) and not found.standing and all(one.why == NO_COST for one in found.dropped)


def _none_known(hunt: Hunt) -> str:
    if hunt.cells.failed == hunt.race.readings.count * hunt.file.shared.generations:
        return f"every answer failed; the last one said: {hunt.cells.failure}"
    return (
        "no cost of any configuration is known, so there is no frontier: give prices (a presets file's [prices]), "
        "or weigh by search.cost: seconds or calls; answers are kept"
    )

"""What `fusion eval` prints: what it would take, what there is, what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fusion_graph.estimate import ASSUMED, Dollars
from fusion_graph.evals.bench import Bench
from fusion_graph.evals.estimate import Outlook, Part
from fusion_graph.evals.summary import Line, Summary
from fusion_graph.terminal.amounts import dollars
from fusion_graph.terminal.clean import one_line
from fusion_graph.terminal.consoles import say

UNKNOWN = "unknown"
_WHAT = {"seat": "panel answers", "analysis": "analyses", "final": "final answers", "verdict": "verdicts"}


def show_outlook(console: Console, outlook: Outlook, bench: Bench) -> None:
    """Print what an evaluation may still take.

    Args:
        console: Where to.
        outlook: The estimate.
        bench: The evaluation.
    """
    tasks, plans = len(bench.dataset.tasks), len(bench.file.plans)
    name = f"{bench.dataset.name}: {tasks:,} tasks, {plans} configurations"
    say(console, Text(f"{name}; {outlook.answered:,} of {outlook.cells:,} answers are there."))
    if not outlook.stages:
        say(console, Text("Nothing is missing."))
        return
    table = _table("stage", "model", right=("missing", "cost"))
    for part in outlook.parts:
        table.add_row(_WHAT[part.kind], one_line(part.model, 80), f"{part.stages:,}", _cost_of(part))
    console.print(table)
    making, judging = (_sum(outlook.of(judging=one)) for one in (False, True))
    say(console, Text(f"Generation: {making}. Judging: {judging}. {_capped(bench)}"))
    if outlook.unpriced:
        names = ", ".join(outlook.unpriced)
        say(console, Text(f"No price is known for {names}: a cap cannot hold their stages back.", style="yellow"))
    if any(part.cost_usd is not None and part.billed and not part.measured for part in outlook.parts):
        say(console, Text(ASSUMED, style="dim"))


def show_status(console: Console, outlook: Outlook, bench: Bench) -> None:
    """Print what is missing.

    Args:
        console: Where to.
        outlook: The estimate.
        bench: The evaluation.
    """
    missing = ", ".join(f"{part.stages:,} {_WHAT[part.kind]} of {part.model}" for part in outlook.parts)
    show_spent(console, bench)
    say(console, Text(f"Missing: {missing}." if missing else "Nothing is missing."))


def show_spent(console: Console, bench: Bench) -> None:
    """Print what the experiment has cost in all.

    Args:
        console: Where to.
        bench: The evaluation.
    """
    say(console, Text(f"Spent: {bench.pace.purse.said}, grading and earlier runs included."))


def show_summary(console: Console, summary: Summary, judge: str | None = None) -> None:
    """Print one line for each configuration.

    Args:
        console: Where to.
        summary: The sums.
        judge: Whose grades they are, where that has to be said.
    """
    if judge:
        say(console, Text(f"Graded by {one_line(judge, 80)}:"))
    table = _table("configuration", right=("rows", "not ok", "score of graded", "$ each", "seconds each"))
    for name, line in summary.lines.items():
        table.add_row(one_line(name, 60), *_cells(line))
    console.print(table)


def _cells(line: Line) -> list[str]:
    rows = sum(line.outcomes.values())
    others = [f"{count} {outcome}" for outcome, count in line.outcomes.items() if outcome != "ok"]
    others += [f"{line.contaminated} contaminated"] if line.contaminated else []
    cost = line.cost_per_row
    least = ">= " if line.cost_at_least else ""
    return [
        f"{rows:,}",
        ", ".join(others) or "-",
        UNKNOWN if line.score is None else f"{line.score:.1f}",
        UNKNOWN if cost is None else f"{least}{dollars(cost)}",
        UNKNOWN if line.seconds_per_row is None else f"{line.seconds_per_row:.1f}",
    ]


def _table(*left: str, right: tuple[str, ...]) -> Table:
    table = Table(box=SIMPLE_HEAD, border_style="dim", header_style="bold", show_edge=False, pad_edge=False)
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right")
    return table


def _cost_of(part: Part) -> str:
    if not part.billed:
        searches = part.cost_usd if part.cost_usd is not None and part.cost_usd.high else None
        return f"no bill, but searches: {_spread(searches)}" if searches else "no bill"
    if part.cost_usd is None:
        return UNKNOWN
    return f"about {_spread(part.cost_usd)}, as so far" if part.measured else _spread(part.cost_usd)


def _sum(parts: Sequence[Part]) -> str:
    """Say what parts cost together; what is unknown or not billed is said, and never shown as an amount."""
    if not parts:
        return "nothing to do"
    cost = Outlook.cost(parts)
    unknown = any(part.billed and part.cost_usd is None for part in parts)
    if cost is None:
        return UNKNOWN if unknown else "no bill"
    return _spread(cost) + (", and what has no known price" if unknown else "")


def _spread(cost: Dollars) -> str:
    return dollars(cost.low) if cost.low == cost.high else f"{dollars(cost.low)} to {dollars(cost.high)}"


def _capped(bench: Bench) -> str:
    cap = bench.pace.purse.cap
    spent = f"{bench.pace.purse.said} spent so far"
    return f"Cap: {dollars(cap)}, {spent}." if cap is not None else f"No cap; {spent}."

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
    say(console, Text(f"Generation: {making}. Judging: {judging}. {_capped(outlook, bench)}"))
    if outlook.unpriced:
        names = ", ".join(outlook.unpriced)
        say(console, Text(f"No price is known for {names}: a cap cannot hold their stages back.", style="yellow"))
    say(console, Text(ASSUMED, style="dim"))


def show_status(console: Console, outlook: Outlook, bench: Bench) -> None:
    """Print what is missing.

    Args:
        console: Where to.
        outlook: The estimate.
        bench: The evaluation.
    """
    missing = ", ".join(f"{part.stages:,} {_WHAT[part.kind]} of {part.model}" for part in outlook.parts)
    spent = bench.pace.purse
    say(console, Text(f"Spent: {'at least ' if spent.at_least and spent.spent else ''}{dollars(spent.spent)}."))
    say(console, Text(f"Missing: {missing}." if missing else "Nothing is missing."))


def show_summary(console: Console, summary: Summary) -> None:
    """Print one line for each configuration.

    Args:
        console: Where to.
        summary: The sums.
    """
    table = _table("configuration", right=("rows", "not ok", "score", "cost each", "seconds"))
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
    return _spread(part.cost_usd) if part.billed else "no bill"


def _sum(parts: Sequence[Part]) -> str:
    return _spread(Outlook.cost(parts)) if parts else "nothing"


def _spread(cost: Dollars | None) -> str:
    if cost is None:
        return UNKNOWN
    return dollars(cost.low) if cost.low == cost.high else f"{dollars(cost.low)} to {dollars(cost.high)}"


def _capped(outlook: Outlook, bench: Bench) -> str:
    cap = bench.pace.purse.cap
    spent = f"{dollars(outlook.spent_usd)} spent so far"
    return f"Cap: {dollars(cap)}, {spent}." if cap is not None else f"No cap; {spent}."

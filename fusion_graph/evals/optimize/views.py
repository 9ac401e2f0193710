"""What `fusion optimize` prints: what a search may take, and what it found."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fusion_graph.evals.estimate import Outlook
from fusion_graph.evals.optimize.hunt import Hunt
from fusion_graph.evals.optimize.outlook import Prospect
from fusion_graph.evals.optimize.standings import Found
from fusion_graph.evals.optimize.words import COLUMNS, alone, cells, effort, spent
from fusion_graph.evals.views import show_outlook
from fusion_graph.terminal.amounts import dollars
from fusion_graph.terminal.clean import one_line
from fusion_graph.terminal.consoles import say


def show_prospect(console: Console, hunt: Hunt, ahead: Prospect) -> None:
    """Print what a search may take.

    Args:
        console: Where to.
        hunt: The search, not begun.
        ahead: The estimate.
    """
    proposed = "" if ahead.candidates == ahead.space else f" {ahead.candidates:,} of them are tried."
    raced, kept = len(hunt.split.development.tasks), len(hunt.split.held_out.tasks)
    say(console, Text(f"{ahead.space:,} configurations; {raced} tasks to race on, {kept} held out.{proposed}"))
    first = f"The first block, {len(hunt.race.blocks[0])} tasks, is sure to be asked: {_words(ahead.first)}."
    say(console, Text(first))
    say(console, Text("If no configuration were ever dropped, the whole search would take:"))
    show_outlook(console, ahead.whole, ahead.bench)


def show_found(console: Console, found: Found) -> None:
    """Print what a search found.

    Args:
        console: Where to.
        found: What it found.
    """
    table = Table(box=SIMPLE_HEAD, border_style="dim", header_style="bold", show_edge=False, pad_edge=False)
    for at, column in enumerate(COLUMNS):
        table.add_column(column, overflow="fold", justify="left" if at < 2 else "right")
    for row in cells(found, full=False):
        table.add_row(*(one_line(cell, 80) for cell in row))
    console.print(table)
    say(console, Text(f"{effort(found)} {spent(found)}"))
    if said := alone(found):
        say(console, Text(said))


def _words(outlook: Outlook) -> str:
    cost = outlook.cost(outlook.parts)
    stages = f"{outlook.stages:,} stages are missing"
    return stages if cost is None else f"{stages}, {dollars(cost.low)} to {dollars(cost.high)}"

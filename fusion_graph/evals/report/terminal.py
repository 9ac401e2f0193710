"""The report in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from fusion_graph.evals.report.summary import summary
from fusion_graph.evals.report.table import Table
from fusion_graph.evals.report.tables import tables
from fusion_graph.evals.statistics.findings import Findings

_WORDS = 14
"""Columns that names get at least; numbers are never broken where there is room for that."""

_EDGES = 2
"""Columns that a table's own edges take."""


def show(console: Console, findings: Findings) -> None:
    """Print the report.

    Args:
        console: Where; it interprets no markup.
        findings: What was found.
    """
    for word, text in summary(findings):
        console.print(Text.assemble((f"{word:<11}", "bold"), text), soft_wrap=True)
    for table in tables(findings):
        console.print()
        for part in _parts(table, console.width):
            console.print(_rich(part))
        for note in table.notes:
            console.print(Text(note, style="dim"))


def _parts(table: Table, width: int) -> Iterator[Table]:
    """Split a table that is too wide between its columns; each part begins with the first column."""
    taken = _least(table, 0) + _EDGES
    columns = [0]
    for i in range(1, len(table.head)):
        if len(columns) > 1 and taken + _least(table, i) > width:
            yield _only(table, columns)
            columns, taken = [0], _least(table, 0) + _EDGES
        columns.append(i)
        taken += _least(table, i)
    yield _only(table, columns)


def _least(table: Table, i: int) -> int:
    """Give the width that a column needs, with the space beside it."""
    widest = max((cell_len(row[i]) for row in table.rows), default=0)
    wanted = min(widest, _WORDS) if i in table.words else widest
    return max(wanted, *(cell_len(word) for word in table.head[i].split())) + 2


def _only(table: Table, columns: list[int]) -> Table:
    return Table(
        table.title if 1 in columns else f"{table.title}, continued",
        [table.head[i] for i in columns],
        [[row[i] for i in columns] for row in table.rows],
        words=frozenset(k for k, i in enumerate(columns) if i in table.words),
    )


def _rich(table: Table) -> RichTable:
    shown = RichTable(
        padding=(0, 1, 0, 0),
        title=Text(table.title, style="bold"),
        title_justify="left",
        box=SIMPLE_HEAD,
        header_style="bold",
        pad_edge=False,
    )
    for i, name in enumerate(table.head):
        word, least = i in table.words, _least(table, i) - 2
        shown.add_column(
            Text(name),
            justify="left" if word else "right",
            overflow="fold",
            width=None if word else least,
            min_width=least if word else None,
        )
    for row in table.rows:
        shown.add_row(*map(Text, row))
    return shown

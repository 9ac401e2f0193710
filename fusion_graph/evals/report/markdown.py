"""The report in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fusion_graph.evals.report.summary import summary
from fusion_graph.evals.report.table import Table
from fusion_graph.evals.report.tables import tables
from fusion_graph.evals.statistics.findings import Findings
from fusion_graph.terminal.clean import one_line

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#$&!])")


def to_markdown(findings: Findings, pictures: Sequence[tuple[str, str]] = ()) -> str:
    """Write the report in Markdown.

    Args:
        findings: What was found.
        pictures: Title and file name of the pictures that lie beside it.

    Returns:
        The text; names and texts from outside are escaped, and mark up nothing.
    """
    parts = [f"# {escaped(one_line(findings.name)) or 'Evaluation'}", ""]
    parts += [f"- **{word}**: {escaped(text)}" for word, text in summary(findings)]
    for title, file in pictures:
        parts += ["", f"![{title}]({file})"]
    for table in tables(findings):
        parts += ["", f"## {table.title}", "", *_lines(table)]
    return "\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Escape what Markdown or HTML would obey."""
    return _SPECIAL.sub(r"\\\1", text)


def _lines(table: Table) -> list[str]:
    rule = ["---" if i in table.words else "---:" for i in range(len(table.head))]
    rows = [[escaped(cell) for cell in row] for row in table.rows]
    grid = [[escaped(cell) for cell in table.head], rule, *rows]
    lines = [f"| {' | '.join(row)} |" for row in grid]
    return [*lines, "", *(f"{escaped(note)}  " for note in table.notes)]

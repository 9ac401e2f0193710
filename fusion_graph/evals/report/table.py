"""One table of a report, before anything is known of terminals, Markdown or HTML."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table of plain text.

    Attributes:
        title: What it shows.
        head: Its columns.
        rows: As many cells as columns each.
        notes: Sentences below it.
        words: Columns that hold words; all others hold numbers, and stand right.
    """

    title: str
    head: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)
    words: frozenset[int] = frozenset({0})

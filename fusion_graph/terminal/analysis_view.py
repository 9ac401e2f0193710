"""The judge's analysis for people: five sections, contradictions with their stances side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.box import ROUNDED
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fusion_graph.terminal.clean import one_line
from fusion_graph.terminal.consoles import say_heading

MIN_STANCE_WIDTH = 28
"""Columns a stance needs beside another one; narrower ones are stacked."""

_Item = Mapping[str, Any]


def show_analysis(console: Console, analysis: Mapping[str, Any] | None, labels: Mapping[str, str]) -> None:
    """Print an analysis.

    Args:
        console: Where to.
        analysis: An `Analysis` as plain data, or `None` where the judge failed.
        labels: What people call each seat, by seat id.
    """
    if analysis is None:
        say_heading(console, "Analysis")
        console.print(Text("  none: the judge did not compare the drafts", style="yellow"))
        return
    for title, items in _sections(analysis, labels, console.width):
        say_heading(console, f"{title} ({len(items)})" if items else title)
        for item in items or [Text("none", style="dim")]:
            console.print(Padding(item, (0, 0, 0, 2)))


def _sections(
    analysis: Mapping[str, Any], labels: Mapping[str, str], width: int
) -> Iterator[tuple[str, Sequence[RenderableType]]]:
    supports = analysis.get("consensus_support") or []
    agreed = [
        _point(text, supports[at] if at < len(supports) else {}, labels)
        for at, text in enumerate(analysis["consensus"])
    ]
    yield "Consensus", agreed
    yield "Contradictions", [_dispute(item, labels, width) for item in analysis["contradictions"]]
    yield "Partial coverage", [_point(item["point"], item, labels) for item in analysis["partial_coverage"]]
    yield (
        "Unique insights",
        [
            _point(item["insight"], {**item, "seat_ids": [item["seat_id"]]}, labels)
            for item in analysis["unique_insights"]
        ],
    )
    yield "Blind spots", [_point(text, {}, labels) for text in analysis["blind_spots"]]


def _point(text: str, item: _Item, labels: Mapping[str, str]) -> RenderableType:
    row = Table.grid(padding=(0, 1))
    row.add_column(width=1)
    row.add_column()
    seats = ", ".join(label_of(seat, labels) for seat in item.get("seat_ids") or [])
    row.add_row("•", _with_sources(text, item, f"  {seats}" if seats else ""))
    return row


def _with_sources(text: str, item: _Item, after: str = "") -> Text:
    ids = " ".join(f"[{one_line(one, 20)}]" for one in item.get("source_ids") or [])
    shown = Text(one_line(text, 2_000))
    if ids:
        shown.append(f" {ids}", style="cyan")
    if after:
        shown.append(after, style="dim")
    return shown


def _dispute(item: _Item, labels: Mapping[str, str], width: int) -> RenderableType:
    stances = item["stances"]
    topic = Text(one_line(item["topic"], 2_000), style="bold yellow")
    beside = len(stances) > 1 and (width - 4) // len(stances) >= MIN_STANCE_WIDTH
    table = Table(
        title=topic, title_justify="left", box=ROUNDED, expand=True, show_lines=not beside, border_style="dim"
    )
    if beside:
        for stance in stances:
            table.add_column(label_of(stance["seat_id"], labels), ratio=1, overflow="fold")
        table.add_row(*[_with_sources(stance["stance"], stance) for stance in stances])
        return table
    table.show_header = False
    table.add_column(ratio=1, overflow="fold", style="bold")
    table.add_column(ratio=3, overflow="fold")
    for stance in stances:
        table.add_row(label_of(stance["seat_id"], labels), _with_sources(stance["stance"], stance))
    return table


def label_of(seat_id: str, labels: Mapping[str, str]) -> str:
    """Return what people call a seat, safe to show.

    Args:
        seat_id: The seat.
        labels: Labels by seat id.

    Returns:
        The label, or the id where there is none.
    """
    return one_line(labels.get(seat_id, seat_id), 100)

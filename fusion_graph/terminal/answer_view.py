"""The answer and its sources: Markdown drawn in a terminal, Markdown as text anywhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console
from rich.markdown import Markdown
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fusion_graph.terminal.analysis_view import label_of
from fusion_graph.terminal.clean import clean, one_line
from fusion_graph.terminal.consoles import say, say_heading

UNCITED_SHOWN = 20
"""Sources listed where the answer cites none."""


class SafeMarkdown(Markdown):
    """Markdown from outside: HTML is shown as it is written, and entities cannot bring control characters back.

    Args:
        text: The Markdown.
    """

    def __init__(self, text: str) -> None:
        super().__init__(clean(text), hyperlinks=False)
        parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough").enable("table")
        self.parsed = [_cleaned(token) for token in parser.parse(self.markup)]


def _cleaned(token: Token) -> Token:
    children = None if token.children is None else [_cleaned(child) for child in token.children]
    attrs = {name: clean(value) if isinstance(value, str) else value for name, value in token.attrs.items()}
    return token.copy(content=clean(token.content), children=children, attrs=attrs)


def show_notice(console: Console, notice: str) -> None:
    """Print what a reader must be told first.

    Args:
        console: Where to.
        notice: The notice.
    """
    say(console, Text(clean(notice), style="bold yellow"))


def show_answer(console: Console, answer: str) -> None:
    """Print the answer.

    Args:
        console: Where to; Markdown is drawn on a terminal alone.
        answer: The answer, in Markdown.
    """
    if console.is_terminal:
        say_heading(console, "Answer")
        console.print(Padding(SafeMarkdown(answer), (0, 0, 0, 2)))
        return
    console.print(Text(clean(answer).strip()), soft_wrap=True)


def show_sources(
    console: Console, sources: Sequence[Mapping[str, Any]], cited: Sequence[str], labels: Mapping[str, str]
) -> None:
    """Print the numbered sources: those cited, or some of all where none is.

    Args:
        console: Where to.
        sources: The run's source registry.
        cited: Ids that are cited.
        labels: What people call each seat, by seat id.
    """
    if not sources:
        return
    chosen = [source for source in sources if source["id"] in set(cited)] or sources[:UNCITED_SHOWN]
    more = len(sources) - len(chosen)
    left = f"{more} more found{' and not cited' if cited else ''}; --json lists them all" if more else ""
    say_heading(console, "Sources")
    show = _drawn_sources if console.is_terminal else _written_sources
    show(console, chosen, labels, left)


def _drawn_sources(
    console: Console, sources: Sequence[Mapping[str, Any]], labels: Mapping[str, str], left: str
) -> None:
    rows = Table.grid(padding=(0, 1))
    rows.add_column(justify="right", style="cyan", no_wrap=True)
    rows.add_column(overflow="fold")
    for source in sources:
        title, url = one_line(source["title"], 200), one_line(source["url"], 2_000)
        shown = Text(title, style="bold") if title != url else Text()
        shown.append(f"{'  ' if shown else ''}{url}", style="blue")
        shown.append(f"  {_finders(source, labels)}", style="dim")
        rows.add_row(f"[{source['id']}]", shown)
    console.print(Padding(rows, (0, 0, 0, 2)))
    if left:
        console.print(Text(f"  {left}", style="dim"))


def _written_sources(
    console: Console, sources: Sequence[Mapping[str, Any]], labels: Mapping[str, str], left: str
) -> None:
    for source in sources:
        title, url = one_line(source["title"], 200), one_line(source["url"], 2_000)
        name = f"{title} <{url}>" if title != url else f"<{url}>"
        console.print(Text(f"- [{source['id']}] {name} ({_finders(source, labels)})"), soft_wrap=True)
    if left:
        console.print(Text(f"\n{left}"), soft_wrap=True)


def _finders(source: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    return "found by " + ", ".join(label_of(seat, labels) for seat in source["seat_ids"])

"""Progress in a terminal: a row per seat, judge and writer, with the end of what each is writing."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from fusion_graph.terminal.clean import clean, one_line, tail
from fusion_graph.terminal.progress import CALLER, JUDGE, WRITER, Board, Part

REFRESH_PER_SECOND = 8
MARGIN = 4
"""Columns kept free at the end of rows: the `^C` that a terminal echoes there must not begin a new line."""
MODEL_SHOWN = 96
"""Columns from which on a part's model stands beside its label."""
_SIGNS = {"waiting": ("·", "dim"), "done": ("✓", "green"), "failed": ("✗", "red")}
_STYLES = {"waiting": "dim", "working": "", "done": "", "failed": "red"}


class LiveView:
    """Redraws the board in place while the run works; its last picture stays.

    Args:
        console: A console on a terminal.
        board: The run.
    """

    def __init__(self, console: Console, board: Board) -> None:
        self.console = console
        self.board = board
        self.spinner = Spinner("dots", style="cyan")
        self.ended = False
        self._live = Live(
            console=console, get_renderable=self.picture, refresh_per_second=REFRESH_PER_SECOND, auto_refresh=True
        )

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Draw the last picture, without texts that were cut short or will be shown in full."""
        self.ended = True
        self._live.stop()

    def event(self, event: Mapping[str, Any]) -> None:
        """Show one event; what it changed is on the board, which the next redraw reads."""

    def picture(self) -> RenderableType:
        """Return the board as it is now."""
        parts = list(self.board.parts.values())
        rows = Table.grid(padding=(0, 2), expand=True)
        rows.width = max(self.console.width - MARGIN, 20)
        rows.add_column(width=1)
        rows.add_column(ratio=3, no_wrap=True, overflow="ellipsis")
        rows.add_column(ratio=5, no_wrap=True, overflow="ellipsis")
        rows.add_column(justify="right", no_wrap=True, width=8)
        rows.add_column(justify="right", no_wrap=True, width=8)
        tails = self.console.height > 2 * len(parts)
        for part in parts:
            self._row(rows, part, tails=tails and not self.ended)
        answer = next((part for part in parts if part.id in (WRITER, CALLER) and part.text), None)
        if answer is None or self.ended:
            return rows
        room = self.console.height - rows.row_count - 3
        return Group(rows, Text(), *self._end_of(answer.text, max(room, 3)))

    def _row(self, rows: Table, part: Part, *, tails: bool) -> None:
        stopped = self.ended and part.state == "working"
        sign: RenderableType = self.spinner
        if stopped:
            sign = Text("-", style="yellow")
        elif part.state != "working":
            sign = Text(*_SIGNS[part.state])
        style = _STYLES[part.state]
        doing = "stopped" if stopped else part.doing
        rows.add_row(
            sign,
            _name(part, style, with_model=self.console.width >= MODEL_SHOWN),
            Text(one_line(doing), style=style),
            Text(_tools(part), style="dim"),
            Text(_seconds(self.board.seconds_of(part)), style="dim"),
        )
        if tails and part.text and part.id not in (WRITER, CALLER, JUDGE):
            width = max(self.console.width // 2, 20)
            rows.add_row("", "", Text(tail(part.text, width), style="dim italic"), "", "")

    def _end_of(self, text: str, lines: int) -> list[Text]:
        wrapped = Text(clean(text)).wrap(self.console, max(self.console.width - MARGIN, 20))
        return list(wrapped)[-lines:]


def _name(part: Part, style: str, *, with_model: bool) -> Text:
    name = Text(one_line(part.label, 100), style=style or "bold")
    if with_model and part.model and not part.label.startswith(part.model):
        name.append(f"  {one_line(part.model, 100)}", style="not bold dim")
    return name


def _tools(part: Part) -> str:
    return f"{part.tool_calls} tool{'' if part.tool_calls == 1 else 's'}" if part.tool_calls else ""


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"

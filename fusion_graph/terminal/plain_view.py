"""Progress for a pipe or a log: one plain line per event, with its time and its part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.text import Text

from fusion_graph.terminal.clean import one_line
from fusion_graph.terminal.progress import CALLER, Board, compared, describe_call, found

PANEL, RUN = "panel", "run"

_Event = Mapping[str, Any]


class PlainView:
    """Writes a line per event; tokens are not shown.

    Args:
        console: Where lines go.
        board: The run, for the time and the calling model.
    """

    def __init__(self, console: Console, board: Board) -> None:
        self.console = console
        self.board = board

    def __enter__(self) -> Self:
        caller = self.board.parts.get(CALLER)
        if caller is not None:
            self._line(CALLER, caller.doing)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held back, so there is nothing to finish."""

    def event(self, event: _Event) -> None:
        """Show one event."""
        handle = _LINES.get(str(event.get("type")))
        if handle is not None:
            part, text = handle(event)
            inner = part == RUN and CALLER in self.board.parts  # the calling model goes on
            self._line(PANEL if inner else part, text)

    def _line(self, part: str, text: str) -> None:
        line = f"{self.board.elapsed():7.1f}s  {one_line(part, 40):<10}  {one_line(text, 600)}"
        self.console.print(Text(line), soft_wrap=True)


def _started(event: _Event) -> tuple[str, str]:
    seats = ", ".join(f"{seat['id']} ({seat['model']})" for seat in event["seats"])
    writer = f"; writer {event['writer']}" if event["writer"] else ""
    return PANEL, f"{seats}; judge {event['judge']}{writer}"


def _called(event: _Event) -> tuple[str, str]:
    return event["seat_id"], describe_call(event["tool"], event.get("arguments") or {})


def _answered(event: _Event) -> tuple[str, str]:
    if event.get("status") == "error":
        return event["seat_id"], f"{event['tool']} failed"
    return event["seat_id"], f"{event['tool']} gave {found(len(event.get('sources') or []))}"


def _completed(event: _Event) -> tuple[str, str]:
    cut = "" if event["outcome"] == "ok" else f" ({event['outcome']})"
    return event["seat_id"], f"done{cut}: {len(event['content']):,} characters in {event['latency']:.1f} s"


def _failed(event: _Event) -> tuple[str, str]:
    outcome = event["outcome"].replace("_", " ")
    return event["seat_id"], f"{outcome} after {event['latency']:.1f} s: {event['error']}"


def _ended(event: _Event) -> tuple[str, str]:
    return RUN, "done" if event["status"] == "ok" else f"without a usable draft: {event['failure_reason']}"


_LINES: Mapping[str, Callable[[_Event], tuple[str, str]]] = {
    "fusion.started": _started,
    "panel.added": lambda event: (event["seat_id"], f"starts: {event['label']}"),
    "panel.tool_call": _called,
    "panel.tool_result": _answered,
    "panel.completed": _completed,
    "panel.failed": _failed,
    "analysis.in_progress": lambda event: ("judge", f"compares the drafts ({event['model']})"),
    "analysis.completed": lambda event: ("judge", compared(event)),
    "writer.in_progress": lambda event: ("writer", f"writes ({event['model']})"),
    "fusion.completed": _ended,
}

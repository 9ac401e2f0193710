"""What a run has done so far: its events and tokens, gathered part by part for whoever shows them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fusion_graph.receipt import NO_LANGUAGE_MODEL
from fusion_graph.terminal.clean import one_line

State = Literal["waiting", "working", "done", "failed"]
JUDGE, WRITER, CALLER = "judge", "writer", "caller"
NAMED = "named in the config"
"""What `chosen` says where nothing had to be found."""
TEXT_KEPT = 20_000
"""Characters of a live text that are kept for showing its end."""

_Event = Mapping[str, Any]


@dataclass(slots=True)
class Part:
    """A seat, the judge, the writer or the calling model.

    Attributes:
        id: Seat id, `judge`, `writer` or `caller`.
        label: What people call it.
        model: The requested model; empty while unknown.
        state: Where it stands.
        doing: What it does right now, or how it ended.
        started: When it began, by the board's clock.
        seconds: How long it took, once it has ended.
        tool_calls: Tool calls begun.
        text: The end of what it is writing.
    """

    id: str
    label: str
    model: str = ""
    state: State = "waiting"
    doing: str = ""
    started: float | None = None
    seconds: float | None = None
    tool_calls: int = 0
    text: str = ""
    message_id: str | None = None

    def begin(self, now: float, doing: str) -> None:
        """Start working."""
        self.state, self.doing, self.started = "working", doing, now

    def end(self, state: State, doing: str, seconds: float | None) -> None:
        """Stop working."""
        self.state, self.doing, self.text = state, doing, ""
        self.seconds = seconds


@dataclass(slots=True)
class Board:
    """All parts of one run, in the order in which they are shown.

    Attributes:
        clock: Tells the time in seconds.
        opened: When the run began, by that clock.
        parts: By id.
        chosen: How the models were found, once known; `None` where they were named.
        notice: What a reader must be told first, if anything.
    """

    clock: Callable[[], float] = time.monotonic
    opened: float = 0.0
    parts: dict[str, Part] = field(default_factory=dict)
    chosen: str | None = None
    notice: str | None = None

    def __post_init__(self) -> None:
        self.opened = self.clock()

    def elapsed(self) -> float:
        """Return the seconds since the run began."""
        return self.clock() - self.opened

    def seconds_of(self, part: Part) -> float | None:
        """Return how long a part has worked or took; `None` before it began."""
        if part.seconds is not None:
            return part.seconds
        return None if part.started is None else self.clock() - part.started

    def decide(self) -> None:
        """Show a calling model at work: the run starts with it."""
        self.parts[CALLER] = Part(CALLER, "calling model")
        self.parts[CALLER].begin(self.clock(), "decides whether to convene the panel")

    def event(self, event: _Event) -> None:
        """Take in one event of the `custom` stream; see `fusion_graph.events`."""
        handle = _HANDLERS.get(str(event.get("type")))
        if handle is not None:
            handle(self, event)

    def token(self, message: Any, metadata: Mapping[str, Any]) -> None:
        """Take in one message or chunk of the `messages` stream."""
        part = self.parts.get(str(metadata.get("seat_id") or metadata.get("fusion_part") or ""))
        kind = getattr(message, "type", "")
        if part is None or kind not in ("ai", "AIMessageChunk") or part.state != "working":
            return
        text = str(message.text)
        if message.id != part.message_id or kind == "ai":
            part.message_id, part.text = message.id, ""
        if text:
            part.text = (part.text + text)[-TEXT_KEPT:]
            part.doing = "writes the analysis" if part.id == JUDGE else "writes"
        elif not part.text and message.additional_kwargs.get("reasoning_content"):
            part.doing = "thinks"

    def finish(self, *, ok: bool) -> None:
        """End what is still at work: the calling model, of whose end no event tells."""
        for part in self.parts.values():
            if part.state == "working":
                part.end("done" if ok else "failed", "done" if ok else "failed", self.seconds_of(part))

    def working(self, part_id: object) -> Part:
        """Return a part by id, made if nobody announced it."""
        name = str(part_id)
        return self.parts.setdefault(name, Part(name, name))


def describe_call(tool: str, arguments: Mapping[str, Any]) -> str:
    """Say what a tool call does.

    Args:
        tool: The tool's name, as the model gave it.
        arguments: Its arguments, as the model gave them.

    Returns:
        A phrase, safe to show.
    """
    if tool == "web_search":
        return f"searches “{one_line(str(arguments.get('query', '')), 120)}”"
    if tool == "web_fetch":
        return f"reads {one_line(str(arguments.get('url', '')), 160)}"
    if tool == "fusion":
        return "convenes the panel"
    return f"calls {one_line(tool, 60)}"


def found(count: int) -> str:
    """Return a number of sources in words."""
    return f"{count} source{'' if count == 1 else 's'}"


def compared(event: _Event) -> str:
    """Say what the judge came to: how many points of each kind, or why there is no analysis."""
    analysis = event.get("analysis")
    if analysis is None:
        return f"no analysis: {one_line(str(event.get('reason') or 'unknown'))}"
    names = ("consensus", "contradictions", "partial_coverage", "unique_insights", "blind_spots")
    return ", ".join(f"{name.replace('_', ' ')} {len(analysis[name])}" for name in names)


def _started(board: Board, event: _Event) -> None:
    seats = event["seats"]
    models = [*[seat["model"] for seat in seats], event["judge"], *([event["writer"]] if event["writer"] else [])]
    board.chosen = None if event.get("chosen") == NAMED else event.get("chosen")
    board.notice = NO_LANGUAGE_MODEL if all(model.startswith("offline:") for model in models) else None
    for seat in seats:
        board.parts[seat["id"]] = Part(seat["id"], seat["label"], seat["model"])
    board.parts[JUDGE] = Part(JUDGE, JUDGE, event["judge"])
    if event["writer"]:
        board.parts[WRITER] = Part(WRITER, WRITER, event["writer"])


def _added(board: Board, event: _Event) -> None:
    board.working(event["seat_id"]).begin(board.clock(), "starts")


def _tool_call(board: Board, event: _Event) -> None:
    part = board.working(event["seat_id"])
    part.tool_calls += 1
    part.text, part.doing = "", describe_call(event["tool"], event.get("arguments") or {})


def _tool_result(board: Board, event: _Event) -> None:
    part = board.working(event["seat_id"])
    if part.id == CALLER:
        part.doing = "reads what the panel found"
    elif event.get("status") == "error":
        part.doing = f"{one_line(event['tool'], 60)} failed; goes on"
    else:
        part.doing = f"reads {found(len(event.get('sources') or []))}"


def _seat_done(board: Board, event: _Event) -> None:
    how = "done" if event["outcome"] == "ok" else f"done, {event['outcome']}"
    board.working(event["seat_id"]).end("done", f"{how}: {len(event['content']):,} characters", event["latency"])


def _seat_failed(board: Board, event: _Event) -> None:
    reason = f"{event['outcome'].replace('_', ' ')}: {one_line(event['error'])}"
    board.working(event["seat_id"]).end("failed", reason, event["latency"])


def _judging(board: Board, event: _Event) -> None:
    judge = board.working(JUDGE)
    judge.model = event.get("model") or judge.model
    judge.begin(board.clock(), "compares the drafts")


def _judged(board: Board, event: _Event) -> None:
    judge = board.working(JUDGE)
    judge.end("failed" if event.get("analysis") is None else "done", compared(event), board.seconds_of(judge))


def _writing(board: Board, event: _Event) -> None:
    writer = board.working(WRITER)
    writer.model = event.get("model") or writer.model
    writer.begin(board.clock(), "reads drafts and analysis")


def _completed(board: Board, event: _Event) -> None:
    writer = board.parts.get(WRITER)
    if writer is not None and writer.state == "working":
        ending: State = "done" if event["status"] == "ok" else "failed"
        writer.end(ending, ending, board.seconds_of(writer))


_HANDLERS: Mapping[str, Callable[[Board, _Event], None]] = {
    "fusion.started": _started,
    "panel.added": _added,
    "panel.tool_call": _tool_call,
    "panel.tool_result": _tool_result,
    "panel.completed": _seat_done,
    "panel.failed": _seat_failed,
    "analysis.in_progress": _judging,
    "analysis.completed": _judged,
    "writer.in_progress": _writing,
    "fusion.completed": _completed,
}

"""A run's events as the `response.fusion_call.*` events tell them: OpenRouter's nine, and ours beside them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fusion_graph.server.run_events import (
    AnalysisCompleted,
    AnalysisStarted,
    RunEvent,
    SeatAdded,
    SeatCompleted,
    SeatDelta,
    SeatFailed,
    SeatReasoning,
    SeatToolCall,
    SeatToolResult,
    Spent,
    Started,
    WriterStarted,
)

PREFIX = "response.fusion_call."
JUDGE, CALLER = "judge", "caller"


class FusionEvents:
    """Makes the events of one run; it knows the seats that have begun."""

    def __init__(self) -> None:
        self._seats: dict[str, dict[str, Any]] = {}

    def recall(self, event: dict[str, Any]) -> None:
        """Learn a seat from an event that was made before a restart."""
        if event["type"] == PREFIX + "panel.added":
            self._know(event["seat_id"], event["label"], event["model"])

    def of(self, event: RunEvent) -> dict[str, Any] | None:
        """Return the event's `type` and what it carries; `None` for what is no part of the fusion call.

        Args:
            event: What happened.
        """
        match event:
            case Started():
                return _event("in_progress", seats=event.seats, judge_model=event.judge, writer_model=event.writer)
            case AnalysisStarted(model):
                return _event("analysis.in_progress", analyst_model=model, judge_model=model)
            case AnalysisCompleted():
                return _compared(event)
            case WriterStarted(model):
                return _event("writer.in_progress", model=model)
            case SeatToolCall() | SeatToolResult():
                return self._tool(event)
            case _:
                return self._seat(event)

    def _seat(self, event: RunEvent) -> dict[str, Any] | None:
        match event:
            case SeatAdded(seat_id, label, model):
                self._know(seat_id, label, model)
                return _event("panel.added", **self._who(seat_id))
            case SeatDelta(seat_id, text):
                return _event("panel.delta", delta=text, **self._who(seat_id))
            case SeatReasoning(seat_id, text):
                return _event("panel.reasoning.delta", delta=text, **self._who(seat_id))
            case SeatCompleted():
                return _event("panel.completed", content=event.content, **_end(event), **self._who(event.seat_id))
            case SeatFailed():
                status = {} if event.status_code is None else {"status_code": event.status_code}
                facts = {"error": event.error, **_end(event), **status}
                return _event("panel.failed", **facts, **self._who(event.seat_id))
            case _:
                return None

    def _tool(self, event: SeatToolCall | SeatToolResult) -> dict[str, Any] | None:
        if event.seat_id == CALLER:
            return None
        who = {} if event.seat_id == JUDGE else self._who(event.seat_id)
        part = "analysis" if event.seat_id == JUDGE else "panel"
        call = {"tool": event.tool, "tool_call_id": event.tool_call_id, **who}
        if isinstance(event, SeatToolCall):
            return _event(f"{part}.tool_call", arguments=event.arguments, **call)
        return _event(f"{part}.tool_result", status=event.status, sources=event.sources, **call)

    def _know(self, seat_id: str, label: str, model: str) -> None:
        self._seats[seat_id] = {"model": model, "seat_id": seat_id, "label": label}

    def _who(self, seat_id: str) -> dict[str, Any]:
        return self._seats.get(seat_id) or {"model": "", "seat_id": seat_id, "label": ""}


def _end(event: SeatCompleted | SeatFailed) -> dict[str, Any]:
    return {"outcome": event.outcome, "seconds": event.seconds, **_spent(event.spent)}


def _spent(spent: Spent | None) -> dict[str, Any]:
    return {} if spent is None else asdict(spent)


def _compared(event: AnalysisCompleted) -> dict[str, Any]:
    if event.analysis is None:
        return _event("analysis.failed", failure_reason=event.reason)
    return _event("analysis.completed", analysis=event.analysis, rung=event.rung)


def _event(name: str, **facts: Any) -> dict[str, Any]:
    return {"type": PREFIX + name, **facts}

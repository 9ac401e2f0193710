"""A run's progress in numbers and words, as MCP clients show it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fusion_graph.server.run_events import (
    AnalysisCompleted,
    AnalysisStarted,
    Ended,
    RunEvent,
    SeatAdded,
    SeatCompleted,
    SeatFailed,
    SeatToolCall,
    Started,
    WriterStarted,
)

STEP = 0.01
"""What a step within a part counts: the protocol wants every message to be further on than the last."""
Report = Callable[[float, float | None, str | None], Awaitable[None]]


class Progress:
    """Counts the parts that are done: each seat, the judge, the writer.

    Args:
        report: Sends `progress`, `total` and a message to the client.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._labels: dict[str, str] = {}
        self._done = 0.0
        self._total: float | None = None

    async def tell(self, event: RunEvent) -> None:
        """Report what happened, if it is a step; tokens are none."""
        if isinstance(event, Started):
            self._labels = {seat["id"]: seat["label"] for seat in event.seats}
            self._total = len(event.seats) + (event.judge is not None) + (event.writer is not None)
        said = self._words(event)
        if said is None:
            return
        finished = isinstance(event, SeatCompleted | SeatFailed | AnalysisCompleted | Ended)
        self._done = round(self._done + (1 if finished else STEP), 2)
        await self._report(self._done, None if self._total is None else max(self._total, self._done), said)

    def _words(self, event: RunEvent) -> str | None:
        label = self._labels.get(getattr(event, "seat_id", ""), "")
        said: str | None = None
        match event:
            case Started():
                said = f"{len(event.seats)} seats: {', '.join(self._labels.values())}"
            case SeatAdded():
                said = f"{label} begins"
            case SeatToolCall():
                said = f"{label} uses {event.tool}"
            case SeatCompleted():
                said = f"{label} has a draft ({event.outcome})"
            case SeatFailed():
                said = f"{label} {event.outcome}: {event.error}"
            case AnalysisStarted():
                said = "the judge compares"
            case AnalysisCompleted():
                said = "the analysis is there" if event.analysis is not None else f"no analysis: {event.reason}"
            case WriterStarted():
                said = "the writer writes"
            case Ended():
                said = "done"
        return said

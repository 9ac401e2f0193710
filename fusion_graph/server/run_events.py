"""What happens in a run, as the renderers of all endpoints hear it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Started:
    """The panel is known: seats (`id`, `label`, `model`, `role`), judge, writer, and why these models."""

    seats: list[dict[str, Any]]
    judge: str | None
    writer: str | None
    chosen: str | None
    limits: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class SeatAdded:
    """A seat begins."""

    seat_id: str
    label: str
    model: str


@dataclass(frozen=True, slots=True)
class SeatDelta:
    """A piece of a seat's text, as it comes."""

    seat_id: str
    text: str


@dataclass(frozen=True, slots=True)
class SeatReasoning:
    """A piece of a seat's visible reasoning."""

    seat_id: str
    text: str


@dataclass(frozen=True, slots=True)
class SeatToolCall:
    """A seat uses a tool."""

    seat_id: str
    tool: str
    tool_call_id: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SeatToolResult:
    """What came of it: `sources` are `url` and `title`."""

    seat_id: str
    tool: str
    tool_call_id: str
    status: str
    sources: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Spent:
    """What a seat took: its usage as plain data (`fusion_graph.usage.Usage`), its calls, and who answered last."""

    usage: dict[str, Any]
    calls: int
    tool_calls: int
    served_model: str | None


@dataclass(frozen=True, slots=True)
class SeatCompleted:
    """A seat ended with a draft; `spent` is `None` where a run of an earlier version did not tell it."""

    seat_id: str
    outcome: str
    content: str
    seconds: float
    spent: Spent | None = None


@dataclass(frozen=True, slots=True)
class SeatFailed:
    """A seat ended without one; `spent` as above."""

    seat_id: str
    outcome: str
    error: str
    seconds: float
    status_code: int | None
    spent: Spent | None = None


@dataclass(frozen=True, slots=True)
class AnalysisStarted:
    """The judge begins."""

    model: str


@dataclass(frozen=True, slots=True)
class AnalysisCompleted:
    """The judge ended; `analysis` is `None` where it failed, and `reason` says why."""

    analysis: dict[str, Any] | None
    rung: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class WriterStarted:
    """The writer begins."""

    model: str


@dataclass(frozen=True, slots=True)
class Deliberated:
    """Panel and judge are through: `panel` is the output so far, without an answer; its status may be `error`."""

    panel: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """A piece of what the writer, or the calling model, says; a new `turn` is a new message, or a new attempt."""

    text: str
    turn: int = 0


@dataclass(frozen=True, slots=True)
class AnswerReasoning:
    """A piece of its visible reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The run ended with a graph's output (`FusionOutput`), whether its status is `ok` or `error`."""

    output: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reached:
    """What came before was read up to a place in another server's stream; the first one says where it begins."""

    cursor: str


RunEvent = (
    Started
    | SeatAdded
    | SeatDelta
    | SeatReasoning
    | SeatToolCall
    | SeatToolResult
    | SeatCompleted
    | SeatFailed
    | AnalysisStarted
    | AnalysisCompleted
    | Deliberated
    | WriterStarted
    | AnswerDelta
    | AnswerReasoning
    | Ended
    | Reached
)

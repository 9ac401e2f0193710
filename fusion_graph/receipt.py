"""The receipt: one typed record of a run - who really answered, who failed, what it cost, what was degraded."""

from __future__ import annotations

import time
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from fusion_graph.failures import Failure
from fusion_graph.meter import Meter
from fusion_graph.outcomes import OutcomeKind, PanelistOutcome
from fusion_graph.sources import CitationCheck
from fusion_graph.usage import Usage

Rung = Literal["native", "tool", "prompted", "repaired"]
Status = Literal["ok", "error"]
NO_LANGUAGE_MODEL = "No language model was called: every sentence is quoted from your own files."


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class SeatReceipt(_Record):
    """What one seat did; the fields are those of its outcome, without draft and sources."""

    seat_id: str
    label: str
    role: str | None = None
    requested_model: str
    answered_by: str | None = None
    served_model: str | None = None
    outcome: OutcomeKind
    failure: Failure | None = None
    calls: int = 0
    tool_calls: int = 0
    usage: Usage = Field(default_factory=Usage)
    latency: float = 0.0
    finish_reason: str | None = None
    sources: int = 0

    @classmethod
    def of(cls, outcome: PanelistOutcome) -> Self:
        """Make it from a seat's outcome."""
        shared = outcome.model_dump(include=set(cls.model_fields) - {"sources"})
        return cls(**shared, requested_model=outcome.model, sources=len(outcome.sources))


class PartReceipt(_Record):
    """What the judge, the writer or the calling model did.

    Attributes:
        requested_model: The model as the config named it.
        served_model: The model that the provider says answered.
        calls: Model calls, failed ones included.
        tool_calls: Tool calls run.
        usage: Tokens and cost.
        latency: Wall time in seconds.
        finish_reason: Why its last call stopped.
        failure: Why it did not do its work, if so.
    """

    requested_model: str
    served_model: str | None = None
    calls: int = 0
    tool_calls: int = 0
    usage: Usage = Field(default_factory=Usage)
    latency: float = 0.0
    finish_reason: str | None = None
    failure: Failure | None = None

    @classmethod
    def of(cls, part: str, model: str, meter: Meter, started: float, failure: Failure | None = None) -> Self:
        """Make it from a meter.

        Args:
            part: `judge`, `writer` or `caller`.
            model: The requested model.
            meter: What counted its calls.
            started: When it began, by `time.monotonic`.
            failure: Why it failed, if it did.
        """
        last = meter.last(part)
        return cls(
            requested_model=model,
            served_model=last.served_model if last else None,
            calls=meter.count(part),
            tool_calls=meter.tool_calls.get(part, 0),
            usage=meter.usage(part),
            latency=round(time.monotonic() - started, 3),
            finish_reason=last.finish_reason if last else None,
            failure=failure,
        )


class Shown(_Record):
    """Under which label a seat's draft was shown."""

    label: str
    seat_id: str


class Kinship(_Record):
    """A judge or writer of the same model family as a seat."""

    part: Literal["judge", "writer"]
    seat_id: str
    family: str


class Degradation(_Record):
    """Something that a full run would have had and this one has not.

    Attributes:
        part: Seat id, `judge`, `writer` or `run`.
        reason: A short code, such as `judge_not_valid_json`.
        detail: In words.
    """

    part: str
    reason: str
    detail: str = ""


class Totals(_Record):
    """Sums over all parts; the usage says where something was unknown."""

    calls: int = 0
    tool_calls: int = 0
    usage: Usage = Field(default_factory=Usage)


class Receipt(_Record):
    """The record of one run, the same object in state, API, CLI, page and trace.

    Attributes:
        status: `ok` or `error`, once the run has ended.
        failure_reason: Why there is no answer, if so.
        preset: The preset, if one was named.
        chosen: How the models were chosen, in words.
        language_model_called: `False` when every part was extractive.
        notice: What a reader must be told first, if anything.
        deliberated: Whether a panel was convened; a calling model may decide against it.
        seats: One entry per seat, in the panel's order.
        judge: The judge, once it has worked.
        writer: The writer (in `auto` mode the calling model), once it has worked.
        shown_order: The drafts in the order in which judge and writer saw them.
        seed: The seed of that order.
        blind: Whether they saw labels alone.
        kinship: Where judge or writer share a family with a seat.
        rung: Which way of asking for the analysis worked.
        degraded: What was lost on the way.
        citations: The check of the answer's citations.
        totals: Sums over all parts.
        started_at: Unix time of the start, in seconds.
        seconds: Wall time of the run so far.
    """

    status: Status | None = None
    failure_reason: str | None = None
    preset: str | None = None
    chosen: str | None = None
    language_model_called: bool = True
    notice: str | None = None
    deliberated: bool = True
    seats: list[SeatReceipt] = Field(default_factory=list)
    judge: PartReceipt | None = None
    writer: PartReceipt | None = None
    shown_order: list[Shown] = Field(default_factory=list)
    seed: int | None = None
    blind: bool = True
    kinship: list[Kinship] = Field(default_factory=list)
    rung: Rung | None = None
    degraded: list[Degradation] = Field(default_factory=list)
    citations: CitationCheck | None = None
    totals: Totals = Field(default_factory=Totals)
    started_at: float | None = None
    seconds: float | None = None

    def amended(self, **changes: Any) -> Receipt:
        """Return the receipt with changes, its sums and its wall time brought up to date.

        Args:
            **changes: Fields to replace; `degraded` is added to what is there.

        Returns:
            A new receipt.
        """
        degraded = [*self.degraded, *changes.pop("degraded", [])]
        changed = self.model_copy(update={**changes, "degraded": degraded})
        seconds = round(time.time() - self.started_at, 3) if self.started_at else None
        return changed.model_copy(update={"totals": changed.sums(), "seconds": seconds})

    def sums(self) -> Totals:
        """Add the parts up."""
        parts: list[SeatReceipt | PartReceipt] = [
            *self.seats,
            *[part for part in (self.judge, self.writer) if part is not None],
        ]
        return Totals(
            calls=sum(part.calls for part in parts),
            tool_calls=sum(part.tool_calls for part in parts),
            usage=Usage.total([part.usage for part in parts if part.calls]),
        )

    def as_state(self) -> dict[str, Any]:
        """Return it JSON-plain, as a run's state holds it."""
        return self.model_dump(mode="json")

"""The receipt: one typed record of a run - who really answered, who failed, what it cost, what was degraded."""

from __future__ import annotations

import time
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from fusion_graph.config import Stage
from fusion_graph.failures import Failure
from fusion_graph.meter import Meter
from fusion_graph.outcomes import OutcomeKind, PanelistOutcome, Reviewed
from fusion_graph.sources import CitationCheck
from fusion_graph.usage import Usage

Rung = Literal["native", "tool", "prompted", "repaired"]
Status = Literal["ok", "error"]
EARLIER = "earlier"
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
    review: Reviewed | None = None

    @classmethod
    def of(cls, outcome: PanelistOutcome) -> Self:
        """Make it from a seat's outcome."""
        shared = {name: getattr(outcome, name) for name in cls.model_fields if name in PanelistOutcome.model_fields}
        return cls(**{**shared, "requested_model": outcome.model, "sources": len(outcome.sources)})


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


class Edit(_Record):
    """Something that a person changed while the run waited.

    Attributes:
        before: Who had not yet begun: `judge` or `writer`.
        what: What became of a draft or of the analysis.
        seat_id: Whose draft; `None` for the analysis.
    """

    before: Stage
    what: Reviewed | Literal["analysis_edited", "analysis_removed"]
    seat_id: str | None = None


class Limits(_Record):
    """The limits of a run, and what is counted against them.

    A call that reported nothing counts here with the most that it can have used, so these figures can be above those
    of the totals.

    Attributes:
        max_cost_usd: The limit in US dollars, model calls and search fees together.
        max_total_tokens: The limit in tokens, in and out together.
        counted_usd: What is counted against the first.
        counted_tokens: What is counted against the second.
        unpriced: Models whose price is not known, so that the limit in dollars could not be enforced before a call.
    """

    max_cost_usd: float | None = None
    max_total_tokens: int | None = None
    counted_usd: float = 0.0
    counted_tokens: int = 0
    unpriced: list[str] = Field(default_factory=list)


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
        edits: What a person changed on the way.
        citations: The check of the answer's citations.
        earlier: What a retry replaced had cost: its failed seats, its judge and its writer.
        totals: Sums over all parts, and over what was replaced.
        limits: The limits in dollars and tokens, if there were any.
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
    edits: list[Edit] = Field(default_factory=list)
    citations: CitationCheck | None = None
    earlier: Totals | None = None
    totals: Totals = Field(default_factory=Totals)
    limits: Limits | None = None
    started_at: float | None = None
    seconds: float | None = None

    def amended(self, **changes: Any) -> Receipt:
        """Return the receipt with changes, its sums and its wall time brought up to date.

        Args:
            **changes: Fields to replace; `degraded` and `edits` are added to what is there.

        Returns:
            A new receipt.
        """
        degraded = [*self.degraded, *changes.pop("degraded", [])]
        edits = [*self.edits, *changes.pop("edits", [])]
        changed = self.model_copy(update={**changes, "degraded": degraded, "edits": edits})
        seconds = round(time.time() - self.started_at, 3) if self.started_at else None
        return changed.model_copy(update={"totals": changed.sums(), "seconds": seconds})

    def spent_by(self) -> dict[str, Usage]:
        """Return what each part used, by seat id, `judge`, `writer` and `earlier`."""
        seats = {seat.seat_id: seat.usage for seat in self.seats}
        others = {"judge": self.judge, "writer": self.writer, EARLIER: self.earlier}
        return {**seats, **{name: part.usage for name, part in others.items() if part is not None}}

    def sums(self) -> Totals:
        """Add the parts up."""
        parts: list[SeatReceipt | PartReceipt | Totals] = [
            *self.seats,
            *[part for part in (self.judge, self.writer, self.earlier) if part is not None],
        ]
        return Totals(
            calls=sum(part.calls for part in parts),
            tool_calls=sum(part.tool_calls for part in parts),
            usage=Usage.total([part.usage for part in parts if part.calls]),
        )

    def as_state(self) -> dict[str, Any]:
        """Return it JSON-plain, as a run's state holds it."""
        return self.model_dump(mode="json")

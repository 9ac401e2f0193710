"""From a configuration and a task to an answer: which stages, in which order, and what they come to together."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fusion_graph.answer import best_draft
from fusion_graph.config import Seat
from fusion_graph.evals.configurations import Plan
from fusion_graph.evals.results import Outcome
from fusion_graph.evals.stages.desk import Desk, Done, Stage
from fusion_graph.evals.stages.echoes import echoed
from fusion_graph.evals.stages.graphs import CHOSEN, GraphStages, Trace
from fusion_graph.evals.stages.layout import NO_JUDGE, Chair, Layout
from fusion_graph.evals.stages.parts import Compared, Cost, Written, seat_of
from fusion_graph.evals.store import Record
from fusion_graph.failures import Failure
from fusion_graph.outcomes import PanelistOutcome
from fusion_graph.receipt import Receipt, SeatReceipt

_KEPT = ("ok", "truncated", "refused")
"""How a model's work may end and be a result; a refusal is one too: asking again would look for a better one."""
_ANSWER_LINE = re.compile(r"(?im)^\W*(?:final )?answer\W*:\s*(?P<said>\S.*)$")


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, put together from its stages.

    Attributes:
        outcome: Whether there is one; never `incomplete`, which grading alone can say.
        text: The answer.
        error: Why there is none.
        receipt: What everybody did; `seconds` is the critical path.
        missing: Seats that gave no draft.
        seats_used: How often the answer cites sources that each seat found.
        seats_echoed: Share of the answer's wording that each seat's draft has too.
        stages: Keys of the stages whose tools may have seen the answer key.
        urls: Addresses that tools returned.
        trace_id: The trace of the run that gave the answer, if it was traced.
    """

    outcome: Outcome
    text: str
    error: str | None
    receipt: Receipt
    missing: list[str] = field(default_factory=list)
    seats_used: dict[str, int] = field(default_factory=dict)
    seats_echoed: dict[str, float] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Panel:
    """The panel answers of one configuration to one question."""

    layout: Layout
    question: str
    outcomes: list[PanelistOutcome]
    keys: list[str]
    traces: list[str | None]

    @property
    def usable(self) -> list[PanelistOutcome]:
        return [outcome for outcome in self.outcomes if outcome.usable]

    @property
    def texts(self) -> dict[str, str]:
        return {outcome.seat_id: outcome.content for outcome in self.usable}

    @property
    def drafts(self) -> list[list[str]]:
        lost = {outcome.seat_id: outcome.outcome for outcome in self.outcomes if not outcome.usable}
        return self.layout.drafts(self.keys, lost)


class Answers:
    """Makes answers, or puts them together from what is stored.

    Args:
        desk: Where stages are asked for.
        graphs: What does them.
        place: Where they run, for their keys.
    """

    def __init__(self, desk: Desk, graphs: GraphStages, place: Mapping[str, Any]) -> None:
        self._desk, self._graphs, self._place = desk, graphs, place
        self._layouts: dict[int, tuple[Plan, Layout]] = {}

    async def answer(self, plan: Plan, question: str, generation: int) -> Answered:
        """Answer a question.

        Args:
            plan: The configuration.
            question: What is asked.
            generation: Which independent answer.

        Returns:
            The answer, or why there is none.

        Raises:
            StoppedError: A stage would have to be begun, and none is any more.
            NotStoredError: A stage was never tried, and the desk does none.
        """
        panel = await self._panel(self.layout(plan), question, generation)
        if plan.way == "solo" or not panel.usable:
            return _alone(panel)
        if plan.way == "self-consistency":
            return _draft(panel, None, _most_repeated(panel.usable))
        if plan.way == "freeform":
            return await self._written(panel, None, NO_JUDGE)
        compared = await self._compared(panel)
        if plan.way == "best-of-n":
            return _best(panel, *compared)
        return await self._written(panel, *compared)

    def layout(self, plan: Plan) -> Layout:
        """Return the stages of a configuration."""
        held = self._layouts.get(id(plan))
        if held is None or held[0] is not plan:
            held = self._layouts[id(plan)] = (plan, Layout(plan, self._place))
        return held[1]

    async def _panel(self, layout: Layout, question: str, generation: int) -> _Panel:
        stages = layout.seat_stages(question, generation)
        asked = zip(layout.chairs, stages, strict=True)
        records = await asyncio.gather(*(self._seat(chair, stage, question) for chair, stage in asked))
        outcomes = [_outcome(record, seat) for record, seat in zip(records, layout.seats, strict=True)]
        traces = [record.value.get("trace_id") for record in records]
        return _Panel(layout, question, outcomes, [stage.key for stage in stages], traces)

    async def _seat(self, chair: Chair, stage: Stage, question: str) -> Record:
        async def work() -> Done:
            trace = Trace()
            outcome, evidence = await self._graphs.seat(chair.settings, question, trace)
            ok = outcome.outcome in _KEPT and (outcome.usable or outcome.outcome == "refused")
            value: dict[str, Any] = {"outcome": outcome.model_dump(mode="json"), "trace_id": trace.id}
            value |= {} if ok else {"error": outcome.reason}
            return Done(ok=ok, value=value, cost=Cost.of(outcome.usage), evidence=evidence)

        return await self._desk.ask(stage, work)

    async def _compared(self, panel: _Panel) -> tuple[Compared | None, str]:
        """Ask the judge; gives what it left, and the key under which a writer's work depends on it."""
        settings = panel.layout.analysis_settings
        stage = panel.layout.analysis(panel.question, panel.drafts)

        async def work() -> Done:
            compared, evidence = await self._graphs.analysis(settings, panel.question, panel.outcomes)
            part = compared.judge
            ok = compared.analysis is not None
            error = "" if ok else "; ".join(_said_of(compared, "judge")) or "the judge gave no analysis"
            value = {"compared": compared.model_dump(mode="json"), **({} if ok else {"error": error})}
            cost = Cost.of(part.usage) if part else Cost(None, at_least=True)
            return Done(ok=ok, value=value, cost=cost, evidence=evidence)

        record = await self._desk.ask(stage, work)
        held = record.value.get("compared")
        compared = Compared.model_validate(held) if held else None
        return compared, stage.key if record.ok else f"{NO_JUDGE}: it failed"

    async def _written(self, panel: _Panel, compared: Compared | None, judged: str) -> Answered:
        settings = panel.layout.final_settings
        stage = panel.layout.final(panel.question, panel.drafts, judged)

        async def work() -> Done:
            trace = Trace()
            written = await self._graphs.final(settings, panel.question, panel.outcomes, compared, trace)
            part = Receipt.model_validate(written.receipt).writer
            failure = part.failure if part else None
            ok = bool(written.answer) or (failure is not None and failure.kind == "content_filter")
            error = {"error": failure.message if failure else "the writer wrote nothing"}
            cost = Cost.of(part.usage) if part else Cost(None, at_least=True)
            value = {"written": written.model_dump(mode="json"), "trace_id": trace.id}
            value |= {} if written.answer else error
            return Done(ok=ok, value=value, cost=cost)

        record = await self._desk.ask(stage, work)
        stages = [*panel.keys, *([judged] if compared is not None else [])]
        if "written" not in record.value:
            receipt = _receipt(panel, compared)
            return Answered("failed", "", record.value["error"], receipt, _missing(panel), stages=stages)
        written = Written.model_validate(record.value["written"])
        receipt = Receipt.model_validate(written.receipt)
        refused = record.ok and not written.answer
        return Answered(
            outcome="ok" if written.answer else "refused" if refused else "failed",
            text=written.answer,
            error=record.value.get("error"),
            receipt=receipt.model_copy(update={"seconds": _critical_path(receipt)}),
            missing=_missing(panel),
            seats_used=_seats_used(panel, written),
            seats_echoed=await asyncio.to_thread(echoed, written.answer, panel.texts),
            stages=stages,
            urls=list(dict.fromkeys([*_urls(panel), *(source["url"] for source in written.sources)])),
            trace_id=record.value.get("trace_id"),
        )


def _outcome(record: Record, seat: Seat) -> PanelistOutcome:
    if "outcome" in record.value:
        return seat_of(record.value, seat.id, seat.label)
    failure = Failure(kind="unexpected_error", message=record.value["error"])
    return PanelistOutcome(seat_id=seat.id, label=seat.label, model=seat.model, outcome="failed", failure=failure)


def _alone(panel: _Panel) -> Answered:
    """Answer with the one seat's draft, or say why no seat has one."""
    if len(panel.outcomes) == 1 and panel.usable:
        return _draft(panel, None, panel.outcomes[0])
    refused = all(outcome.outcome == "refused" for outcome in panel.outcomes)
    error = "; ".join(f"{outcome.seat_id}: {outcome.reason}" for outcome in panel.outcomes)
    receipt = _receipt(panel, None).model_copy(update={"status": "error"})
    return Answered(
        "refused" if refused else "failed", "", error, receipt, _missing(panel), stages=list(panel.keys),
        urls=_urls(panel),
    )  # fmt: skip


def _draft(panel: _Panel, compared: Compared | None, chosen: PanelistOutcome, judged: Sequence[str] = ()) -> Answered:
    """Answer with one of the drafts as it is."""
    receipt = _receipt(panel, compared).model_copy(update={"status": "ok"})
    stages = [*panel.keys, *judged]
    trace = panel.traces[panel.outcomes.index(chosen)]
    return Answered(
        "ok", chosen.content, None, receipt, _missing(panel), stages=stages, urls=_urls(panel), trace_id=trace
    )


def _best(panel: _Panel, compared: Compared | None, judged: str) -> Answered:
    if compared is None or compared.analysis is None:
        why = "; ".join(_said_of(compared, "judge")) if compared else ""
        error = f"the judge gave no analysis to choose by{': ' if why else ''}{why}"
        return Answered("failed", "", error, _receipt(panel, compared), _missing(panel), stages=list(panel.keys))
    best = best_draft([outcome.as_response() for outcome in panel.usable], compared.analysis)
    chosen = next(outcome for outcome in panel.usable if outcome.seat_id == best["seat_id"])
    return _draft(panel, compared, chosen, [judged])


def _most_repeated(drafts: Sequence[PanelistOutcome]) -> PanelistOutcome:
    """Take the draft whose answer most drafts give; the first of those where several do."""
    said = [_said(draft.content) for draft in drafts]
    counts = Counter(said)
    return drafts[max(range(len(drafts)), key=lambda at: (counts[said[at]], -at))]


def _said(text: str) -> str:
    named = [match["said"] for match in _ANSWER_LINE.finditer(text)]
    return " ".join((named[-1] if named else text).casefold().split()).strip(" .*_`\"'")


def _receipt(panel: _Panel, compared: Compared | None) -> Receipt:
    """Make the receipt of an answer that nobody wrote: a draft as it is, or none."""
    if compared is not None:
        receipt = Receipt.model_validate(compared.receipt).amended()
    else:
        seats = [SeatReceipt.of(outcome) for outcome in panel.outcomes]
        receipt = Receipt(chosen=CHOSEN, seats=seats, deliberated=len(seats) > 1).amended()
    return receipt.model_copy(update={"seconds": _critical_path(receipt)})


def _critical_path(receipt: Receipt) -> float:
    """Add up what had to be waited for: the slowest seat, then the judge, then the writer; in seconds."""
    readers = [part.latency for part in (receipt.judge, receipt.writer) if part is not None]
    return round(max((seat.latency for seat in receipt.seats), default=0.0) + sum(readers), 3)


def _missing(panel: _Panel) -> list[str]:
    return [outcome.seat_id for outcome in panel.outcomes if outcome.lost]


def _urls(panel: _Panel) -> list[str]:
    return list(dict.fromkeys(source.url for outcome in panel.outcomes for source in outcome.sources))


def _seats_used(panel: _Panel, written: Written) -> dict[str, int]:
    used: Counter[str] = Counter({outcome.seat_id: 0 for outcome in panel.outcomes})
    for source in written.sources:
        for seat_id in source["seat_ids"]:
            if seat_id in used:
                used[seat_id] += written.citations.get(source["url"], 0)
    return dict(used)


def _said_of(compared: Compared, part: str) -> list[str]:
    degraded = Receipt.model_validate(compared.receipt).degraded
    return [f"{entry.reason}: {entry.detail}" for entry in degraded if entry.part == part]

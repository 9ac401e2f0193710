"""`panelist`: one ReAct sub-agent researches and writes a draft; however it ends, a typed outcome comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, convert_to_messages
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from fusion_graph.budget import REACHED, Ledger
from fusion_graph.config import FusionConfig, Seat
from fusion_graph.events import Emit, emitter
from fusion_graph.failures import Failure, classify
from fusion_graph.kit import Kit, part_config
from fusion_graph.ledgers import reopen_ledger
from fusion_graph.loop import Work
from fusion_graph.meter import Meter, finish_reason
from fusion_graph.middleware.budget import budgeted
from fusion_graph.middleware.fallback import Fallback
from fusion_graph.middleware.overflow import NOTE, TrimOnOverflow
from fusion_graph.middleware.retry import Retry
from fusion_graph.middleware.step_limit import StepLimit
from fusion_graph.middleware.tool_guard import ToolGuard
from fusion_graph.outcomes import OutcomeKind, PanelistOutcome, ending
from fusion_graph.prompting import render
from fusion_graph.purse import Purse
from fusion_graph.quirks import withdrawal
from fusion_graph.race import Race, SeatClock
from fusion_graph.receipt import SeatReceipt
from fusion_graph.resume import RESUMED, usable_before
from fusion_graph.sources import found_in
from fusion_graph.state import PanelistTask
from fusion_graph.tracing import note_part, noted_at_end, part_facts

Panelist = Callable[[PanelistTask, Runtime[FusionConfig], RunnableConfig], Awaitable[dict[str, Any]]]

_OUTCOME_OF: dict[str, OutcomeKind] = {
    "timeout": "timed_out",
    "straggler": "timed_out",
    "deadline": "timed_out",
    "content_filter": "refused",
    "cancelled": "cancelled",
}


def panelist_node(kit: Kit, *, writes: bool) -> Panelist:
    """Make the node.

    Args:
        kit: The graph's kit.
        writes: Whether this graph has a writer, for whom a limited run keeps a share.

    Returns:
        The node.
    """

    async def panelist(task: PanelistTask, runtime: Runtime[FusionConfig], config: RunnableConfig) -> dict[str, Any]:
        # A retry through LangGraph Server's API brings them as JSON.
        messages = cast("list[AnyMessage]", convert_to_messages(task["messages"]))
        task = {**task, "messages": messages}
        settings = kit.settle(runtime.context, task["settings"])
        seat = Seat.model_validate(task["seat"])
        emit = emitter(runtime.stream_writer)
        namespace = (config.get("configurable") or {}).get("checkpoint_ns", "")
        emit("panel.added", seat_id=seat.id, label=seat.label, model=seat.model, namespace=namespace)
        ledger = await reopen_ledger(kit, task["run_key"], settings, task["messages"], config, writes=writes)
        try:
            research = _Research(kit, settings, seat, emit, ledger)
            research.meter.resumed = kit.began_before(task["run_key"], seat.id, task["process"])
            outcome = await research.run(task, config)
        finally:
            ledger.done(seat.id)
        note_part(config, part_facts(seat.id, SeatReceipt.of(outcome)))
        kit.race(task["run_key"], settings).leave(seat.id, usable=outcome.usable)
        _report(emit, outcome)
        return {"outcomes": {seat.id: outcome.model_dump(mode="json")}}

    return panelist


class _Research:
    """One seat's work on one question."""

    def __init__(self, kit: Kit, settings: FusionConfig, seat: Seat, emit: Emit, ledger: Ledger) -> None:
        self.kit, self.settings, self.seat, self.emit = kit, settings, seat, emit
        self.meter = Meter(kit.prices.price)
        self.purse = Purse(ledger, seat.id, kit.prices, seat.max_completion_tokens or settings.max_completion_tokens)
        self.trim = TrimOnOverflow()
        self.fallback = Fallback([(name, self._model(name)) for name in seat.fallbacks])
        self.clock = SeatClock(settings.seat_timeout, settings.seat_idle_timeout)
        self.started = time.monotonic()

    async def run(self, task: PanelistTask, config: RunnableConfig) -> PanelistOutcome:
        """Research, and type whatever comes of it; only cancellation and interrupts pass through."""
        seat = self.seat
        own = part_config(
            config,
            seat.id,
            self.meter,
            *([] if self.settings.seat_idle_timeout is None else [self.clock]),  # only there need it hear progress
            seat_id=seat.id,
            seat_label=seat.label,
            seat_role=seat.role,
            requested_model=seat.model,
        )
        own = noted_at_end(own, lambda ended: part_facts(seat.id, SeatReceipt.of(self._ended(_said(ended), task))))
        race = self.kit.race(task["run_key"], self.settings)
        try:
            async with self.clock, self.kit.shell(self.settings, seat) as shell:
                race.enter(seat.id, self.clock)
                await _look_back(race, config)
                result = await self.kit.loops.run(self._work(task, shell), task["messages"], own)
        except GraphBubbleUp:
            raise
        except asyncio.CancelledError:
            race.leave(seat.id, usable=False)
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: whatever a model or a tool did becomes an outcome
            return self._ended(error, task)
        return self._ended(result, task)

    def _ended(self, ended: Any, task: PanelistTask) -> PanelistOutcome:
        """Type what the sub-agent came to: its conversation, or what it raised."""
        if isinstance(ended, BaseException):
            return self._failed(self.clock.failure or classify(ended))
        messages = ended[len(task["messages"]) :]
        self.meter.recall(self.seat.id, self.seat.model, messages)
        return self._finished(messages)

    def _work(self, task: PanelistTask, shell: Sequence[BaseTool]) -> Work:
        kit, seat, settings = self.kit, self.seat, self.settings
        steps = seat.max_tool_calls or settings.max_tool_calls
        limit = StepLimit(steps, withdrawal=withdrawal(seat.model), last_turn=render("last_turn", settings.prompts))
        healing = [self.fallback, self.trim, Retry()]
        return Work(
            name=seat.id,
            model=self._model(seat.model),
            prompt=panelist_prompt(settings, seat, steps),
            tools=[*kit.tools(settings, seat, task["run_key"]), *shell],
            middleware=[limit, *healing, *budgeted(self.purse, limit), ToolGuard(seat.id, self.emit)],
        )

    def _model(self, name: str) -> BaseChatModel:
        settings = self.kit.seat_settings(self.settings, self.seat)
        return self.kit.models.get(name, settings, asked_by=f"seat {self.seat.id!r}")

    def _finished(self, messages: Sequence[AnyMessage]) -> PanelistOutcome:
        draft = next((m for m in reversed(messages) if isinstance(m, AIMessage)), None)
        if draft is None:
            return self._failed(Failure(kind="empty", message="ended without producing any text"))
        text = str(draft.text).strip()
        kind, failure = ending(draft)
        return self._outcome(
            kind,
            content=text,
            failure=failure,
            sources=found_in(messages),
            finish_reason=finish_reason(draft),
        )

    def _failed(self, failure: Failure) -> PanelistOutcome:
        return self._outcome(_OUTCOME_OF.get(failure.kind, "failed"), failure=failure)

    def _outcome(self, kind: OutcomeKind, **facts: Any) -> PanelistOutcome:
        last = self.meter.last()
        return PanelistOutcome(
            seat_id=self.seat.id,
            label=self.seat.label,
            role=self.seat.role,
            model=self.seat.model,
            answered_by=self.fallback.answered_by,
            served_model=last.served_model if last else None,
            outcome=kind,
            usage=self.meter.usage(),
            calls=self.meter.count(),
            tool_calls=sum(self.meter.tool_calls.values()),
            latency=round(time.monotonic() - self.started, 3),
            notes=self._notes(),
            **facts,
        )

    def _notes(self) -> list[str]:
        stopped = self.seat.id in self.purse.ledger.stopped
        said = {NOTE: self.trim.trimmed, REACHED: stopped, RESUMED: self.meter.resumed}
        return [note for note, holds in said.items() if holds]


def _said(ended: Any) -> Any:
    """Return the conversation in a sub-agent's output; what it raised as it is."""
    return ended["messages"] if isinstance(ended, dict) else ended


async def _look_back(race: Race, config: RunnableConfig) -> None:
    """Count what an earlier process finished, once: after a resume a quorum may be nearly there."""
    if race.quorum is not None and not race.looked_back:
        race.looked_back = True
        race.finished(await usable_before(config))


def panelist_prompt(settings: FusionConfig, seat: Seat, steps: int) -> str:
    """Render a seat's system prompt.

    Args:
        settings: The run's settings.
        seat: The seat.
        steps: Its tool steps.

    Returns:
        The prompt, with the seat's role and instructions where it has some.
    """
    return render(
        "panelist",
        settings.prompts,
        role=f"Your part on this panel: {seat.role}\n\n" if seat.role else "",
        instructions=f"\n{seat.instructions}\n" if seat.instructions else "",
        max_tool_calls=str(steps),
        today=datetime.now(UTC).date().isoformat(),
    )


def _report(emit: Emit, outcome: PanelistOutcome) -> None:
    facts: dict[str, Any] = {
        "seat_id": outcome.seat_id,
        "outcome": outcome.outcome,
        "latency": outcome.latency,
        "usage": outcome.usage.model_dump(mode="json"),
        "calls": outcome.calls,
        "tool_calls": outcome.tool_calls,
        "served_model": outcome.served_model,
    }
    if outcome.usable:
        emit("panel.completed", content=outcome.content, **facts)
        return
    status = outcome.failure.status_code if outcome.failure else None
    emit(
        "panel.failed",
        error=outcome.reason,
        **facts,
        **({"status_code": status} if status is not None else {}),
    )

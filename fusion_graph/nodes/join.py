"""`join`: order the outcomes, register the sources, and decide whether there is anything to judge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from fusion_graph.config import FusionConfig
from fusion_graph.drafts_block import RESERVED, shuffled
from fusion_graph.events import emitter
from fusion_graph.kinship import kinships
from fusion_graph.kit import Kit
from fusion_graph.models import DEFAULT_WINDOW, context_window
from fusion_graph.outcomes import PanelistOutcome
from fusion_graph.receipt import Degradation, Receipt, SeatReceipt, Shown
from fusion_graph.seats import judge_of, writer_of
from fusion_graph.sources import Registry
from fusion_graph.state import FusionState
from fusion_graph.tracing import note_run

Join = Callable[[FusionState, Runtime[FusionConfig], RunnableConfig], Awaitable[dict[str, Any]]]


def join_node(kit: Kit, *, writes: bool) -> Join:
    """Make the node.

    Args:
        kit: The graph's kit.
        writes: Whether this graph has a writer, whose window then counts too.

    Returns:
        The node.
    """

    async def join(state: FusionState, runtime: Runtime[FusionConfig], config: RunnableConfig) -> dict[str, Any]:
        settings = kit.settle(runtime.context, state["settings"])
        outcomes = in_order(state)
        usable = [outcome for outcome in outcomes if outcome.usable]
        receipt = Receipt.model_validate(state["receipt"])
        shown = shuffled(usable, receipt.seed or 0)
        receipt = receipt.amended(
            seats=[SeatReceipt.of(outcome) for outcome in outcomes],
            shown_order=[Shown(label=draft.label, seat_id=draft.outcome.seat_id) for draft in shown],
            kinship=kinships(kit.models.catalog, settings, outcomes, writes=writes),
            degraded=_degraded(outcomes),
        )
        update = {
            "shown": [draft.outcome.seat_id for draft in shown],
            "window": _window(kit, settings, writes=writes),
            "sources": [source.model_dump() for source in Registry.of(outcomes).sources],
            "responses": [outcome.as_response() for outcome in usable],
            "failed_models": [outcome.as_failed_model() for outcome in outcomes if not outcome.usable],
        }
        if usable:
            return {**update, "receipt": receipt.as_state()}
        reason = failure_reason(outcomes)
        emitter(runtime.stream_writer)("fusion.completed", status="error", failure_reason=reason)
        receipt = receipt.amended(status="error", failure_reason=reason)
        note_run(config, receipt)
        kit.forget(state["run_key"])
        return {**update, "receipt": receipt.as_state(), "status": "error", "failure_reason": reason}

    return join


def after_join(state: FusionState) -> Literal["judge", "__end__"]:
    """Route: with any usable draft to the judge, else to the end."""
    return "judge" if state["shown"] else "__end__"


def in_order(state: FusionState) -> list[PanelistOutcome]:
    """Return the outcomes in the panel's order."""
    held = state["outcomes"]
    return [PanelistOutcome.model_validate(held[seat["id"]]) for seat in state["seats"] if seat["id"] in held]


def failure_reason(outcomes: Sequence[PanelistOutcome]) -> str:
    """Say in OpenRouter's codes why a whole panel failed.

    Args:
        outcomes: All outcomes, none of them usable.

    Returns:
        `insufficient_credits` or `rate_limited` if that befell any seat, `invalid_model` or `cancelled` if all,
        else `all_panels_failed`.
    """
    kinds = {outcome.failure.kind if outcome.failure else "empty" for outcome in outcomes}
    for reason in ("insufficient_credits", "rate_limited"):
        if reason in kinds:
            return reason
    for reason in ("invalid_model", "cancelled"):
        if kinds == {reason}:
            return reason
    return "all_panels_failed"


def _degraded(outcomes: Sequence[PanelistOutcome]) -> list[Degradation]:
    lost = [Degradation(part=o.seat_id, reason=f"seat_{o.outcome}", detail=o.reason) for o in outcomes if not o.usable]
    cut = [
        Degradation(part=o.seat_id, reason="seat_truncated", detail="the draft ends at the output limit")
        for o in outcomes
        if o.usable and o.outcome == "truncated"
    ]
    others = [
        Degradation(part=o.seat_id, reason="fallback_used", detail=f"{o.model} failed; {o.answered_by} went on")
        for o in outcomes
        if o.answered_by is not None
    ]
    notes = [Degradation(part=o.seat_id, reason=note) for o in outcomes for note in o.notes]
    late = [o for o in outcomes if o.failure is not None and o.failure.kind == "deadline"]
    run = [Degradation(part="run", reason="partial", detail="the deadline came before every seat had ended")] if late else []
    return [*run, *lost, *cut, *others, *notes]


def _window(kit: Kit, settings: FusionConfig, *, writes: bool) -> int:
    """Tokens for the drafts block in the smaller of the two windows, with output and instructions kept free."""
    readers = [kit.models.get(judge_of(settings), kit.judge_settings(settings), asked_by="judge")]
    if writes:
        readers.append(kit.models.get(writer_of(settings), kit.writer_settings(settings), asked_by="writer"))
    window = settings.context_window or min(context_window(reader) or DEFAULT_WINDOW for reader in readers)
    output = min(settings.max_completion_tokens, window // 4)
    return max(window - output - RESERVED, window // 4)

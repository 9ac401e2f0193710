"""`join`: order the outcomes, register the sources, and decide whether there is anything to judge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from string import ascii_uppercase
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from fusion_graph.budget import REACHED, marks
from fusion_graph.config import FusionConfig
from fusion_graph.drafts_block import Labelled, shuffled
from fusion_graph.events import emitter
from fusion_graph.kit import Kit
from fusion_graph.ledgers import ledger_so_far
from fusion_graph.outcomes import PanelistOutcome
from fusion_graph.receipt import Degradation, Receipt, SeatReceipt, Shown
from fusion_graph.resume import RESUMED, RESUMED_DETAIL, this_process
from fusion_graph.review import Panel, review_drafts
from fusion_graph.sources import Registry
from fusion_graph.state import FusionState
from fusion_graph.tracing import note_run

Join = Callable[[FusionState, Runtime[FusionConfig], RunnableConfig], Awaitable[dict[str, Any]]]


def join_node(kit: Kit) -> Join:
    """Make the node.

    Args:
        kit: The graph's kit.

    Returns:
        The node.
    """

    async def join(state: FusionState, runtime: Runtime[FusionConfig], config: RunnableConfig) -> dict[str, Any]:
        settings = kit.settle(runtime.context, state["settings"])
        panel = Panel(state["seats"], in_order(state), [])
        if "judge" in settings.review:
            panel = review_drafts(panel.seats, panel.outcomes)
        outcomes = panel.outcomes
        usable = [outcome for outcome in outcomes if outcome.usable]
        seats = [SeatReceipt.of(outcome) for outcome in outcomes]
        receipt = Receipt.model_validate(state["receipt"]).amended(seats=seats)
        ledger = ledger_so_far(kit, state["run_key"], settings, receipt)
        shown = shuffled(usable, receipt.seed or 0)
        receipt = receipt.amended(
            shown_order=[Shown(label=draft.label, seat_id=draft.outcome.seat_id) for draft in shown],
            degraded=[*marks(ledger, receipt, partial=_stopped(outcomes), final=not usable), *_degraded(outcomes)],
            limits=ledger.entry(),
            edits=panel.edits,
        )
        update = {
            **panel.as_update(),
            "process": this_process(),
            "shown": [draft.outcome.seat_id for draft in shown],
            "sources": [source.model_dump() for source in Registry.of(outcomes).sources],
            "responses": [outcome.as_response() for outcome in usable],
            "failed_models": [outcome.as_failed_model() for outcome in outcomes if outcome.lost],
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


async def after_join(state: FusionState) -> Literal["judge", "__end__"]:
    """Route: with any usable draft to the judge, else to the end. A route that is no coroutine takes a thread."""
    return "judge" if state["shown"] else "__end__"


def labelled(shown: Sequence[str], usable: Sequence[PanelistOutcome]) -> list[Labelled]:
    """Letter the drafts by their place in the shown order; one that was dropped since leaves its letter unused.

    Args:
        shown: Seat ids in the shown order.
        usable: The usable outcomes.

    Returns:
        The drafts in the shown order.
    """
    held = {outcome.seat_id: outcome for outcome in usable}
    return [
        Labelled(label, held[seat_id])
        for label, seat_id in zip(ascii_uppercase, shown, strict=False)
        if seat_id in held
    ]


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


def _stopped(outcomes: Sequence[PanelistOutcome]) -> bool:
    return any(REACHED in outcome.notes for outcome in outcomes)


def _degraded(outcomes: Sequence[PanelistOutcome]) -> list[Degradation]:
    lost = [Degradation(part=o.seat_id, reason=f"seat_{o.outcome}", detail=o.reason) for o in outcomes if o.lost]
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
    said = {RESUMED: RESUMED_DETAIL}
    notes = [Degradation(part=o.seat_id, reason=n, detail=said.get(n, "")) for o in outcomes for n in o.notes]
    late = [o for o in outcomes if o.failure is not None and o.failure.kind == "deadline"]
    run = (
        [Degradation(part="run", reason="partial", detail="the deadline came before every seat had ended")]
        if late
        else []
    )
    return [*run, *lost, *cut, *others, *notes]

"""`review`: the run waits for a person before the writer writes; nothing here costs anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fusion_graph.nodes.join import in_order, labelled
from fusion_graph.receipt import Receipt, SeatReceipt, Shown
from fusion_graph.resume import this_process
from fusion_graph.review import review_answer
from fusion_graph.state import FusionState

Review = Callable[[FusionState], Awaitable[dict[str, Any]]]


def review_node() -> Review:
    """Make the node.

    Returns:
        The node.
    """

    async def review(state: FusionState) -> dict[str, Any]:
        source_ids = [source["id"] for source in state["sources"]]
        panel, analysis = review_answer(state["seats"], in_order(state), state["analysis"], source_ids)
        usable = [outcome for outcome in panel.outcomes if outcome.usable]
        shown = [*state["shown"], *[entry.seat_id for entry in usable if entry.seat_id not in state["shown"]]]
        receipt = Receipt.model_validate(state["receipt"]).amended(
            seats=[SeatReceipt.of(outcome) for outcome in panel.outcomes],
            shown_order=[Shown(label=draft.label, seat_id=draft.outcome.seat_id) for draft in labelled(shown, usable)],
            edits=panel.edits,
        )
        return {
            **panel.as_update(),
            "process": this_process(),
            "analysis": analysis,
            "shown": shown,
            "responses": [outcome.as_response() for outcome in usable],
            "receipt": receipt.as_state(),
        }

    return review

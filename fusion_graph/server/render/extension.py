"""The extension field `fusion` of every response object: what the run did, with the whole receipt."""

from __future__ import annotations

from typing import Any

from fusion_graph.server.plan import GraphName
from fusion_graph.server.render.result import Result

MODES: dict[GraphName, str] = {"fusion": "fuse", "deliberation": "analyze", "fusion_agent": "auto"}


def fusion_field(result: Result, *, drafts: bool = True) -> dict[str, Any]:
    """Return the field.

    Args:
        result: The finished run.
        drafts: Whether the drafts are part of it; on Responses the output item holds them.

    Returns:
        Plain data. `degraded` lists what a full run would have had and this one has not.
    """
    output, receipt = result.output, result.receipt
    panel = result.panel or {}
    field = {
        "deliberated": receipt["deliberated"],
        "mode": MODES[result.plan.graph],
        "graph": result.plan.graph,
        "surface": result.plan.surface,
        "status": output["status"],
        "failure_reason": output["failure_reason"] or panel.get("failure_reason"),
        "degraded": receipt["degraded"],
        "seats": [_seat(seat) for seat in receipt["seats"]],
        "analysis": output["analysis"],
        "sources": output["sources"],
        "responses": output["responses"],
        "failed_models": output["failed_models"],
        "receipt": receipt,
    }
    return field if drafts else {name: value for name, value in field.items() if name != "responses"}


def _seat(seat: dict[str, Any]) -> dict[str, Any]:
    return {
        "seat_id": seat["seat_id"],
        "label": seat["label"],
        "model": seat["requested_model"],
        "served_model": seat["served_model"],
        "outcome": seat["outcome"],
        "cost": seat["usage"]["cost_usd"],
        "seconds": seat["latency"],
    }

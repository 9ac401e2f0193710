"""What `GET /v1/generation` tells of a run."""

from __future__ import annotations

import time
from typing import Any

from fusion_graph.server.plan import RunPlan
from fusion_graph.server.render.result import Result
from fusion_graph.server.render.tally import Tally
from fusion_graph.server.render.usage import total_cost


def generation(
    generation_id: str, plan: RunPlan, result: Result | None, tally: Tally, *, created: int, streamed: bool
) -> dict[str, Any]:
    """Return the record.

    Args:
        generation_id: The id of the completion, Response or message.
        plan: What was asked.
        result: The finished run; `None` for one that was cancelled or broke off.
        tally: Its tool calls.
        created: Unix time of the request in seconds.
        streamed: Whether it was streamed.

    Returns:
        OpenRouter's fields as far as they are known, and the receipt under `fusion`.
    """
    receipt = result.receipt if result else None
    used = receipt["totals"]["usage"] if receipt else {}
    return {
        "id": generation_id,
        "object": "generation",
        "created_at": created,
        "model": result.model if result else plan.requested_model,
        "requested_model": plan.requested_model,
        "router": plan.requested_model if plan.surface == "slug" else None,
        "streamed": streamed,
        "cancelled": result is None,
        "finish_reason": result.finish_reason if result and result.output["status"] == "ok" else None,
        "total_cost": total_cost(receipt) if receipt else None,
        "tokens_prompt": used.get("input_tokens"),
        "tokens_completion": used.get("output_tokens"),
        "native_tokens_cached": used.get("cached_tokens"),
        "native_tokens_reasoning": used.get("reasoning_tokens"),
        "num_search_results": None,
        "num_searches": tally.searches,
        "num_fetches": tally.fetches,
        "generation_time": round(1000 * receipt["seconds"]) if receipt and receipt["seconds"] is not None else None,
        "latency": round(1000 * (time.time() - created)),
        "is_byok": False,
        "fusion": receipt,
    }

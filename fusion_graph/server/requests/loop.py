"""When the calling model's loop over server tools ends early."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fusion_graph.server.requests.base import TOKENS, Body, by, tag


class MaxCost(Body):
    """Ends it at a cost: the same as `fusion.max_cost_usd`."""

    type: Literal["max_cost"]
    max_cost_in_dollars: float = Field(gt=0, le=1_000_000)


class MaxTokensUsed(Body):
    """Ends it at a number of tokens: the same as `fusion.max_total_tokens`."""

    type: Literal["max_tokens_used"]
    max_tokens: int = Field(ge=1, lt=TOKENS)


StopCondition = Annotated[
    Annotated[MaxCost, tag("max_cost")] | Annotated[MaxTokensUsed, tag("max_tokens_used")],
    by("type", "max_cost, max_tokens_used (step_count_is, has_tool_call and finish_reason_is are not supported)"),
]
StopConditions = Annotated[list[StopCondition], Field(max_length=16)]

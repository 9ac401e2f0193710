"""What a call used: tokens, cost and who says so, fees."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

from langchain_core.messages import AIMessage, ToolMessage
from pydantic import BaseModel, ConfigDict

from fusion_graph.money import exact, summed

CostSource = Literal["provider", "list", "mixed"]
_TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
_CACHE_WRITES = ("cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


class Usage(BaseModel):
    """Tokens and cost of one or many calls; `None` means unknown, never zero.

    Attributes:
        input_tokens: Prompt tokens, those read from and written to a cache included.
        output_tokens: Completion tokens, reasoning included.
        cached_tokens: Prompt tokens read from the provider's cache.
        cache_write_tokens: Prompt tokens written to it, where the provider says so.
        reasoning_tokens: Completion tokens spent on reasoning.
        cost_usd: What the model calls cost, in US dollars.
        cost_source: Who says so: the `provider`, the price `list`, or both for different calls (`mixed`).
        fees_usd: What search engines charge by the list for the searches made, in US dollars.
        tokens_at_least: Whether some call reported no tokens, so that the sums are lower bounds.
        cost_at_least: Whether the cost of some call is unknown, so that the sum is a lower bound.
        fees_at_least: Whether the fee of some search is unknown, so that the sum is a lower bound.
    """

    model_config = ConfigDict(frozen=True)

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    cost_source: CostSource | None = None
    fees_usd: float | None = 0.0
    tokens_at_least: bool = False
    cost_at_least: bool = False
    fees_at_least: bool = False

    @classmethod
    def total(cls, parts: list[Usage]) -> Usage:
        """Add usages up; a sum over unknowns alone is unknown.

        Args:
            parts: The usages of the parts.

        Returns:
            The sum, marked as lower bounds where a part did not know its tokens, its cost or its fees.
        """
        sums: dict[str, Any] = {name: _known_sum([getattr(part, name) for part in parts]) for name in _TOKENS}
        sources = {part.cost_source for part in parts if part.cost_source is not None}
        return cls(
            **sums,
            cost_usd=summed(part.cost_usd for part in parts),
            cost_source=None if not sources else sources.pop() if len(sources) == 1 else "mixed",
            fees_usd=summed(part.fees_usd for part in parts) if parts else 0.0,
            tokens_at_least=any(
                part.tokens_at_least or None in (part.input_tokens, part.output_tokens) for part in parts
            ),
            cost_at_least=any(part.cost_at_least or part.cost_usd is None for part in parts),
            fees_at_least=any(part.fees_at_least or part.fees_usd is None for part in parts),
        )


Price = Callable[[str, str | None, Usage], float | None]
"""Prices a call from a list: requested name, served name, tokens; `None` where the list does not know."""


def usage_of(message: AIMessage) -> Usage:
    """Read tokens and cost from a model's message.

    Args:
        message: The model's message.

    Returns:
        The usage; a field is `None` where the provider did not report it.
    """
    counted = message.usage_metadata
    raw = message.response_metadata.get("token_usage") or {}
    cost = _amount(raw.get("cost")) if isinstance(raw, dict) else None
    source: CostSource | None = None if cost is None else "provider"
    if counted is None:
        return Usage(cost_usd=cost, cost_source=source)
    read: dict[str, Any] = dict(counted.get("input_token_details") or {})
    return Usage(
        input_tokens=counted.get("input_tokens"),
        output_tokens=counted.get("output_tokens"),
        cached_tokens=read.get("cache_read"),
        cache_write_tokens=_known_sum([read.get(name) for name in _CACHE_WRITES]),
        reasoning_tokens=(counted.get("output_token_details") or {}).get("reasoning"),
        cost_usd=cost,
        cost_source=source,
    )


def priced(usage: Usage, model: str | None, served: str | None, price: Price | None) -> Usage:
    """Fill in the cost of a call from a price list where its provider gave none.

    Args:
        usage: What the call used.
        model: The name under which the config asked for the model; unknown for a model given in Python.
        served: The model that the provider says answered.
        price: The list.

    Returns:
        The usage, with a cost if the list knows one.
    """
    if usage.cost_usd is not None or model is None or price is None:
        return usage
    listed = price(model, served, usage)
    return usage if listed is None else usage.model_copy(update={"cost_usd": listed, "cost_source": "list"})


def fee_of(output: Any) -> tuple[float | None] | None:
    """Read what a tool says it charged: `fee_usd` in its artifact.

    Args:
        output: What the tool returned.

    Returns:
        The fee in US dollars, which may be unknown; nothing where the tool does not speak of one.
    """
    artifact = output.artifact if isinstance(output, ToolMessage) else None
    if not isinstance(artifact, dict) or "fee_usd" not in artifact:
        return None
    return (_amount(artifact["fee_usd"]),)


def _amount(cost: Any) -> float | None:
    """Read a cost, which a gateway may send as a number or as its text; anything else is no cost."""
    try:
        amount = float(cost)
    except (TypeError, ValueError):
        return None
    return exact(amount) if math.isfinite(amount) and amount >= 0 else None


def _known_sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None

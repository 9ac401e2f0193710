"""Where providers differ: the one place that knows."""

from __future__ import annotations

import re
from typing import Any

from fusion_graph.config import Reasoning

_EFFORT_TOKENS = {
    "max": 32_000,
    "xhigh": 24_000,
    "high": 16_000,
    "medium": 8_000,
    "low": 4_000,
    "minimal": 1_024,
}
_OPENAI_EFFORTS = {"max": "xhigh"}
_ANTHROPIC_EFFORTS = {"minimal": "low"}
_CLAUDE_WITH_BUDGET = re.compile(r"claude-(?:3|(?:opus|sonnet|haiku)-4(?:$|-(?:[0-5](?!\d)|\d{8})))")
"""The models that take a budget for thinking; later ones take an effort and refuse a budget."""
_CLAUDE_WITHOUT_XHIGH = re.compile(r"claude-(?:opus|sonnet)-4-6")
_SMALLEST_BUDGET = 1_024


def reasoning_kwargs(
    provider: str, reasoning: Reasoning | None, *, model: str = "", max_tokens: int | None = None
) -> dict[str, Any]:
    """Say in a provider's own words how hard a model shall think.

    Args:
        provider: `gateway`, `ollama`, or LangChain's name of the provider.
        reasoning: The config's setting.
        model: The model's name at the provider.
        max_tokens: The output cap, which a budget for thinking must stay below.

    Returns:
        Arguments for the chat model's constructor; none where nothing was set or nothing is known.
    """
    if reasoning is None:
        return {}
    asked = reasoning.model_dump(exclude_none=True)
    if provider == "gateway":
        return {"extra_body": {"reasoning": asked}} if asked else {}
    if provider in ("openai", "azure_openai", "xai", "groq", "ollama"):
        effort = reasoning.effort
        return {"reasoning_effort": _OPENAI_EFFORTS.get(effort, effort)} if effort else {}
    tokens = reasoning.max_tokens or _EFFORT_TOKENS.get(reasoning.effort or "")
    if provider == "anthropic" and tokens:
        return _anthropic(model, reasoning.effort, tokens, max_tokens)
    if provider == "google_genai" and (tokens or reasoning.effort == "none"):
        return {"thinking_budget": tokens or 0}
    return {}


def _anthropic(model: str, effort: str | None, tokens: int, max_tokens: int | None) -> dict[str, Any]:
    if _CLAUDE_WITH_BUDGET.match(model):
        budget = max(_SMALLEST_BUDGET, tokens)
        if max_tokens is not None and budget >= max_tokens:
            budget = max(_SMALLEST_BUDGET, max_tokens // 2)
        fits = max_tokens is None or budget < max_tokens
        return {"thinking": {"type": "enabled", "budget_tokens": budget}} if fits else {}
    if effort is None:
        effort = next((name for name, least in _EFFORT_TOKENS.items() if tokens >= least), "minimal")
    if effort == "xhigh" and _CLAUDE_WITHOUT_XHIGH.match(model):
        effort = "high"
    return {"effort": _ANTHROPIC_EFFORTS.get(effort, effort)}


def sampling_kwargs(provider: str, temperature: float | None, *, thinks: bool) -> dict[str, Any]:
    """Return the temperature argument; Anthropic takes none while it thinks."""
    return {} if temperature is None or (thinks and provider == "anthropic") else {"temperature": temperature}


def withdrawal(model_name: str) -> dict[str, Any]:
    """Say how tools are withdrawn for a last turn.

    Anthropic refuses a conversation that holds tool calls when no tools are declared, so there the tools stay
    and their use is forbidden.

    Args:
        model_name: The model as the config names it.

    Returns:
        Overrides for LangChain's `ModelRequest`.
    """
    if model_name.startswith("anthropic:"):
        return {"tool_choice": {"type": "none"}}
    return {"tools": [], "tool_choice": None}

"""Where providers differ: the one place that knows."""

from __future__ import annotations

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


def reasoning_kwargs(provider: str, reasoning: Reasoning | None) -> dict[str, Any]:
    """Say in a provider's own words how hard a model shall think.

    Args:
        provider: `gateway`, `ollama`, or LangChain's name of the provider.
        reasoning: The config's setting.

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
        return {"thinking": {"type": "enabled", "budget_tokens": max(1_024, tokens)}}
    if provider == "google_genai" and (tokens or reasoning.effort == "none"):
        return {"thinking_budget": tokens or 0}
    return {}


def sampling_kwargs(provider: str, temperature: float | None, reasoning: Reasoning | None) -> dict[str, Any]:
    """Return the temperature argument; Anthropic takes none while it thinks."""
    thinks = provider == "anthropic" and bool(reasoning_kwargs(provider, reasoning))
    return {} if temperature is None or thinks else {"temperature": temperature}


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

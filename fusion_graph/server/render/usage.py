"""A run's tokens and cost in the shapes of the three APIs: of all its calls together, what is unknown as such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fusion_graph.money import summed
from fusion_graph.server.render.tally import Tally
from fusion_graph.usage import Usage


def chat_usage(receipt: Mapping[str, Any], tally: Tally) -> dict[str, Any] | None:
    """Return the usage block of a chat completion.

    Args:
        receipt: The run's receipt.
        tally: Its tool calls.

    Returns:
        OpenRouter's block; `None` where no call reported its tokens. Details that no provider reported are left out.
    """
    used = receipt["totals"]["usage"]
    if used["input_tokens"] is None or used["output_tokens"] is None:
        return None
    read = {"cached_tokens": used["cached_tokens"], "cache_write_tokens": used["cache_write_tokens"]}
    return {
        "prompt_tokens": used["input_tokens"],
        "completion_tokens": used["output_tokens"],
        "total_tokens": used["input_tokens"] + used["output_tokens"],
        "prompt_tokens_details": _known(read),
        "completion_tokens_details": _known({"reasoning_tokens": used["reasoning_tokens"]}),
        **_costs(receipt, tally, ("prompt", "completions")),
    }


def responses_usage(receipt: Mapping[str, Any], tally: Tally) -> dict[str, Any] | None:
    """Return the usage block of a Response.

    Args:
        receipt: The run's receipt.
        tally: Its tool calls.

    Returns:
        The block; `None` where no call reported its tokens. OpenAI's clients need numbers in the details: those that
        no provider reported are 0 there, and `null` in the receipt.
    """
    used = receipt["totals"]["usage"]
    if used["input_tokens"] is None or used["output_tokens"] is None:
        return None
    return {
        "input_tokens": used["input_tokens"],
        "input_tokens_details": {
            "cached_tokens": used["cached_tokens"] or 0,
            "cache_write_tokens": used["cache_write_tokens"] or 0,
        },
        "output_tokens": used["output_tokens"],
        "output_tokens_details": {"reasoning_tokens": used["reasoning_tokens"] or 0},
        "total_tokens": used["input_tokens"] + used["output_tokens"],
        **_costs(receipt, tally, ("input", "output")),
    }


def usage_so_far(spent: Sequence[Mapping[str, Any]], tally: Tally) -> dict[str, Any] | None:
    """Return the usage block of a Response whose run broke off: of the seats that had ended, as lower bounds.

    Args:
        spent: What each of them took: `usage`, `tool_calls`.
        tally: The run's tool calls.

    Returns:
        The block; `None` where no seat had ended, or none reported its tokens.
    """
    if not spent:
        return None
    bounds = {"tokens_at_least": True, "cost_at_least": True, "fees_at_least": True}
    usage = Usage.total([Usage.model_validate(each["usage"]) for each in spent]).model_dump(mode="json")
    totals = {"usage": {**usage, **bounds}, "tool_calls": sum(each["tool_calls"] for each in spent)}
    return responses_usage({"totals": totals}, tally)


def messages_usage(receipt: Mapping[str, Any], tally: Tally) -> dict[str, Any]:
    """Return the usage block of an Anthropic message.

    Args:
        receipt: The run's receipt.
        tally: Its tool calls.

    Returns:
        The block. Its tokens cannot be left out: unknown ones are 0 there, and `tokens_at_least` says so.
    """
    used = receipt["totals"]["usage"]
    cached, written = used["cached_tokens"] or 0, used["cache_write_tokens"] or 0
    costs = _costs(receipt, tally, ("input", "output"))
    return {
        "input_tokens": max(0, (used["input_tokens"] or 0) - cached - written),
        "output_tokens": used["output_tokens"] or 0,
        "cache_read_input_tokens": used["cached_tokens"],
        "cache_creation_input_tokens": used["cache_write_tokens"],
        "server_tool_use": {"web_search_requests": tally.searches, "web_fetch_requests": tally.fetches},
        **{name: costs[name] for name in ("cost", "cost_at_least", "tokens_at_least")},
    }


def total_cost(receipt: Mapping[str, Any]) -> float | None:
    """Return what a run cost, models and searches together, in US dollars; `None` where nobody knows."""
    used = receipt["totals"]["usage"]
    return None if used["cost_usd"] is None else summed([used["cost_usd"], used["fees_usd"]])


def _costs(receipt: Mapping[str, Any], tally: Tally, ways: tuple[str, str]) -> dict[str, Any]:
    used = receipt["totals"]["usage"]
    cost = total_cost(receipt)
    return {
        "cost": cost,
        "cost_at_least": used["cost_at_least"] or used["fees_at_least"] or cost is None,
        "tokens_at_least": used["tokens_at_least"],
        "cost_details": _details(receipt, ways),
        "is_byok": False,
        "server_tool_use_details": {
            "tool_calls_requested": max(tally.requested, receipt["totals"]["tool_calls"]),
            "tool_calls_executed": receipt["totals"]["tool_calls"],
            "web_search_requests": tally.searches,
        },
    }


def _details(receipt: Mapping[str, Any], ways: tuple[str, str]) -> dict[str, Any] | None:
    """Split the models' cost by prompt and completion: nobody reports the halves, so they are known for nothing alone.

    OpenRouter's clients refuse the object without both halves; so it is `None` where they are unknown.
    """
    used = receipt["totals"]["usage"]
    if used["cost_usd"] != 0 or used["cost_at_least"]:
        return None
    halves = {f"upstream_inference_{way}_cost": 0.0 for way in ways}
    return {"upstream_inference_cost": 0.0, **halves, "server_tool_cost": used["fees_usd"]}


def _known(details: dict[str, int | None]) -> dict[str, int] | None:
    known = {name: value for name, value in details.items() if value is not None}
    return known or None

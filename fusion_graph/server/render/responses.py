"""The Response object."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fusion_graph.server.errors import ApiError
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.render.extension import fusion_field
from fusion_graph.server.render.result import Result
from fusion_graph.server.render.tally import Tally
from fusion_graph.server.render.usage import responses_usage

_UNSET: dict[str, Any] = {
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": None,
    "service_tier": None,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
    "frequency_penalty": None,
    "presence_penalty": None,
}
"""What a Response says of request fields that the request left out."""
_CODES = {400: "invalid_prompt", 429: "rate_limit_exceeded"}
"""OpenAI's codes of a failed Response, by HTTP status; any other is a `server_error`."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What stays the same in every state of a Response.

    Attributes:
        plan: What was asked.
        response_id: `resp_...`.
        created_at: Unix time in seconds.
        background: Whether the run goes on without its client.
    """

    plan: RunPlan
    response_id: str
    created_at: int
    background: bool

    def response(self, status: str, output: Sequence[dict[str, Any]], model: str, **more: Any) -> dict[str, Any]:
        """Return the object.

        Args:
            status: `queued`, `in_progress`, `completed`, `incomplete`, `failed` or `cancelled`.
            output: The items so far.
            model: The model as far as it is known.
            **more: What belongs to this state.
        """
        ended = status not in ("queued", "in_progress")
        echo = {name: value for name, value in self.plan.echo.items() if value is not None}
        return {
            **_UNSET,
            **echo,
            "id": self.response_id,
            "object": "response",
            "created_at": self.created_at,
            "completed_at": int(time.time()) if ended else None,
            "status": status,
            "background": self.background,
            "model": model,
            "output": list(output),
            "usage": None,
            **more,
        }


def ending(result: Result, tally: Tally) -> tuple[str, dict[str, Any]]:
    """Return the status of a finished run's Response, and what it adds: usage, why it was cut, the field `fusion`.

    Args:
        result: The finished run.
        tally: Its tool calls.
    """
    more = {"usage": responses_usage(result.receipt, tally), "fusion": fusion_field(result, drafts=False)}
    if result.output["status"] != "ok":
        return "failed", more
    why = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(result.finish_reason)
    return ("incomplete", {**more, "incomplete_details": {"reason": why}}) if why else ("completed", more)


def response_error(error: ApiError) -> dict[str, Any]:
    """Return the `error` of a failed Response: OpenAI's code, and beside it our own and the failure reason."""
    told: dict[str, Any] = {"code": _CODES.get(error.status, "server_error"), "message": error.message}
    if "failure_reason" in error.extra:
        told["failure_reason"] = error.extra["failure_reason"]
    return {**told, "status": error.status, **({"reason": error.code} if error.code else {})}

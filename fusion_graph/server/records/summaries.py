"""A Response in short, for lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_TITLE = 200
"""Characters of the question."""


def summary(response: Mapping[str, Any], asked: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return it: no output, and no more of the question than a title.

    Args:
        response: The Response as it stands.
        asked: Its input items.

    Returns:
        Plain data; `cost` is `None` where it is not known, or not yet.
    """
    same = ("id", "created_at", "completed_at", "status", "background", "model", "metadata", "previous_response_id")
    return {
        "object": "response.summary",
        **{name: response.get(name) for name in same},
        "conversation": response.get("conversation"),
        "retry_of": response.get("retry_of"),
        "title": _title(asked),
        "cost": (response.get("usage") or {}).get("cost"),
        "error": response.get("error"),
    }


def _title(asked: Sequence[Mapping[str, Any]]) -> str:
    for item in reversed(asked):
        if item.get("role") == "user":
            texts = [part.get("text", "") for part in item["content"] if isinstance(part, Mapping)]
            return " ".join(" ".join(texts).split())[:_TITLE]
    return ""

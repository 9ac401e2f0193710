"""Citations in the shapes of Chat Completions and of Responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def nested(annotations: Sequence[dict[str, Any]], offset: int = 0) -> list[dict[str, Any]]:
    """Return citations as chat completions have them.

    Args:
        annotations: Flat citations of the answer.
        offset: Characters of the message before the answer.

    Returns:
        `{"type": "url_citation", "url_citation": {...}}` each.
    """
    return [
        {"type": "url_citation", "url_citation": {key: value for key, value in one.items() if key != "type"}}
        for one in flat(annotations, offset)
    ]


def flat(annotations: Sequence[dict[str, Any]], offset: int = 0) -> list[dict[str, Any]]:
    """Return citations as Responses have them, moved by what stands before the answer."""
    return [
        {**one, "start_index": one["start_index"] + offset, "end_index": one["end_index"] + offset}
        for one in annotations
    ]

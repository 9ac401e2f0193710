"""A request's input as items that can be kept, listed and read again: whole, each with an id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}
_TEXT = {"assistant": "output_text"}


def input_items(given: str | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Bring an input into whole items.

    Args:
        given: A request's checked `input`, or the items that a client adds to a conversation.

    Returns:
        Items with `type`, `id` and `status`; a message's content is a list of parts.
    """
    if isinstance(given, str):
        return [_whole({"role": "user", "content": given})]
    return [_whole(item) for item in given]


def _whole(item: Mapping[str, Any]) -> dict[str, Any]:
    kind = item.get("type") or "message"
    whole = {"type": kind, **{name: value for name, value in item.items() if value is not None}}
    whole["id"] = item.get("id") or f"{_PREFIXES.get(kind, 'st')}_{uuid4().hex}"
    whole.setdefault("status", "completed")
    if kind == "message" and isinstance(item.get("content"), str):
        part = {"type": _TEXT.get(str(item.get("role")), "input_text"), "text": item["content"]}
        whole["content"] = [{**part, "annotations": []} if part["type"] == "output_text" else part]
    return whole

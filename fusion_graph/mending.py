"""Gateways answer in forms that OpenAI does not: what can be read all the same is put into the one LangChain reads.

Left out is what has no meaning anyway: arguments of a call without any, an index, a count that is no number.
"""

from __future__ import annotations

import json
from typing import Any

_ROLE = "assistant"
"""Who wrote an answer, whatever a gateway calls it."""
_TOKENS, _DETAILS = "_tokens", "_tokens_details"


def mend_answer(raw: dict[str, Any]) -> None:
    """Mend a whole answer in place: its tool calls and its usage.

    Args:
        raw: The JSON of the answer.
    """
    for choice in _objects(raw.get("choices")):
        if isinstance(message := choice.get("message"), dict):
            message["role"] = _ROLE
        for call in _calls(choice.get("message")):
            _mend_arguments(call.get("function"))
    _mend_usage(raw)


def mend_chunk(chunk: dict[str, Any]) -> None:
    """Mend a piece of a stream in place: a choice without a delta, tool calls without an index, its usage.

    Args:
        chunk: The JSON of the piece.
    """
    choices = chunk.get("choices")
    if choices is not None:
        chunk["choices"] = _objects(choices)
        for choice in chunk["choices"]:
            choice["delta"] = choice.get("delta") or {}
            if isinstance(choice["delta"], dict) and choice["delta"].get("role"):
                choice["delta"]["role"] = _ROLE
            for call in _calls(choice["delta"]):
                call.setdefault("index", None)
                call["function"] = call.get("function") or {}
                if isinstance(call["function"], dict) and isinstance(call["function"].get("arguments"), dict):
                    call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
    _mend_usage(chunk)


def counted(raw: dict[str, Any]) -> bool:
    """Whether a mended answer or piece says how many tokens went in and came out; LangChain makes 0 of the unknown."""
    usage = raw.get("usage") or {}
    return None not in (usage.get("prompt_tokens"), usage.get("completion_tokens"))


def _objects(listed: Any) -> list[dict[str, Any]]:
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def _calls(message: Any) -> list[dict[str, Any]]:
    """Return the tool calls of a message or delta, of which only objects are kept."""
    if not isinstance(message, dict) or not message.get("tool_calls"):
        return []
    message["tool_calls"] = _objects(message["tool_calls"])
    return list(message["tool_calls"])


def _mend_arguments(function: Any) -> None:
    if not isinstance(function, dict):
        return
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        function["arguments"] = json.dumps(arguments)
    elif arguments is None or _no_object(arguments):
        function["arguments"] = "{}"


def _no_object(arguments: Any) -> bool:
    """Whether arguments are JSON but no object, over which the whole answer would be lost."""
    try:
        return bool(arguments) and not isinstance(json.loads(arguments, strict=False), dict)
    except (TypeError, ValueError, RecursionError):
        return False


def _mend_usage(raw: dict[str, Any]) -> None:
    if "usage" in raw:
        raw["usage"] = _usage(raw["usage"])


def _usage(usage: Any) -> dict[str, Any] | None:
    if not isinstance(usage, dict):
        return None
    mended = dict(usage)
    for name, value in usage.items():
        if name.endswith(_DETAILS):
            mended[name] = _usage(value)
        elif name.endswith(_TOKENS):
            mended[name] = _count(value)
    return mended


def _count(value: Any) -> int | None:
    """Read a number of tokens, which some send as text or as a float."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if number >= 0 and number.is_integer() else None

"""Whether a body is plain JSON that can be kept, sent on and answered; checked before anything else reads it."""

from __future__ import annotations

import math
from typing import Any

from fusion_graph.server.requests.faults import bad, path

MAX_DEPTH = 64
"""Levels of nesting; JSON schemas of functions are the deepest that is honestly sent."""
MAX_INTEGER = 2**63


def plain(body: Any) -> dict[str, Any]:
    """Check a body.

    Args:
        body: What was read of it.

    Returns:
        The same.

    Raises:
        ApiError: 400: it is no object, is nested too deep, or holds text or numbers that cannot be kept.
    """
    if not isinstance(body, dict):
        raise bad("the body must be a JSON object", code="invalid_json")
    waiting: list[tuple[Any, list[str | int]]] = [(body, [])]
    while waiting:
        value, at = waiting.pop()
        if len(at) > MAX_DEPTH:
            raise bad(f"{path(at[:4])}...: nested more than {MAX_DEPTH} levels deep", path(at[:1]))
        if isinstance(value, dict):
            for key in value:
                _check(key, at)
            waiting.extend((inner, [*at, key]) for key, inner in value.items())
        elif isinstance(value, list):
            waiting.extend((inner, [*at, index]) for index, inner in enumerate(value))
        else:
            _check(value, at)
    return body


def _check(value: Any, at: list[str | int]) -> None:
    fault = _fault(value)
    if fault is not None:
        where = path(at)
        raise bad(f"{where or 'the body'}: {fault}", where or None)


def _fault(value: Any) -> str | None:
    if isinstance(value, str):
        if "\x00" in value:
            return "text may not hold the character U+0000"
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            return "text may not hold half of a surrogate pair (U+D800 to U+DFFF); send whole characters"
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else "a number must be finite"
    if isinstance(value, int):
        return None if -MAX_INTEGER <= value < MAX_INTEGER else "an integer must fit into 64 bits"
    return None if value is None else f"{type(value).__name__} is no JSON"

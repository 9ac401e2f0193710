"""Find the JSON object in what a model wrote, whatever stands around it."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

_THINK, _THOUGHT = "<think>", "</think>"
_LONGEST = 1_000_000
_MOST_OBJECTS = 2_000


def object_in(text: str, fields: Collection[str]) -> dict[str, Any]:
    """Read the object that was asked for.

    Prose, a code fence and other objects around it are tolerated; what open models think aloud is not looked at. Of
    several objects the one with the most of the wanted fields counts, of equals the last: models correct themselves.

    Args:
        text: What the model wrote.
        fields: The fields that were asked for.

    Returns:
        The object.

    Raises:
        ValueError: There is none with any of the fields; the message says what is wrong.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST:,} characters")
    best: dict[str, Any] = {}
    for found in _objects(_without_thoughts(text)):
        if len(found.keys() & set(fields)) >= max(1, len(best.keys() & set(fields))):
            best = found
    if not best:
        raise ValueError(f"there is no JSON object with {', '.join(sorted(fields))} in it")
    return best


def _without_thoughts(text: str) -> str:
    said, at = "", 0
    while (start := text.find(_THINK, at)) >= 0 and (end := text.find(_THOUGHT, start)) >= 0:
        said, at = said + text[at:start], end + len(_THOUGHT)
    return said + text[at:]


def _objects(text: str) -> list[dict[str, Any]]:
    """Read every outermost object in a text."""
    decoder = json.JSONDecoder(strict=False)
    found: list[dict[str, Any]] = []
    at = text.find("{")
    for _ in range(_MOST_OBJECTS):
        if at < 0:
            break
        try:
            entry, end = decoder.raw_decode(text, at)
            found.append(entry)
        except json.JSONDecodeError as error:
            end = max(error.pos, at + 1)
        except (ValueError, RecursionError):  # a number too long to read; nested too deeply
            break
        at = text.find("{", end)
    return found

"""The lines of a JSONL file as objects, strictly: what JSON parsers commonly let pass in silence is a fault here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from fusion_graph.evals.datasets.errors import DatasetError, Fault

_BOM = "\ufeff"


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | Fault]]:
    """Go through a JSONL file, one line in memory at a time.

    A line of white space alone is skipped, and counts in the numbering. A byte order mark is tolerated.

    Args:
        path: The file.

    Yields:
        Line number from 1, and the object that the line holds or what is wrong with it.

    Raises:
        DatasetError: The file cannot be read.
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip(b" \t\r\n\xef\xbb\xbf"):
                    yield number, _object(number, line)
    except OSError as error:
        raise DatasetError(f"dataset {str(path)!r} cannot be read: {error.strerror or error}") from error


def strict_json(text: str) -> Any:
    """Parse JSON; NaN, infinities, numbers too large for a float and a key given twice are errors.

    Args:
        text: The JSON.

    Returns:
        What it holds.

    Raises:
        ValueError: It is no JSON, or holds one of those.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_once_each)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _object(number: int, line: bytes) -> dict[str, Any] | Fault:
    try:
        found = strict_json(line.decode("utf-8").removeprefix(_BOM))
    except UnicodeDecodeError as error:
        return Fault(number, "", f"not UTF-8 at byte {error.start}; save the file as UTF-8")
    except ValueError as error:
        return Fault(number, "", f"not valid JSON: {error}; write one JSON object a line")
    if not isinstance(found, dict):
        return Fault(number, "", "not a JSON object; write one object a line", found)
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is too large for a number")
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return found

"""From what pydantic found to what the client is told: the field's path, the value, what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fusion_graph.redaction import redact
from fusion_graph.server.errors import ApiError
from fusion_graph.well_formed import well_formed

_UNION_TAG = re.compile(r"^(?:=|(?:Seat|ToolSpec|str)$|function-|constrained-)")
_SHOWN = 100
"""Characters of a wrong value that a message quotes."""
_TOLD = 8
"""Faults that a message names; a client that sends more has the wrong endpoint."""
_BODY = TypeVar("_BODY", bound=BaseModel)


def checked(kind: type[_BODY], value: Any, at: Sequence[str | int] = ()) -> _BODY:
    """Read a body, or a part of one.

    Args:
        kind: The model.
        value: Plain JSON data.
        at: Where in the body it stands.

    Returns:
        The model.

    Raises:
        ApiError: 400, naming the fields.
    """
    try:
        return kind.model_validate(value, strict=True)
    except ValidationError as error:
        raise refusal(error, at) from error


def refusal(error: ValidationError, at: Sequence[str | int] = ()) -> ApiError:
    """Make the answer to a body that does not fit.

    Args:
        error: What pydantic raised.
        at: Where in the body the checked part stands.

    Returns:
        The error; its `param` is the first field.
    """
    faults = error.errors(include_url=False, include_context=False)
    told = {_sentence(fault, at): path([*at, *fault["loc"]]) for fault in faults[:_TOLD]}
    more = f"; and {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
    first = next(iter(told.values()))
    code = {"missing": "missing_required_parameter", "extra_forbidden": "unknown_parameter"}
    return bad("; ".join(told) + more, first or None, code=code.get(faults[0]["type"], "invalid_value"))


def bad(message: str, param: str | None = None, *, code: str = "invalid_value") -> ApiError:
    """Make a 400.

    Args:
        message: What is wrong and what is allowed.
        param: The field's path.
        code: A short code.

    Returns:
        The error; it can be encoded, and holds no key.
    """
    return ApiError(400, redact(well_formed(message)), code=code, param=None if param is None else well_formed(param))


def path(parts: Iterable[str | int]) -> str:
    """Write a path, such as `plugins[0].max_tool_calls`; what pydantic calls the members of unions is left out."""
    kept = [part for part in parts if isinstance(part, int) or not _UNION_TAG.match(part)]
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{_short(part)}" for part in kept)
    return written.removeprefix(".")


def shown(value: Any) -> str:
    """Quote a value, cut short."""
    return _short(repr(value))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _sentence(fault: ErrorDetails, at: Sequence[str | int]) -> str:
    where = path([*at, *fault["loc"]]) or "the body"
    if fault["type"] == "extra_forbidden":
        return f"{where}: there is no such field"
    if fault["type"] == "missing":
        return f"{where}: this field is required"
    value = fault["input"]
    got = "" if isinstance(value, dict | list | BaseModel) else f" (got {shown(value)})"
    return f"{where}: {fault['msg'].removeprefix('Value error, ')}{got}"

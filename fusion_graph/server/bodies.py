"""Reading a request's body: JSON, an object, and no larger than allowed."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn

from starlette.requests import Request

from fusion_graph.server.errors import ApiError
from fusion_graph.well_formed import well_formed

_AT_ONCE = 200_000
"""Bytes that are parsed on the event loop; more are in a thread."""

_EXACT = 2.0**53
"""Below this every integer has a float of its own."""


async def read_object(request: Request, max_bytes: int) -> dict[str, Any]:
    """Read a body.

    Args:
        request: The request.
        max_bytes: The most that is read.

    Returns:
        The JSON object.

    Raises:
        ApiError: 413 where it is too large, 400 where it is no JSON object.
    """
    raw = await _read(request, max_bytes)
    body = await asyncio.to_thread(_parsed, raw) if len(raw) > _AT_ONCE else _parsed(raw)
    if not isinstance(body, dict):
        raise ApiError(400, f"the body is a JSON {_NAMES[type(body)]}; send an object", code="invalid_json")
    return body


async def _read(request: Request, max_bytes: int) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and len(announced) < 20 and int(announced) > max_bytes:
        _too_large(max_bytes)
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > max_bytes:
            _too_large(max_bytes)
    return bytes(raw)


def _too_large(max_bytes: int) -> NoReturn:
    raise ApiError(
        413, f"the body is larger than {max_bytes:,} bytes, the most that is taken", code="request_too_large"
    )


def _parsed(raw: bytes) -> Any:
    try:
        body = json.loads(raw, parse_constant=_no_number, parse_float=_number)
        return _mended(body) if b"\\ud" in raw.lower() else body
    except RecursionError as error:
        raise ApiError(400, "the body is nested too deeply", code="invalid_json") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise ApiError(400, f"the body is no JSON ({where})", code="invalid_json") from error
    except ValueError as error:
        raise ApiError(400, f"the body is no JSON ({error})", code="invalid_json") from error


def _number(text: str) -> int | float:
    """Read a number with a point: to JSON 4.0 is an integer, and some clients write all numbers so."""
    read = float(text)
    return int(read) if read.is_integer() and abs(read) < _EXACT else read


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _mended(data: Any) -> Any:
    """Mend halves of surrogate pairs, which no one could be sent again."""
    if isinstance(data, str):
        return well_formed(data)
    if isinstance(data, list):
        return [_mended(entry) for entry in data]
    if isinstance(data, dict):
        return {well_formed(key): _mended(value) for key, value in data.items()}
    return data


_NAMES: dict[type, str] = {
    list: "array",
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
}

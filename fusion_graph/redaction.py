"""Keep secrets out of errors, logs, traces, receipts and state."""

from __future__ import annotations

import os
import re
from typing import Any

_SHAPES = re.compile(
    r"((?i:bearer\s+|basic\s+|api[-_ ]?key(?:\s+provided)?['\"]?\s*[:=]\s*['\"]?))[^\s'\",}]{6,}"
    r"|((?i:[?&](?:key|api_?key|(?:access_)?token)=))[^\s'\"&,}]{6,}"
    r"|(://)[^\s/@'\"]++(?=@)"
    r"|\b(?:sk|pk|rk|fg|xai|gsk|tvly|lsv2|pplx|hf|gh[opsu]|github_pat|xox[abeprs]|r8|nvapi)[-_][A-Za-z0-9*_\-]{6,}"
    r"|\bAIza[A-Za-z0-9_\-]{10,}"
    r"|\bAKIA[A-Z0-9]{12,}"
    r"|(?<![A-Za-z0-9_\-])eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)?"
)
_SECRET_NAME = re.compile(r"(?i)(api_?key|_key|token|secret|password|passwd|credentials?|_pat)$")
_SHORTEST = 8
"""Characters; shorter values of secret-named variables are placeholders, and words that occur anywhere."""


def redact(text: str) -> str:
    """Replace what looks like a secret, and every value of a secret-named variable, by `[redacted]`.

    Args:
        text: Any text that may quote a request, such as a provider's error message.

    Returns:
        The text without them.
    """
    for value in sorted(_secret_values(), key=len, reverse=True):  # the longest first: one may hold another
        text = text.replace(value, "[redacted]")
    return _SHAPES.sub(lambda match: f"{match[1] or match[2] or match[3] or ''}[redacted]", text)


def redact_error(error: BaseException) -> None:
    """Take secrets out of an exception in place, and out of those that led to it, so that no traceback shows them.

    Args:
        error: What was raised. An exception that composes its text anew from other objects each time keeps it.
    """
    found: list[BaseException | None] = [error]
    seen: set[int] = set()
    while found:
        current = found.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        current.args = tuple(redact_data(part) for part in current.args)
        if isinstance(current, OSError) and current.strerror:
            current.strerror = redact_data(current.strerror)
        for name, value in vars(current).items():
            vars(current)[name] = redact_data(value)
        inner = current.exceptions if isinstance(current, BaseExceptionGroup) else ()
        found += [current.__cause__, current.__context__, *inner]


def redact_data(data: Any) -> Any:
    """Take secrets out of every text of plain data.

    Args:
        data: Text, or lists, tuples and dicts of such; anything else is left as it is.

    Returns:
        The same data without them.
    """
    if isinstance(data, str):
        return redact(data)
    if type(data) is dict:
        return {key: redact_data(value) for key, value in data.items()}
    if type(data) in (list, tuple):
        return type(data)(redact_data(value) for value in data)
    return data


def _secret_values() -> set[str]:
    named = {value.strip() for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    return {value for value in named if len(value) >= _SHORTEST}

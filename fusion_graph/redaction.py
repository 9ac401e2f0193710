"""Keep secrets out of errors, logs, traces, receipts and state."""

from __future__ import annotations

import os
import re

_SHAPES = re.compile(
    r"(?i)(bearer\s+|api[-_ ]?key['\"]?\s*[:=]\s*['\"]?)[^\s'\",}]{6,}"
    r"|\b(?:sk|pk|rk|xai|gsk|tvly|lsv2|pplx|hf|ghp|AIza)[-_][A-Za-z0-9*_\-]{6,}"
    r"|\bAIza[A-Za-z0-9_\-]{10,}"
)
_SECRET_NAME = re.compile(r"(?i)(api_?key|token|secret|password)$")


def redact(text: str) -> str:
    """Replace what looks like a secret, and every value of a secret-named variable, by `[redacted]`.

    Args:
        text: Any text that may quote a request, such as a provider's error message.

    Returns:
        The text without them.
    """
    for name, value in os.environ.items():
        if len(value) >= 8 and _SECRET_NAME.search(name):
            text = text.replace(value, "[redacted]")
    return _SHAPES.sub(lambda match: f"{match.group(1) or ''}[redacted]", text)

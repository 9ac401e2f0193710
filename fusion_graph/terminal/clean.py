"""Text from models and pages, made harmless for a terminal: it may be read, and do nothing."""

from __future__ import annotations

import re

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor, erasing
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # titles, links, clipboard
    r"|\x1b[ -/]*[0-~]"
)
_BREAK = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Strip from a text whatever a terminal would obey instead of show.

    Args:
        text: Untrusted text.

    Returns:
        The text without escape sequences, control, direction-changing and invisible characters; line breaks of
        any kind are newlines, and tabs stay.
    """
    shown = _INVISIBLE.sub("", _BREAK.sub("\n", _SEQUENCE.sub("", text)))
    return _SURROGATE.sub("\ufffd", shown)


def one_line(text: str, limit: int = 400) -> str:
    """Bring a cleaned text onto one line.

    Args:
        text: Untrusted text.
        limit: Characters at most; what is beyond is cut visibly.

    Returns:
        The line.
    """
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def tail(text: str, limit: int) -> str:
    """Return the end of a cleaned text, on one line.

    Args:
        text: Untrusted text that is still growing.
        limit: Characters at most.

    Returns:
        The line; a cut at its front is visible.
    """
    line = " ".join(clean(text[-4 * limit :]).split())
    return line if len(line) <= limit else f"…{line[len(line) - limit + 1 :]}"

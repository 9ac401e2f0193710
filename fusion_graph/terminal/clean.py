"""Text from models and pages, made harmless for a terminal: it may be read, and do nothing."""

from __future__ import annotations

import re

from fusion_graph.visible import visible

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor, erasing
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)"  # titles, links
    r"|\x1b[ -/]*[0-~]"
)


def clean(text: str) -> str:
    """Strip from a text whatever a terminal would obey instead of show.

    Args:
        text: Untrusted text.

    Returns:
        The text without escape sequences, control, direction-changing and invisible characters; line breaks of
        any kind are newlines, and tabs stay.
    """
    return visible(_SEQUENCE.sub("", text))


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

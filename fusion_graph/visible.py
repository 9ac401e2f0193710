"""Text that is what it looks like: nothing in it is hidden from people, turns it around, or is obeyed by a terminal."""

from __future__ import annotations

import re

from fusion_graph.well_formed import well_formed

_BREAK = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_JOINERS = re.compile("([\u200c\u200d\ufe00-\ufe0f]{2})[\u200c\u200d\ufe00-\ufe0f]+")
"""They shape emoji, Persian and Hindi, two in a row at most; a long run of them is a message in hiding."""


def visible(text: str) -> str:
    """Leave of a text what can be seen.

    Args:
        text: Any text.

    Returns:
        The text without control, direction-changing, zero-width and tag characters; line breaks of any kind are
        newlines, tabs stay, and halves of surrogate pairs are mended. A second pass changes nothing.
    """
    if text.isascii() and text.isprintable():
        return text
    return _JOINERS.sub(r"\1", _UNSEEN.sub("", _BREAK.sub("\n", well_formed(text))))

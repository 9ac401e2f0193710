"""What is read of a web page: parsing takes more than in proportion to its tags, and to the attributes of one tag."""

from __future__ import annotations

import re

MAX_TAGS = 40_000
MAX_ATTRIBUTES = 1_000
_QUOTED = re.compile("\"[^\"]*\"|'[^']*'")
_BETWEEN = re.compile(r"[=\s]")
_SHORT = 2 * MAX_ATTRIBUTES


def bounded(html: str) -> tuple[str, bool]:
    """Cut a page that is built to be slow.

    Args:
        html: A page's source.

    Returns:
        The source up to its 40,000th tag, without tags of more than 1,000 attributes, and whether that is all of
        its tags.
    """
    pieces = html.split("<", MAX_TAGS + 1)
    whole = len(pieces) <= MAX_TAGS + 1
    return "<".join(piece if len(piece) < _SHORT else _plain(piece) for piece in pieces[: MAX_TAGS + 1]), whole


def _plain(piece: str) -> str:
    tag, end, text = piece.partition(">")
    crowded = len(_BETWEEN.findall(_QUOTED.sub("", tag))) > MAX_ATTRIBUTES
    return f"{end}{text}" if crowded else piece

"""Whose draft the writer's wording is from: runs of words that the answer and a draft have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping

RUN = 5
"""Words in a row; of fewer, any two texts about one thing have many in common."""
_WORD = re.compile(r"\w+")


def echoed(answer: str, drafts: Mapping[str, str]) -> dict[str, float]:
    """Say how much of an answer's wording stands in each draft.

    Args:
        answer: The answer.
        drafts: The drafts it was written from, by seat id.

    Returns:
        By seat id, the share of the answer's different runs of words that the draft has too, between 0 and 1. What two
        drafts share counts for both. Empty where the answer is shorter than one run.
    """
    runs = _runs(answer)
    if not runs:
        return {}
    return {seat_id: round(len(runs & _runs(draft)) / len(runs), 4) for seat_id, draft in drafts.items()}


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}

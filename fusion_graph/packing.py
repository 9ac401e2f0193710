"""Fit drafts into a window: every draft keeps a share, what is cut is said, no draft is dropped."""

from __future__ import annotations

from collections.abc import Sequence

CHARS_PER_TOKEN = 4
"""The usual estimate for English; LangChain's `count_tokens_approximately` takes the same."""
HEAD = 0.7
_MARK = "\n\n[... {cut} characters of this draft were cut here to fit the window ...]\n\n"


def tokens(text: str) -> int:
    """Estimate the tokens of a text, rounded up."""
    return -(-len(text) // CHARS_PER_TOKEN)


def pack(drafts: Sequence[str], budget: int) -> list[str]:
    """Cut drafts so that together they fit a budget.

    Short drafts stay whole; what they leave of their share goes to the longer ones.

    Args:
        drafts: The drafts.
        budget: Tokens for all of them together, estimated.

    Returns:
        The drafts in the same order; of a cut one the first 70 % and the last 30 % of its share remain, with a
        line between them that says how much is gone.
    """
    limit = budget * CHARS_PER_TOKEN
    if sum(len(draft) for draft in drafts) <= limit:
        return list(drafts)
    share = _share([len(draft) for draft in drafts], limit)
    return [draft if len(draft) <= share else _cut(draft, share) for draft in drafts]


def _share(lengths: Sequence[int], limit: int) -> int:
    """The largest length that every draft may have, so that the sum stays within the limit."""
    left, count = limit, len(lengths)
    for length in sorted(lengths):
        if length * count > left:
            break
        left -= length
        count -= 1
    return left // max(count, 1)


def _cut(draft: str, share: int) -> str:
    mark = _MARK.format(cut=len(draft))
    room = share - len(mark)
    if room <= 0:
        return mark.strip()[:share]
    head = int(room * HEAD)
    tail = room - head
    return draft[:head] + _MARK.format(cut=len(draft) - room) + draft[len(draft) - tail :]

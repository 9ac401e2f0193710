"""How a sentence and its source are written into a draft, and read back out of it.

A seat writes `- "Sentence." ([Title](corpus:a.md))`; judge and writer read `- "Sentence." (Title [S1])`, the
address having been replaced by the source's id.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass

from fusion_graph.offline.sentences import is_quotable
from fusion_graph.offline.words import normalised

HEADER = "No language model was called. Each line below is quoted word for word from its source."
NOTHING = "Nothing to quote was found in what the tools returned."

_LINE = re.compile(r"^- \"(?P<sentence>.*)\" \((?P<source>[^\"]*)\)$")
_ID = re.compile(r"\[(S\d+)\]")
_TITLE_UNSAFE = re.compile(r"[\[\]<>\"`*|\\\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_TITLE_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence as one seat found it."""

    sentence: str
    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, the drafts that quote it and the registered sources they give for it.

    Attributes:
        sentence: Word for word.
        drafts: Labels, in the order in which the drafts were shown.
        sources: Ids.
        titles: What the drafts call those sources.
    """

    sentence: str
    drafts: tuple[str, ...]
    sources: tuple[str, ...]
    titles: str = ""


def draft_of(quotes: Sequence[Quote]) -> str:
    """Write a draft.

    Args:
        quotes: What to quote, best first.

    Returns:
        A fixed first line, then one line a quote with a Markdown link to its source, or one saying that there
        is none.
    """
    if not quotes:
        return f"{HEADER}\n\n{NOTHING}"
    return "\n".join([HEADER, "", *(f'- "{quote.sentence}" ([{_title(quote)}]({quote.url}))' for quote in quotes)])


def claims_in(drafts: Sequence[tuple[str, str]], known: Set[str]) -> list[Claim]:
    """Read the quotes of several drafts.

    Args:
        drafts: Label and text of each, in the order shown.
        known: The ids that the source registry holds; no other id is believed.

    Returns:
        Each sentence once, in order of first appearance, with all drafts and sources behind it.
    """
    claims: dict[str, Claim] = {}
    for label, text in drafts:
        for match in filter(None, map(_LINE.match, text.splitlines())):
            sentence = normalised(match["sentence"])
            if not is_quotable(sentence):
                continue
            ids = [one for one in _ID.findall(match["source"]) if one in known][-1:]
            at = claims.get(sentence, Claim(sentence, (), ()))
            claims[sentence] = Claim(
                sentence,
                tuple(dict.fromkeys([*at.drafts, label])),
                tuple(dict.fromkeys([*at.sources, *ids])),
                f"{at.titles} {_ID.sub('', match['source'])}".strip(),
            )
    return list(claims.values())


def _title(quote: Quote) -> str:
    return normalised(_TITLE_UNSAFE.sub(" ", quote.title))[:_TITLE_CHARACTERS].strip() or "source"

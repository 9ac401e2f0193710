"""Sentences as they stand in a text: nothing is rewritten, so that every one can be quoted word for word."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fusion_graph.offline.words import WORD, normalised

MAX_TEXT = 200_000
MAX_CHARACTERS = 500
MIN_WORDS = 5

_ENDING = re.compile(
    r"[.!?\u2026]+[\"'\u201d\u2019\u00bb)\]]*(?=\s)|[\u3002\uff01\uff1f\u0964\u061f]+[\"'\u201d\u2019\u00bb\uff09\u300d\u300f]*"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'\u201c\u2018])(?:[^\W\d_]|(?:[^\W\d_]\.)+[^\W\d_]|cf|vs|al|approx|ca|dr|mr|mrs|ms|prof|st|figs?"
    r"|eq|sec|ch|vol|pp|eds?|inc|ltd|co|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"(?:^|\s)(?:no|nos|nr|art|p)\.$", re.IGNORECASE)
_MARKER = re.compile(r"^(?:[-*+\u2022\u2013]|\d{1,3}[.)])\s+")
_HEADING = re.compile(r"^#{1,6}(?:\s|$)")
_RULE = re.compile(r"^(?:[-=*_]\s*){3,}$")
_UNDERLINE = re.compile(r"^(?:={3,}|-{3,})$")
_CODE = re.compile(r"^(?:```|~~~)")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_UNSAFE = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
    r"|://|\]\(|www\.|corpus:|\[\s*S\s*\d",
    re.IGNORECASE,
)
"""Control characters, links, and what could pass for a citation of ours."""


def sentences(text: str) -> list[str]:
    """Split a text into the sentences that can be quoted from it.

    Args:
        text: Plain text or Markdown; lines may be wrapped.

    Returns:
        Sentences in order, white space normalised; each is a substring of the normalised text. Headings,
        code, questions, lead-ins, fragments, links and anything like a citation are left out.
    """
    text = text[:MAX_TEXT]
    whole = normalised(text)
    found = [sentence for block in _blocks(text) for sentence in _split(block)]
    if found and found[0][:1].islower():
        found = found[1:]  # a search result may begin in the middle of a sentence
    return [sentence for sentence in found if is_quotable(sentence) and sentence in whole]


def is_unsafe(text: str) -> bool:
    """Whether a text holds control characters, a link, or what could pass for a citation."""
    return bool(_UNSAFE.search(text))


def is_quotable(sentence: str) -> bool:
    """Whether a sentence may stand in a draft: whole, readable alone, and unable to pass for a citation."""
    if len(sentence) > MAX_CHARACTERS or is_unsafe(sentence):
        return False
    if sentence.endswith((":", "?", "\u2026", "...", "\uff1f", "\u061f")) or sentence.startswith(
        ("\u2026", "...", "|")
    ):
        return False
    return len(WORD.findall(sentence)) >= MIN_WORDS or len(_UNSPACED.findall(sentence)) >= 8


def _split(block: str) -> Iterator[str]:
    start = 0
    for match in _ENDING.finditer(block):
        if _ends(block, match):
            yield block[start : match.end()].strip()
            start = match.end()
    if block[start:].strip():
        yield block[start:].strip()


def _ends(block: str, match: re.Match[str]) -> bool:
    before, after = block[max(0, match.start() - 20) : match.start() + 1], block[match.end() :].lstrip()
    if after[:1].islower():
        return False
    if _NUMBERED.search(before):
        return not after[:1].isdigit()
    return not (match[0] == "." and _ABBREVIATION.search(before))


def _blocks(text: str) -> Iterator[str]:
    """Yield paragraphs and list items, each on one line; headings and code are left out."""
    block: list[str] = []
    for line, heading in _lines(text):
        if block and (not line or heading or _MARKER.match(line)):
            yield " ".join(block)
            block = []
        if line and not heading:
            untitled = [] if len(block) == 1 and _is_title(block[0], line) else block
            block = [*untitled, _MARKER.sub("", line)]
    if block:
        yield " ".join(block)


def _is_title(line: str, following: str) -> bool:
    """Whether a paragraph's first line is its title: short, unpunctuated, followed by a much longer line."""
    return len(line) < 0.6 * len(following) and line[-1] not in ".!?,;:" and not following[:1].islower()


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Yield stripped lines and whether each is a heading or a rule; front matter and code are left out."""
    lines = [line.strip() for line in text.splitlines()]
    if lines[:1] == ["---"] and "---" in lines[1:]:
        lines = lines[lines.index("---", 1) + 1 :]
    code = False
    for at, line in enumerate(lines):
        if _CODE.match(line):
            code = not code
            yield "", False
        elif not code:
            underlined = bool(line) and at + 1 < len(lines) and bool(_UNDERLINE.match(lines[at + 1]))
            yield line.lstrip(">").strip(), bool(_HEADING.match(line) or _RULE.match(line) or underlined)

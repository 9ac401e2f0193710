"""Cutting a Markdown or plain text into passages: whole paragraphs, each under the headings above it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

PASSAGE_CHARACTERS = 1200

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
_CODE = re.compile(r"^\s*(```|~~~)")


@dataclass(frozen=True, slots=True)
class TextPassage:
    """A piece of a document: the headings above it, joined by ` > `, and its text."""

    heading: str
    text: str


@dataclass(slots=True)
class _Splitter:
    size: int
    headings: list[tuple[int, str]] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)

    def flush(self) -> Iterator[TextPassage]:
        if self.blocks:
            yield TextPassage(" > ".join(title for _, title in self.headings), "\n\n".join(self.blocks))
            self.blocks.clear()

    def add(self, block: str) -> Iterator[TextPassage]:
        for piece in _pieces(block, self.size):
            if self.blocks and sum(map(len, self.blocks)) + len(piece) > self.size:
                yield from self.flush()
            self.blocks.append(piece)

    def enter(self, level: int, title: str) -> Iterator[TextPassage]:
        yield from self.flush()
        self.headings = [entry for entry in self.headings if entry[0] < level]
        self.headings.append((level, title))


def split_passages(text: str, size: int = PASSAGE_CHARACTERS) -> list[TextPassage]:
    """Cut a text into passages.

    Args:
        text: Markdown or plain text.
        size: Characters per passage at most.

    Returns:
        The passages in reading order; headings are context, not passages of their own.
    """
    splitter = _Splitter(size)
    found: list[TextPassage] = []
    for block in _blocks(text):
        heading = _HEADING.match(block)
        found.extend(splitter.enter(len(heading[1]), heading[2]) if heading else splitter.add(block))
    found.extend(splitter.flush())
    return found


def first_heading(text: str) -> str:
    """Find a text's own title.

    Args:
        text: Markdown or plain text.

    Returns:
        Its first heading of the first level; empty if it has none.
    """
    for block in _blocks(text):
        heading = _HEADING.match(block)
        if heading and len(heading[1]) == 1:
            return heading[2]
    return ""


def _blocks(text: str) -> Iterator[str]:
    lines: list[str] = []
    in_code = False
    for line in [*text.splitlines(), ""]:
        if _CODE.match(line):
            in_code = not in_code
        is_heading = not in_code and _HEADING.match(line) is not None
        if lines and (is_heading or not (in_code or line.strip())):
            yield "\n".join(lines)
            lines = []
        if is_heading:
            yield line
        elif line.strip() or in_code:
            lines.append(line)
    if lines:
        yield "\n".join(lines)


def _pieces(block: str, size: int) -> Iterator[str]:
    while len(block) > size:
        cut = max(block.rfind(end, size // 2, size) for end in (". ", "? ", "! ", "\n"))
        cut = cut if cut > 0 else max(block.rfind(" ", size // 2, size), size // 2)
        yield block[: cut + 1].rstrip()
        block = block[cut + 1 :].lstrip()
    if block.strip():
        yield block

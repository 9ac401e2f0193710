"""Fences: how text from outside is shown to a model as data.

The closing line of a fence repeats a digest of the very text inside it, so that no text can close its own
fence and go on as an instruction. What people could not see in the text is left out. The digest depends on the text
alone: the same draft is rendered to the same bytes in every prompt and every run, which is what provider prompt
caches need.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from html import escape, unescape

from fusion_graph.visible import visible

_OPENING = re.compile(r'^<(?P<tag>[a-z_]+)(?P<attributes>(?: [a-z_]+="[^"\n]*")*) fence="(?P<mark>[0-9a-f]{16})">$')
_ATTRIBUTE = re.compile(r' (?P<name>[a-z_]+)="(?P<value>[^"\n]*)"')


@dataclass(frozen=True, slots=True)
class Fenced:
    """One fenced text: its tag, its attributes and the text inside."""

    tag: str
    attributes: dict[str, str]
    text: str


def fence(tag: str, text: str, **attributes: str) -> str:
    """Wrap text from outside so that a model can tell where it begins and ends.

    Args:
        tag: Lower-case name of what is inside, such as `draft` or `web_page`.
        text: The untrusted text; all that is visible of it is shown unchanged.
        **attributes: Short facts about it, escaped onto the opening line.

    Returns:
        The text between an opening and a closing line that carry the same digest of it.
    """
    text = visible(text)
    mark = hashlib.sha256(text.encode()).hexdigest()[:16]
    facts = "".join(f' {name}="{_one_line(value)}"' for name, value in attributes.items())
    return f'<{tag}{facts} fence="{mark}">\n{text}\n</{tag} fence="{mark}">'


def unfence(block: str, tag: str) -> list[Fenced]:
    """Read back the fenced texts of one kind, in order; the inverse of `fence`.

    Args:
        block: Text that holds fences, nested ones of other kinds included.
        tag: The kind to read.

    Returns:
        Every fence of that tag whose digest matches the text inside it.
    """
    lines = block.split("\n")
    found: list[Fenced] = []
    at = 0
    while at < len(lines):
        opening = _OPENING.match(lines[at])
        if opening is None or opening["tag"] != tag:
            at += 1
            continue
        end = _closing(lines, at, tag, opening["mark"])
        if end is None:
            at += 1
            continue
        facts = {m["name"]: unescape(m["value"]) for m in _ATTRIBUTE.finditer(opening["attributes"])}
        found.append(Fenced(tag, facts, "\n".join(lines[at + 1 : end])))
        at = end + 1
    return found


def _closing(lines: list[str], start: int, tag: str, mark: str) -> int | None:
    wanted = f'</{tag} fence="{mark}">'
    for at in range(start + 1, len(lines)):
        if lines[at] != wanted:
            continue
        text = "\n".join(lines[start + 1 : at])
        if hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16] == mark:
            return at
    return None


def _one_line(value: str) -> str:
    return escape(" ".join(visible(value).split()), quote=True)

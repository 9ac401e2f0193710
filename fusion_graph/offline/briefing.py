"""What judge and writer have before them: the fenced blocks of their prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage, HumanMessage

from fusion_graph.fence import Fenced, fence, unfence

_SOURCE = re.compile(r"^\[(S\d+)\]")


@dataclass(frozen=True, slots=True)
class Briefing:
    """A judge's or a writer's prompt, read.

    Attributes:
        question: What was asked.
        sources: Ids of the registered sources.
        drafts: Label and text of each draft, in the order shown.
        analysis: The analysis as JSON; `None` for a judge, or where the judge failed.
    """

    question: str
    sources: tuple[str, ...]
    drafts: tuple[tuple[str, str], ...]
    analysis: str | None


def briefing(messages: Sequence[BaseMessage]) -> Briefing:
    """Read a judge's or a writer's prompt.

    Blocks are taken out in the order in which they stand, outermost first, so that a fence inside a draft is
    never taken for one of the prompt's own.

    Args:
        messages: The conversation; the last human message that holds a fenced question or draft counts.

    Returns:
        Its blocks; empty where one is missing.
    """
    prompt = next(
        (str(m.text) for m in reversed(messages) if isinstance(m, HumanMessage) and _is_prompt(str(m.text))),
        "",
    )
    questions, prompt = _take(prompt, "question", only_first=True)
    _, prompt = _take(prompt, "conversation", only_first=True)
    drafts, prompt = _take(prompt, "draft")
    sources, prompt = _take(prompt, "sources")
    analyses, _ = _take(prompt, "analysis")
    return Briefing(
        question=questions[0].text if questions else "",
        sources=tuple(m[1] for block in sources for line in block.text.split("\n") if (m := _SOURCE.match(line))),
        drafts=tuple((draft.attributes.get("label", ""), draft.text) for draft in drafts),
        analysis=analyses[-1].text if analyses else None,
    )


def _is_prompt(text: str) -> bool:
    return bool(unfence(text, "question") or unfence(text, "draft"))


def _take(prompt: str, tag: str, *, only_first: bool = False) -> tuple[list[Fenced], str]:
    found = unfence(prompt, tag)[: 1 if only_first else None]
    for block in found:
        prompt = prompt.replace(fence(block.tag, block.text, **block.attributes), "", 1)
    return found, prompt

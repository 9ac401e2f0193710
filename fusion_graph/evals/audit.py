"""The audit of an answer: what its tools returned and were asked, and what it says, held against the answer key."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fusion_graph.evals.contamination import ANSWER, Auditor, urls_in
from fusion_graph.evals.schema import Task
from fusion_graph.evals.stages.answers import Answered
from fusion_graph.evals.stages.parts import ASKED
from fusion_graph.evals.store import Store


@dataclass(frozen=True, slots=True)
class Seen:
    """What an answer's tools came across.

    Attributes:
        findings: Why the answer is contaminated; empty if it is clean.
        urls: Every address that its tools were asked for or returned, each once.
    """

    findings: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)


class Audit:
    """Audits answers from the evidence in the store.

    Args:
        auditor: Knows the answer key.
        store: Holds what tools returned.
    """

    def __init__(self, auditor: Auditor, store: Store) -> None:
        self._auditor, self._store = auditor, store

    async def of(self, task: Task, answered: Answered) -> Seen:
        """Look through everything that was seen on the way to an answer.

        Args:
            task: Its task.
            answered: The answer.

        Returns:
            What was found of the answer key and where, and all addresses.
        """
        texts = [(ANSWER, answered.text)]
        urls = list(answered.urls)
        for key in answered.stages:
            for use in await self._store.evidence(key):
                texts.append((use["tool"], use["text"]))
                urls += use["urls"] or urls_in(use["text"] if use["tool"].endswith(ASKED) else "")
        urls = list(dict.fromkeys(urls))
        return Seen(await asyncio.to_thread(self._auditor.reasons, task, texts, urls), urls)

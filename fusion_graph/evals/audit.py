"""The audit of an answer: what its tools returned and were asked, and what it says, held against the answer key."""

from __future__ import annotations

import asyncio

from fusion_graph.evals.contamination import ANSWER, Auditor
from fusion_graph.evals.schema import Task
from fusion_graph.evals.stages.answers import Answered
from fusion_graph.evals.store import Store


class Audit:
    """Audits answers from the evidence in the store.

    Args:
        auditor: Knows the answer key.
        store: Holds what tools returned.
    """

    def __init__(self, auditor: Auditor, store: Store) -> None:
        self._auditor, self._store = auditor, store

    async def findings(self, task: Task, answered: Answered) -> list[str]:
        """Say why an answer is contaminated.

        Args:
            task: Its task.
            answered: The answer.

        Returns:
            What was found and where; nothing if it is clean.
        """
        texts = [(ANSWER, answered.text)]
        urls = list(answered.urls)
        for key in answered.stages:
            for use in await self._store.evidence(key):
                texts.append((use["tool"], use["text"]))
                urls += use["urls"]
        return await asyncio.to_thread(self._auditor.reasons, task, texts, list(dict.fromkeys(urls)))

"""The verdicts on an answer: one stage for each criterion and judge run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fusion_graph.evals.grading import GradingError, GradingModel
from fusion_graph.evals.pacing import StoppedError
from fusion_graph.evals.results import Verdict
from fusion_graph.evals.schema import Criterion, Task
from fusion_graph.evals.stages.desk import Desk, Done, NotStoredError, Stage
from fusion_graph.evals.stages.keys import VERSION, digest
from fusion_graph.evals.stages.parts import Cost
from fusion_graph.evals.store import Record
from fusion_graph.money import exact, summed
from fusion_graph.redaction import redact


@dataclass(frozen=True, slots=True)
class Found:
    """The verdicts on one answer.

    Attributes:
        verdicts: Those there are.
        cost: What they cost, with failed attempts of this session.
        error: What stood in the way of the others; `None` if there are none.
    """

    verdicts: list[Verdict]
    cost: Cost
    error: str | None


class Verdicts:
    """Grades answers.

    Args:
        desk: Where stages are asked for.
        grader: The judge.
        runs: Independent judge runs.
    """

    def __init__(self, desk: Desk, grader: GradingModel, runs: int) -> None:
        self._desk, self._grader, self.runs = desk, grader, runs

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything of the judge that determines a verdict: its protocol, model, settings and gateway."""
        settings = self._grader.settings
        return {
            "protocol": self._grader.protocol.fingerprint,
            "model": self._grader.name,
            "gateway": self._grader.models.resources.gateway.base_url.rstrip("/"),
            "temperature": settings.temperature,
            "effort": settings.reasoning.effort if settings.reasoning else None,
            "max_tokens": settings.max_tokens,
        }

    async def of(self, task: Task, question: str, answer: str) -> Found:
        """Grade an answer in all judge runs, or as far as it is possible.

        Args:
            task: The task; it has a rubric.
            question: What was asked, files included.
            answer: The answer's text.

        Returns:
            The verdicts there are. Judge runs share none: the run is part of each key.
        """
        parent = answer_key(question, answer)
        held = await self._desk.family(parent)
        criteria = [criterion for _, criterion in task.rubric.criteria()] if task.rubric else []
        asked = [(criterion, run) for run in range(self.runs) for criterion in criteria]
        keys = [self.key(question, answer, criterion, run) for criterion, run in asked]
        missing = [(one, key) for one, key in zip(asked, keys, strict=True) if key not in held]
        done = await asyncio.gather(*(self._one(question, answer, *one, key, parent) for one, key in missing))
        return _found([held[key] for key in keys if key in held], done)

    def key(self, question: str, answer: str, criterion: Criterion, run: int) -> str:
        """Return the key of one verdict; the weight's sign alone counts, for protocols that show it."""
        return digest(
            {
                "stage": "verdict",
                "version": VERSION,
                "grader": self.fingerprint,
                "question": question,
                "answer": answer,
                "criterion": [criterion.id, criterion.requirement, criterion.weight < 0],
                "run": run,
            }
        )

    async def _one(
        self, question: str, answer: str, criterion: Criterion, run: int, key: str, parent: str
    ) -> Record | str:
        async def work() -> Done:
            try:
                graded = await self._grader.grade(question, answer, criterion, run)
            except GradingError as error:
                return Done(ok=False, value={"error": redact(str(error))}, cost=Cost.of(error.usage))
            verdict = graded.verdict.model_dump(mode="json")
            value = {"verdict": verdict, "served_model": graded.served_model, "temperature": graded.temperature}
            return Done(ok=True, value=value, cost=Cost.of(graded.usage))

        try:
            return await self._desk.ask(Stage(key, "verdict", self._grader.name, parent), work)
        except (StoppedError, NotStoredError) as error:
            return str(error)


def answer_key(question: str, answer: str) -> str:
    """Name an answer: the same text to the same question is the same answer, whoever gave it."""
    return digest({"question": question, "answer": answer})


def _found(held: Sequence[Record], done: Sequence[Record | str]) -> Found:
    tried = [record for record in done if isinstance(record, Record)]
    good = [*held, *(record for record in tried if record.ok)]
    errors = [record.value["error"] for record in tried if not record.ok]
    errors += [said for said in done if isinstance(said, str)]
    costs = [record.cost for record in (*held, *tried)]
    total = summed(costs)
    at_least = any(record.at_least or record.cost is None for record in (*held, *tried))
    return Found(
        verdicts=[Verdict.model_validate(record.value["verdict"]) for record in good],
        cost=Cost(None if total is None else exact(total), at_least=at_least),
        error=f"{len(errors)} verdicts are missing; the first: {errors[0]}" if errors else None,
    )

"""Any cell of the table - a configuration on a task - on demand, with the store behind it.

This is what `fusion eval run` fills its table with, and what a search over configurations asks for the cells it needs.
`bench.opened` puts one together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fusion_graph.evals.audit import Audit
from fusion_graph.evals.configurations import Plan
from fusion_graph.evals.results import Outcome, Row, Score, Verdict
from fusion_graph.evals.schema import Dataset, Task
from fusion_graph.evals.scorers import ScoringError, score_answer, score_verdicts
from fusion_graph.evals.stages.answers import Answered, Answers
from fusion_graph.evals.stages.desk import Stage
from fusion_graph.evals.stages.parts import Cost
from fusion_graph.evals.stages.questions import question_of
from fusion_graph.evals.stages.verdicts import Verdicts


@dataclass(frozen=True, slots=True)
class _Graded:
    """What grading an answer came to."""

    outcome: Outcome
    scores: list[Score] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    coverage: float | None = None
    cost: Cost = field(default_factory=lambda: Cost(None, at_least=False))
    error: str | None = None


class Evaluator:
    """Answers, grades and audits single cells.

    Args:
        dataset: The tasks, and how answers are scored.
        answers: Makes answers.
        verdicts: Grades by rubric; `None` for datasets with another scorer.
        audit: Looks for the answer key in what tools returned.
        blocklist: Where searches and fetches must not go.
        folder: Where the tasks' files are.
    """

    def __init__(
        self,
        dataset: Dataset,
        answers: Answers,
        verdicts: Verdicts | None,
        audit: Audit,
        *,
        blocklist: Sequence[str] = (),
        folder: Path | None = None,
    ) -> None:
        self.dataset = dataset
        self._answers, self._verdicts, self._audit = answers, verdicts, audit
        self._blocklist, self._folder = list(blocklist), folder
        self._plans: dict[int, tuple[Plan, Plan]] = {}

    async def row(self, plan: Plan, task: Task, generation: int = 0) -> Row:
        """Return one configuration's answer to one task, graded; what is stored is not done again.

        Args:
            plan: The configuration.
            task: The task.
            generation: Which independent answer, from 0.

        Returns:
            The row. Refusals and failures are rows too.

        Raises:
            StoppedError: A stage would have to be begun, and none is any more.
            NotStoredError: A stage was never tried, and this evaluator only looks up.
            ConfigError: A file of the task cannot be read.
        """
        question = await self.question(task)
        answered = await self._answers.answer(self._kept_away(plan), question, generation)
        graded = await self._graded(task, question, answered)
        totals = answered.receipt.totals
        seen = await self._audit.of(task, answered)
        cost = Cost.of(totals.usage) if totals.calls else Cost(None, at_least=True)
        return Row(
            configuration=plan.name,
            task_id=task.id,
            domain=task.domain,
            generation=generation,
            outcome=graded.outcome,
            answer=answered.text,
            error=answered.error or graded.error,
            scores=graded.scores,
            verdicts=graded.verdicts,
            coverage=graded.coverage,
            contaminated=seen.findings,
            missing_seats=answered.missing,
            seats_used=answered.seats_used,
            seats_echoed=answered.seats_echoed,
            cost_usd=cost.usd,
            cost_at_least=cost.at_least,
            judging_usd=graded.cost.usd,
            judging_at_least=graded.cost.at_least,
            seconds=answered.receipt.seconds,
            calls=totals.calls,
            tool_calls=totals.tool_calls,
            urls=seen.urls,
            receipt=answered.receipt.as_state(),
            trace_id=answered.trace_id,
        )

    async def outline(
        self, plan: Plan, task: Task, generation: int = 0, lost: Mapping[str, str] | None = None
    ) -> dict[str, Stage]:
        """Return the stages of an answer, by part: seat id, `judge`, `writer`.

        Args:
            plan: The configuration.
            task: The task.
            generation: Which independent answer.
            lost: How seats ended that gave no draft, by seat id; every other seat gives one.
        """
        return self._answers.layout(self._kept_away(plan)).outline(await self.question(task), generation, lost)

    def _kept_away(self, plan: Plan) -> Plan:
        held = self._plans.get(id(plan))
        if held is None or held[0] is not plan:
            held = self._plans[id(plan)] = (plan, plan.away_from(self._blocklist))
        return held[1]

    async def question(self, task: Task) -> str:
        """Return what a task asks, its files included."""
        return await asyncio.to_thread(question_of, task, self._folder) if task.files else task.input

    async def _graded(self, task: Task, question: str, answered: Answered) -> _Graded:
        if answered.outcome != "ok":
            return _Graded(answered.outcome)
        if self._verdicts is not None and task.rubric is not None:
            found = await self._verdicts.of(task, question, answered.text)
            scored = score_verdicts(task.rubric, found.verdicts, self._verdicts.runs)
            complete = len(scored.scores) == self._verdicts.runs
            return _Graded(
                "ok" if complete else "incomplete", scored.scores, found.verdicts, scored.coverage, found.cost,
                None if complete else found.error,
            )  # fmt: skip
        try:
            return _Graded("ok", [await score_answer(self.dataset.scorer, task, answered.text)])
        except ScoringError as error:
            return _Graded("incomplete", error=str(error))

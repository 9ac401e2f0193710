"""Grade LangSmith's own runs with a rubric, criterion by criterion."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic import ValidationError

from fusion_graph.evals.grading.errors import GradingError
from fusion_graph.evals.grading.model import GradingModel
from fusion_graph.evals.results import Score, Verdict
from fusion_graph.evals.schema import Criterion, Rubric
from fusion_graph.evals.scorers.rubric import RubricScores, score_verdicts
from fusion_graph.presets import explain

Evaluator = Callable[[dict[str, Any], dict[str, Any], dict[str, Any] | None], Awaitable[dict[str, Any]]]
_LONGEST_COMMENT = 2_000


def as_langsmith_evaluator(
    grading: GradingModel,
    rubric: Rubric | None = None,
    *,
    runs: int = 3,
    question: str = "input",
    answer: str = "answer",
    at_once: int = 8,
) -> Evaluator:
    """Make an evaluator for `langsmith.aevaluate` and LangSmith's experiments.

    Args:
        grading: What judges a criterion.
        rubric: The rubric of every example; when unset, each example brings its own in its reference outputs, under
            `rubric`.
        runs: Independent judge runs.
        question: Where the question lies in an example's inputs; its last message when there is no such field.
        answer: Where the answer lies in a run's outputs; the last message when there is no such field.
        at_once: Judge calls at the same time.

    Returns:
        An async function of `inputs`, `outputs` and `reference_outputs`. It returns `{"results": [...]}` with `score`
        (0 to 100, the mean of the judge runs), `pass_rate` and each axis; what could not be graded is left out, and
        the comment of `coverage` says why.
    """

    async def evaluator(
        inputs: dict[str, Any], outputs: dict[str, Any], reference_outputs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        own = rubric or _rubric(reference_outputs)
        asked, answered = _text(inputs, question), _text(outputs, answer)
        wanted = [(criterion, run) for run in range(runs) for _, criterion in own.criteria()]
        verdicts, faults = await _judge(grading, asked, answered, wanted, at_once)
        return {"results": _results(own, score_verdicts(own, verdicts, runs), verdicts, faults)}

    return evaluator


async def _judge(
    grading: GradingModel, asked: str, answered: str, wanted: list[tuple[Criterion, int]], at_once: int
) -> tuple[list[Verdict], list[str]]:
    room, faults = asyncio.Semaphore(at_once), []

    async def one(criterion: Criterion, run: int) -> Verdict | None:
        async with room:
            try:
                return (await grading.grade(asked, answered, criterion, run)).verdict
            except GradingError as error:
                faults.append(f"{criterion.id}, run {run}: {error}")
                return None

    found = await asyncio.gather(*[one(criterion, run) for criterion, run in wanted])
    return [verdict for verdict in found if verdict is not None], faults


def _rubric(reference: dict[str, Any] | None) -> Rubric:
    held = (reference or {}).get("rubric")
    if held is None:
        raise ValueError(
            "reference_outputs: there is no 'rubric'; give one to as_langsmith_evaluator, or to each example"
        )
    try:
        return Rubric.model_validate(held)
    except ValidationError as error:
        raise ValueError(f"reference_outputs.rubric: {explain(error)}") from error


def _text(values: Mapping[str, Any], field: str) -> str:
    """Read a question or an answer: a field's text, or the last message of a conversation."""
    if isinstance(values.get(field), str):
        return str(values[field])
    messages = values.get("messages")
    if not messages:
        raise ValueError(f"{field}: there is no such text and no 'messages' among {sorted(values)}; name the field")
    last = messages[-1]
    if isinstance(last, BaseMessage):
        return str(last.text)
    return str(last.get("content", "")) if isinstance(last, Mapping) else str(last)


def _results(rubric: Rubric, graded: RubricScores, verdicts: list[Verdict], faults: list[str]) -> list[dict[str, Any]]:
    missing = {"comment": "; ".join(faults)[:_LONGEST_COMMENT]} if faults else {}
    results: list[dict[str, Any]] = [{"key": "coverage", "score": graded.coverage, **missing}]
    if not graded.scores:
        return results
    results.append({"key": "score", "score": _mean(graded.scores, "value"), "comment": _wrong(rubric, verdicts)})
    if all(score.pass_rate is not None for score in graded.scores):
        results.append({"key": "pass_rate", "score": _mean(graded.scores, "pass_rate")})
    for axis in graded.scores[0].axes:
        values = [value for score in graded.scores if (value := score.axes[axis]) is not None]
        if values:
            results.append({"key": axis, "score": sum(values) / len(values)})
    return results


def _mean(scores: list[Score], name: str) -> float:
    return sum(float(getattr(score, name)) for score in scores) / len(scores)


def _wrong(rubric: Rubric, verdicts: list[Verdict]) -> str:
    """Say which criteria are not as they should be in the first judge run, so that a reader sees where points went."""
    first = {verdict.criterion_id: verdict.met for verdict in verdicts if verdict.run == min(v.run for v in verdicts)}
    wrong = [c.id for _, c in rubric.criteria() if c.id in first and first[c.id] != (c.weight > 0)]
    return ("not as they should be: " + ", ".join(wrong) if wrong else "all criteria are as they should be")[
        :_LONGEST_COMMENT
    ]

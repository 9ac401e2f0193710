"""Scorers: from verdicts, or from an answer and what was expected, to a score between 0 and 100."""

from __future__ import annotations

from functools import cache

from fusion_graph.evals.results import Score
from fusion_graph.evals.schema import Scorer, Task
from fusion_graph.evals.scorers.errors import ScoringError
from fusion_graph.evals.scorers.exact import score_exact
from fusion_graph.evals.scorers.function import load_function, score_function
from fusion_graph.evals.scorers.json_fields import score_json_fields
from fusion_graph.evals.scorers.rubric import RubricScores, score_run, score_verdicts

__all__ = [
    "RubricScores",
    "ScoringError",
    "check_scorer",
    "score_answer",
    "score_exact",
    "score_function",
    "score_json_fields",
    "score_run",
    "score_verdicts",
]

_function = cache(load_function)


def check_scorer(scorer: Scorer) -> None:
    """Make sure that a scorer can be used, before any money is spent.

    Args:
        scorer: The dataset's scorer.

    Raises:
        ConfigError: Its function cannot be imported, or takes other arguments.
    """
    if scorer.kind == "python":
        _function(scorer.function or "")


async def score_answer(scorer: Scorer, task: Task, answer: str) -> Score:
    """Score an answer by a scorer that needs no judge model.

    Args:
        scorer: The dataset's scorer; any kind but `rubric`, which is scored from verdicts.
        task: The task.
        answer: The answer's text.

    Returns:
        The score, as judge run 0.

    Raises:
        ScoringError: The scorer is `rubric`, or the user's function failed.
        ConfigError: The user's function cannot be imported.
    """
    if scorer.kind == "exact":
        return score_exact(answer, task.expected)
    if scorer.kind == "json_fields":
        return score_json_fields(answer, task.expected, scorer.weights)
    if scorer.kind == "python":
        return await score_function(_function(scorer.function or ""), task, answer)
    raise ScoringError(f"task {task.id!r}: a rubric is scored from verdicts; use score_verdicts")

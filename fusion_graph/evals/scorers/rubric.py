"""From a judge's verdicts to scores, by DRACO's formula (arXiv:2602.11685, section 4); pure arithmetic.

For one task with criteria of weight w and one judge run, v being 1 where a criterion is met:

    raw   = sum of v * w
    value = 100 * clip(raw / sum of positive w, 0, 1)
    pass  = 100 * share of criteria that are as they should be: met if w > 0, not met if w < 0

An axis is the value of one section alone, with its own denominator and its own clip. The score of a task is the mean of
its judge runs, each clipped before (`Row.score`); a majority vote over runs is something else.

A rubric with negative criteria alone has no such denominator. Its value is `100 * clip(1 + raw / sum of |w|, 0, 1)`:
100 with no error, 0 with all of them, as in the package `rubric` 2.2.0, the grader of the paper. A section of that kind
is no axis: `None`. A criterion of weight 0 changes no value and never passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum

from fusion_graph.evals.results import Score, Verdict
from fusion_graph.evals.schema import Rubric, Section
from fusion_graph.evals.scorers.errors import ScoringError
from fusion_graph.evals.scorers.signed import normalised


@dataclass(frozen=True, slots=True)
class RubricScores:
    """What the verdicts of one answer come to.

    Attributes:
        scores: One for each judge run that has all its verdicts, by run.
        coverage: Share of the wanted verdicts that are there, between 0 and 1.
    """

    scores: list[Score]
    coverage: float


def score_verdicts(rubric: Rubric, verdicts: Iterable[Verdict], runs: int) -> RubricScores:
    """Score one answer in all its judge runs.

    Args:
        rubric: The task's rubric.
        verdicts: All verdicts there are, in any order.
        runs: Independent judge runs wanted, numbered from 0.

    Returns:
        The scores of the complete runs, and how much of what was wanted is there.

    Raises:
        ScoringError: A verdict names no criterion of the rubric or no wanted run, or two verdicts are of the same
            criterion and run.
    """
    wanted = [criterion.id for _, criterion in rubric.criteria()]
    by_run: dict[int, dict[str, bool]] = {run: {} for run in range(runs)}
    known = set(wanted)
    for verdict in verdicts:
        place = f"criterion {verdict.criterion_id!r}, run {verdict.run}"
        if verdict.criterion_id not in known or verdict.run not in by_run:
            raise ScoringError(f"verdict of {place}: the rubric has no such criterion, or only {runs} runs are wanted")
        if verdict.criterion_id in by_run[verdict.run]:
            raise ScoringError(f"verdict of {place} is there twice; keep one")
        by_run[verdict.run][verdict.criterion_id] = verdict.met
    complete = [run for run, found in by_run.items() if len(found) == len(wanted)]
    there = sum(map(len, by_run.values()))
    return RubricScores([score_run(rubric, by_run[run], run) for run in complete], there / (runs * len(wanted)))


def score_run(rubric: Rubric, met: Mapping[str, bool], run: int = 0) -> Score:
    """Score one answer in one judge run.

    Args:
        rubric: The task's rubric.
        met: By criterion id, whether what it describes is there.
        run: The run's number.

    Returns:
        The score.

    Raises:
        ScoringError: A criterion has no verdict, or no criterion has a weight.
    """
    criteria = [criterion for _, criterion in rubric.criteria()]
    missing = [criterion.id for criterion in criteria if criterion.id not in met]
    if missing:
        raise ScoringError(f"run {run} has no verdict of {len(missing)} criteria, such as {missing[0]!r}")
    counted = [criterion for criterion in criteria if criterion.weight]
    if not counted:
        raise ScoringError("no criterion of the rubric has a weight other than 0; give one a weight")
    passed = sum(met[criterion.id] == (criterion.weight > 0) for criterion in counted)
    return Score(
        run=run,
        raw=fsum(criterion.weight for criterion in criteria if met[criterion.id]),
        value=normalised([(criterion.weight, met[criterion.id]) for criterion in criteria]),
        pass_rate=100 * passed / len(criteria),
        axes={section.id: _axis(section, met) for section in rubric.sections},
    )


def _axis(section: Section, met: Mapping[str, bool]) -> float | None:
    if not any(criterion.weight > 0 for criterion in section.criteria):
        return None
    return normalised([(criterion.weight, met[criterion.id]) for criterion in section.criteria])

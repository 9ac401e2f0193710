"""From verdicts to scores: the formula, its edges, and the numbers that were published or recorded."""

from __future__ import annotations

from itertools import combinations
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_verdicts import draco_rubrics, needs_recorded, recorded_experiment, recorded_lines

from fusion_graph.evals.results import Verdict
from fusion_graph.evals.schema import Criterion, Rubric, Section
from fusion_graph.evals.scorers import ScoringError, score_run, score_verdicts


def rubric(*weights: float, second: tuple[float, ...] = ()) -> Rubric:
    """One section of criteria `c0`, `c1`, ...; and a second one if it has weights."""
    criteria = [Criterion(id=f"c{at}", weight=weight, requirement="?") for at, weight in enumerate((*weights, *second))]
    sections = [Section(id="facts", criteria=criteria[: len(weights)])]
    return Rubric(sections=[*sections, Section(id="style", criteria=criteria[len(weights) :])] if second else sections)


def met(rubric: Rubric, *names: str) -> dict[str, bool]:
    return {criterion.id: criterion.id in names for _, criterion in rubric.criteria()}


def test_an_error_that_is_there_subtracts_and_one_that_is_not_passes() -> None:
    one = rubric(10, -5, -3)
    score = score_run(one, met(one, "c0", "c1"))
    assert (score.raw, score.value) == (5, 50)
    assert score.pass_rate == pytest.approx(100 * 2 / 3)


@pytest.mark.parametrize(("weights", "names", "value"), [((4, -500), ["c1"], 0), ((4, -1), ["c0"], 100)])
def test_the_value_is_clipped_and_the_raw_sum_is_not(
    weights: tuple[float, ...], names: list[str], value: float
) -> None:
    one = rubric(*weights)
    score = score_run(one, met(one, *names))
    assert score.value == value
    assert score.raw == sum(weights[int(name[1:])] for name in names)


def test_an_axis_has_its_own_denominator_and_clip() -> None:
    one = rubric(10, -20, second=(4, 4))
    score = score_run(one, met(one, "c0", "c1", "c2"))
    assert score.axes == {"facts": 0, "style": 50}
    assert score.value == 0


def test_an_empty_answer_scores_nothing_but_passes_every_negative_criterion() -> None:
    one = rubric(10, 10, -5)
    score = score_run(one, met(one))
    assert score.value == 0
    assert score.pass_rate == pytest.approx(100 / 3)


@pytest.mark.parametrize(("names", "value"), [([], 100), (["c0"], 75), (["c0", "c1"], 0)])
def test_a_rubric_with_only_negative_criteria_starts_at_100(names: list[str], value: float) -> None:
    one = rubric(-1, -3)
    score = score_run(one, met(one, *names))
    assert score.value == value
    assert score.axes == {"facts": None}


def test_a_criterion_of_weight_0_changes_no_value_and_never_passes() -> None:
    one = rubric(10, 0)
    score = score_run(one, met(one, "c0", "c1"))
    assert (score.value, score.pass_rate) == (100, 50)
    with pytest.raises(ScoringError, match="weight other than 0"):
        score_run(rubric(0), {"c0": True})


def verdicts(rubric: Rubric, run: int, *names: str) -> list[Verdict]:
    return [Verdict(criterion_id=name, run=run, met=is_met) for name, is_met in met(rubric, *names).items()]


def test_the_mean_over_runs_is_of_clipped_runs_and_no_majority() -> None:
    one = rubric(10, -30)
    found = score_verdicts(one, [*verdicts(one, 0, "c0", "c1"), *verdicts(one, 1, "c0"), *verdicts(one, 2)], 3)
    assert [score.value for score in found.scores] == [0, 100, 0]
    assert found.coverage == 1


def test_a_run_counts_only_when_every_criterion_has_a_verdict() -> None:
    one = rubric(10, 5, -3)
    found = score_verdicts(one, [*verdicts(one, 0, "c0")[:2], *verdicts(one, 1, "c0")], 2)
    assert [score.run for score in found.scores] == [1]
    assert found.coverage == pytest.approx(5 / 6)
    with pytest.raises(ScoringError, match="no verdict of 1 criteria, such as 'c2'"):
        score_run(one, {"c0": True, "c1": True})


@pytest.mark.parametrize(
    "wrong",
    [
        Verdict(criterion_id="c0", run=0, met=False),
        Verdict(criterion_id="gone", run=0, met=True),
        Verdict(criterion_id="c0", run=1, met=True),
    ],
)
def test_a_verdict_that_is_there_twice_or_belongs_nowhere_is_an_error(wrong: Verdict) -> None:
    with pytest.raises(ScoringError, match=f"criterion '{wrong.criterion_id}', run {wrong.run}"):
        score_verdicts(rubric(1), [Verdict(criterion_id="c0", run=0, met=True), wrong], 1)


@given(st.lists(st.tuples(st.integers(-500, 20).filter(bool), st.booleans()), min_size=1, max_size=30))
def test_scores_stay_in_their_range_and_one_more_wanted_thing_never_lowers_them(pairs: list[tuple[int, bool]]) -> None:
    one = rubric(*(weight for weight, _ in pairs))
    held = {f"c{at}": is_met for at, (_, is_met) in enumerate(pairs)}
    score = score_run(one, held)
    assert 0 <= score.value <= 100
    assert 0 <= (score.pass_rate or 0) <= 100
    for at, (weight, _) in enumerate(pairs):
        better = score_run(one, {**held, f"c{at}": weight > 0})
        assert better.value >= score.value


FIXTURE = "262b3145-5b6d-486b-a09f-c8e6a8f98e20"


@needs_recorded
def test_openrouters_published_fixture_is_reproduced() -> None:
    """Its sums are public: 178 of 238, 28 of 35 criteria as they should be. Any verdicts with these sums will do."""
    one = draco_rubrics()[FIXTURE]
    criteria = [criterion for _, criterion in one.criteria()]
    assert sum(criterion.weight for criterion in criteria if criterion.weight > 0) == 238
    wanted = [criterion for criterion in criteria if criterion.weight > 0]
    missed = next(
        {criterion.id for criterion in some}
        for some in combinations(wanted, 7)
        if sum(criterion.weight for criterion in some) == 60
    )
    score = score_run(one, met(one, *({criterion.id for criterion in wanted} - missed)))
    assert (score.raw, score.value, score.pass_rate) == (178, 74.78991596638656, 80.0)


@needs_recorded
@pytest.mark.parametrize(
    ("name", "rows", "scored", "mean"),
    [
        ("frontier-minimax-fuser", 100, 100, 71.57),
        ("frontier-kimi-fuser", 100, 100, 66.98),
        ("frontier-deepseek-fuser", 100, 100, 65.67),
        ("selffusion-m3-x10", 100, 100, 69.39),
        ("fusion-client-budget-opus-full100", 100, 100, 60.75),
        ("selffusion-opus-2run", 95, 94, 67.56),
    ],
)
def test_recorded_means_are_reproduced(name: str, rows: int, scored: int, mean: float) -> None:
    found = recorded_experiment([name]).rows
    scores = [row.score for row in found if row.score is not None]
    assert (len(found), len(scores)) == (rows, scored)
    assert round(sum(scores) / len(scores), 2) == mean


@needs_recorded
def test_every_recorded_task_score_is_reproduced() -> None:
    experiment = recorded_experiment()
    stored = {
        (configuration.name, line["task_id"]): line["score"]
        for configuration in experiment.configurations
        for line in recorded_lines(configuration.name)
        if line["score"] is not None
    }
    found = {(row.configuration, row.task_id): row.score for row in experiment.rows if row.score is not None}
    assert found.keys() == stored.keys()
    assert len(found) == 594
    assert all(isclose(score or 0.0, stored[place], abs_tol=1e-9) for place, score in found.items())


@needs_recorded
def test_rows_that_are_there_twice_are_a_failed_judging_and_its_repetition() -> None:
    lines = recorded_lines("fusion-client-budget-opus-full100")
    first = {line["task_id"]: line for line in reversed(lines)}
    twice = [line for line in lines if line is not first[line["task_id"]]]
    assert len(lines) == 110
    assert len(twice) == 10
    assert all(first[line["task_id"]]["score"] is None and line["score"] is not None for line in twice)


@needs_recorded
def test_a_judging_that_failed_leaves_its_row_incomplete_and_without_a_score() -> None:
    rows = recorded_experiment(["selffusion-opus-2run"]).rows
    assert not [row for row in rows if row.outcome == "failed"]
    (ungraded,) = [row for row in rows if row.outcome == "incomplete"]
    assert (ungraded.score, ungraded.coverage) == (None, 0)

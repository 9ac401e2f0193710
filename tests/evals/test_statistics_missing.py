"""What is missing is counted in the open: failures both ways, contaminated rows out, unknown never 0."""

import math

import pytest
from recorded_verdicts import needs_recorded, recorded_experiment
from synthetic_experiments import experiment, row

from fusion_graph.errors import ConfigError
from fusion_graph.evals.results import Configuration, Score
from fusion_graph.evals.statistics import Resampling, find

QUICK = Resampling(count=200)


def _found(rows, **facts):
    return {s.configuration.name: s for s in find(experiment(rows, **facts), QUICK).standings}


def test_refused_and_failed_answers_count_nothing_in_one_column_and_are_left_out_in_the_other():
    rows = [
        row("a", "t1", 80.0),
        row("a", "t2", outcome="refused"),
        row("a", "t3", outcome="failed"),
        row("a", "t4", 40.0),
    ]
    rows += [row("b", f"t{i}", 50.0 + i) for i in range(1, 5)]
    found = _found(rows)
    assert (found["a"].score.mean, found["a"].score.n) == (30.0, 4)
    assert (found["a"].common.mean, found["a"].common.n) == (60.0, 2)
    assert (found["b"].common.mean, found["b"].score.mean) == (52.5, 52.5)
    assert (found["a"].counts.refused, found["a"].counts.failed) == (1, 1)


def test_missing_gradings_and_tasks_not_tried_are_unknown_and_not_0():
    rows = [row("a", "t1", 80.0), row("a", "t2", outcome="incomplete", coverage=0.5), row("a", "t3", 60.0)]
    found = _found(rows, tasks=10)["a"]
    assert (found.score.mean, found.score.n) == (70.0, 2)
    assert (found.counts.incomplete, found.counts.untried) == (1, 7)
    assert found.counts.coverage == 0.5


def test_contaminated_rows_are_out_of_every_score_and_listed():
    rows = [
        row("a", "t1", 50.0),
        row("a", "t2", 99.0, contaminated=["marker at http://x"], answer="secret"),
        row("a", "t3", 40.0),
    ]
    found = find(experiment(rows), QUICK)
    assert found.standings[0].score.mean == 45.0
    assert found.standings[0].counts.contaminated == 1
    assert [(r.task_id, r.contaminated, r.answer) for r in found.contaminated] == [("t2", ["marker at http://x"], "")]


def test_a_failed_answer_that_is_contaminated_is_left_out_too():
    rows = [row("a", "t1", 50.0), row("a", "t2", outcome="failed", contaminated=["seen"])]
    assert _found(rows)["a"].score.mean == 50.0


def test_numbers_that_are_none_are_unknown():
    rows = [row("a", "t1", 50.0, math.nan), row("a", "t2", math.nan), row("a", "t3", math.inf), row("a", "t4", 70.0)]
    found = _found(rows)["a"]
    assert (found.score.mean, found.score.n) == (60.0, 2)


def test_nothing_at_all_is_unknown_everywhere():
    found = find(experiment([], configurations=[Configuration(name="a", kind="solo")], tasks=5), QUICK)
    (standing,) = found.standings
    assert standing.score.mean is None
    assert standing.cost.mean is None
    assert standing.seconds.mean is None
    assert standing.counts.untried == 5
    assert found.common_tasks == 0


def test_an_axis_without_positive_weight_is_unknown_for_that_task_only():
    scores = [Score(run=0, raw=1, value=50, axes={"x": value}) for value in (None, 40.0)]
    rows = [row("a", f"t{i}").model_copy(update={"scores": [score]}) for i, score in enumerate(scores)]
    assert (_found(rows)["a"].axes["x"].mean, _found(rows)["a"].axes["x"].n) == (40.0, 1)


def test_several_answers_to_a_task_are_averaged_before_tasks_are():
    rows = [row("a", "t1", 0.0, generation=0), row("a", "t1", 100.0, generation=1), row("a", "t2", 20.0)]
    found = _found(rows)["a"]
    assert (found.score.mean, found.score.n) == (35.0, 2)
    rows[0] = row("a", "t1", outcome="refused", generation=0)
    assert _found(rows)["a"].score.mean == 35.0


def test_a_row_that_is_there_twice_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"two rows of configuration 'a', task 't1', generation 0"):
        find(experiment([row("a", "t1", 1.0), row("a", "t1", 2.0)]), QUICK)


def test_a_row_of_an_unknown_configuration_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"configuration 'b'"):
        find(experiment([row("b", "t1", 1.0)], configurations=[Configuration(name="a", kind="solo")]), QUICK)


def test_times_and_seats_say_of_how_many_answers_they_are():
    rows = [row("a", f"t{i}", 5.0, seconds=float(i) if i else None, seats_used={"x": i, "y": 1}) for i in range(4)]
    rows.append(row("a", "t9", outcome="failed", missing_seats=["x", "y"]))
    found = _found(rows)["a"]
    assert (found.seconds.median, found.seconds.known, found.seconds.n) == (2.0, 3, 5)
    assert [(u.seat, u.citations, u.share, u.answers) for u in found.seats] == [("x", 6, 0.6, 0.75), ("y", 4, 0.4, 1.0)]
    assert found.counts.missing_seats == {"x": 1, "y": 1}


@needs_recorded
def test_recorded_files_with_failed_and_absent_rows_say_so():
    found = {s.configuration.name: s for s in find(recorded_experiment(), QUICK).standings}
    twice = found["selffusion-opus-2run"]
    assert twice.counts.untried == 5
    assert (twice.counts.ok, twice.counts.incomplete, twice.counts.failed) == (94, 1, 0)
    assert (twice.score.n, twice.score.mean) == (94, pytest.approx(67.56, abs=0.005)), "no grading is not a 0"
    assert found["fusion-client-budget-opus-full100"].score.mean == pytest.approx(60.75, abs=0.005)
    assert twice.cost.mean is None

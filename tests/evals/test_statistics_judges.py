"""Noise, agreement between judges and runs, and what the parts of fusion contribute."""

import numpy as np
import pytest
from synthetic_experiments import experiment, row

from fusion_graph.evals.results import Configuration, Grading, Verdict
from fusion_graph.evals.statistics import Resampling, find
from fusion_graph.evals.statistics.agreement import between_runs, cohen_kappa, kendall_tau
from fusion_graph.evals.statistics.variance import variance_parts

QUICK = Resampling(count=300)


def test_kappa_of_a_worked_example():
    pairs = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    found = cohen_kappa(pairs)
    assert (found.n, found.agree, found.kappa) == (50, 0.7, pytest.approx(0.4))


def test_kappa_is_unknown_where_there_is_nothing_to_agree_on():
    assert cohen_kappa([]).agree is None
    assert cohen_kappa([(True, True)] * 9).kappa is None


def test_tau_of_worked_examples():
    assert kendall_tau([1, 2, 3, 4], [1, 2, 3, 4]) == 1.0
    assert kendall_tau([1, 2, 3, 4], [4, 3, 2, 1]) == -1.0
    assert kendall_tau([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(4 / 6)
    assert kendall_tau([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / 6**0.5)
    assert kendall_tau([1, 1], [1, 2]) is None


def test_the_judge_is_compared_with_itself_over_every_pair_of_runs():
    verdicts = [Verdict(criterion_id="x", run=run, met=met) for run, met in enumerate((True, True, False))]
    found = between_runs([row("a", "t1", 50.0).model_copy(update={"verdicts": verdicts})])
    assert (found.n, found.agree) == (3, pytest.approx(1 / 3))


def test_the_parts_of_the_variance_are_found_again():
    random = np.random.default_rng(3)
    values = random.normal(60, 16, (3000, 1, 1)) + random.normal(0, 7, (3000, 2, 1)) + random.normal(0, 4, (3000, 2, 3))
    found = variance_parts(values)
    assert found.task_sd == pytest.approx(16, rel=0.04)
    assert found.generation_sd == pytest.approx(7, rel=0.04)
    assert found.judge_sd == pytest.approx(4, rel=0.04)


def test_parts_that_were_not_repeated_are_unknown():
    found = variance_parts(np.array([1.0, 2.0, 9.0]).reshape(3, 1, 1))
    assert (found.generation_sd, found.judge_sd) == (None, None)
    assert variance_parts(np.full((2, 1, 1), np.nan)).task_sd is None


def _regraded(shift):
    verdict = {run: [Verdict(criterion_id="x", run=0, met=run == 0)] for run in (0, 1)}
    rows = [
        row(name, f"t{i}", level + i).model_copy(update={"verdicts": verdict[0]})
        for name, level in (("a", 50.0), ("b", 60.0), ("c", 70.0))
        for i in range(6)
    ]
    second = [
        row(r.configuration, r.task_id, r.score + shift[r.configuration]).model_copy(
            update={"verdicts": verdict[i % 2]}
        )
        for i, r in enumerate(rows)
    ]
    return experiment(rows, regraded=second[:-1], regrading=Grading(scorer="rubric", judge="other/judge"))


def test_a_second_judge_shows_in_ranking_level_and_verdicts():
    found = find(_regraded({"a": -10.0, "b": -10.0, "c": -25.0}), QUICK).sensitivity
    assert found.tau == pytest.approx(1 / 3)
    assert {s.name: s.shift.mean for s in found.shifts} == {"a": -10.0, "b": -10.0, "c": -25.0}
    assert [s.shift.n for s in found.shifts] == [6, 6, 5]
    assert found.verdicts.n == 17
    assert found.verdicts.agree == pytest.approx(9 / 17)
    assert found.regrading.judge == "other/judge"
    assert found.shift.low <= found.shift.mean <= found.shift.high


def test_without_a_second_grading_nothing_is_said_of_it():
    assert find(experiment([row("a", "t1", 1.0)]), QUICK).sensitivity is None


LEVELS = {
    "solo": 50.0,
    "homo-freeform": 54.0,
    "homo-structured": 55.0,
    "hetero-freeform": 60.0,
    "hetero-structured": 63.0,
}


def _arms(levels, extra=()):
    random = np.random.default_rng(0)
    tasks = random.normal(0, 15, 40)
    rows = [
        row(arm, f"t{i}", float(level + tasks[i] + random.normal(0, 1)))
        for arm, level in levels.items()
        for i in range(40)
    ]
    configurations = [Configuration(name=arm, kind="control", control=arm.split("/")[0]) for arm in levels]
    return experiment(rows, configurations=[*configurations, *extra])


def test_the_five_arms_give_what_each_part_contributes():
    found = find(_arms(LEVELS), QUICK).ablation
    points = {c.part: c.pair for c in found.contributions}
    assert points["synthesis"].difference == pytest.approx(4, abs=1)
    assert points["diversity"].difference == pytest.approx(7, abs=1)
    assert points["structured judge"].difference == pytest.approx(2, abs=1)
    assert points["all together"].difference == pytest.approx(13, abs=1)
    assert points["diversity"].low > 0
    assert [c.difference for c in found.contributions[1].contrasts] == [
        pytest.approx(6, abs=1),
        pytest.approx(8, abs=1),
    ]
    assert found.problem == ""


def test_arms_that_are_missing_or_there_twice_are_named():
    held = {arm: level for arm, level in LEVELS.items() if arm != "hetero-structured"}
    found = find(_arms({**held, "solo/again": 50.0}), QUICK).ablation
    assert "hetero-structured" in found.problem
    assert "more than one configuration is the arm solo" in found.problem
    assert [c.part for c in found.contributions] == ["diversity", "structured judge"]


def test_without_arms_there_is_no_ablation():
    assert find(experiment([row("a", "t1", 1.0)]), QUICK).ablation is None

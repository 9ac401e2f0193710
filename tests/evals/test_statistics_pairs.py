"""Pairs are compared task by task; the recorded experiments give the differences that are known of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_verdicts import needs_recorded, recorded_experiment
from synthetic_experiments import experiment, row, simulated

from fusion_graph.evals.statistics import Resampling, find, holm
from fusion_graph.evals.statistics.pairs import detectable

QUICK = Resampling(count=1000)


@needs_recorded
def test_recorded_means_and_the_paired_difference_of_two_writers_are_reproduced():
    found = find(recorded_experiment(["frontier-minimax-fuser", "frontier-kimi-fuser"]))
    assert [s.score.mean for s in found.standings] == [pytest.approx(71.57, abs=0.005), pytest.approx(66.98, abs=0.005)]
    (pair,) = found.pairs
    assert pair.difference == pytest.approx(4.59, abs=0.01)
    assert pair.se == pytest.approx(0.90, abs=0.01)
    assert (pair.low, pair.high) == (pytest.approx(2.9, abs=0.15), pytest.approx(6.4, abs=0.15))
    assert pair.n == 100
    unpaired = float(np.hypot(*(s.score.se for s in found.standings)))
    assert pair.se < 0.45 * unpaired
    assert pair.detectable == pytest.approx(2.8 * pair.sd / 10, rel=0.001)


@needs_recorded
def test_all_recorded_configurations_have_the_spread_between_tasks_that_is_known_of_them():
    found = find(recorded_experiment(), QUICK)
    assert all(15.5 <= s.score.se * s.score.n**0.5 <= 19.1 for s in found.standings)
    assert found.common_tasks == 94


def test_a_shared_draw_of_tasks_cancels_what_configurations_share():
    random = np.random.default_rng(1)
    level = random.normal(60, 16, 50)
    rows = [row(name, f"t{i}", float(level[i] + plus)) for name, plus in (("a", 2.0), ("b", 0.0)) for i in range(50)]
    (pair,) = find(experiment(rows), QUICK).pairs
    assert pair.low == pytest.approx(2.0)
    assert pair.high == pytest.approx(2.0)
    assert pair.above == 1.0


def test_a_pair_is_compared_over_its_common_tasks_only():
    rows = [row("a", f"t{i}", 50.0 + i) for i in range(10)] + [row("b", f"t{i}", 49.0 + i) for i in range(5, 14)]
    (pair,) = find(experiment(rows), QUICK).pairs
    assert pair.n == 5
    assert pair.difference == pytest.approx(1.0)
    assert (pair.low, pair.high) == (pytest.approx(1.0), pytest.approx(1.0))


def test_pairs_without_two_common_tasks_are_unknown_and_no_part_of_the_family():
    rows = [row("a", "t1", 1.0), row("b", "t2", 2.0), row("b", "t1", 4.0), row("c", "t9", 4.0)]
    pairs = {(p.a, p.b): p for p in find(experiment(rows), QUICK).pairs}
    assert pairs["a", "b"].difference == -3.0
    assert (pairs["a", "b"].low, pairs["a", "b"].p_holm) == (None, None)
    assert (pairs["a", "c"].difference, pairs["a", "c"].n) == (None, 0)


def test_equal_configurations_are_not_told_apart():
    rows = [row(name, f"t{i}", float(i)) for name in "ab" for i in range(10)]
    (pair,) = find(experiment(rows), QUICK).pairs
    assert (pair.difference, pair.above, pair.p_holm) == (0.0, 0.5, 1.0)


def test_a_true_null_is_rejected_about_as_often_as_the_level_says():
    random = np.random.default_rng(7)
    rejected = 0
    for simulation in range(200):
        a, b = random.normal(60, 8, (2, 25))
        rows = [row(name, f"t{i}", float(v)) for name, held in (("a", a), ("b", b)) for i, v in enumerate(held)]
        (pair,) = find(experiment(rows), Resampling(count=200, seed=simulation)).pairs
        rejected += pair.p < 0.05
    assert 0.02 <= rejected / 200 <= 0.09


def test_clear_differences_stay_clear_in_a_large_family():
    found = find(simulated(tasks=60), Resampling(count=500))
    clear = [p for p in found.pairs if abs(p.difference) > 15]
    assert len(found.pairs) == 66
    assert clear
    assert all(p.p_holm < 0.001 for p in clear)


def test_a_turned_pair_says_the_same():
    pair = find(simulated(tasks=20), QUICK).pairs[0]
    turned = pair.turned()
    assert (turned.a, turned.difference, turned.low) == (pair.b, -pair.difference, -pair.high)
    assert turned.turned() == pair.model_copy(update={"above": pytest.approx(pair.above)})


def test_holm_gives_the_corrected_values_of_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.7, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), max_size=30))
def test_holm_never_lowers_a_value_and_keeps_their_order(values):
    corrected = holm(values)
    assert all(a <= b <= 1 for a, b in zip(values, corrected, strict=True))
    by_value = sorted(zip(values, corrected, strict=True))
    assert [c for _, c in by_value] == sorted(c for _, c in by_value)


def test_the_detectable_difference_is_the_known_one():
    assert detectable(7, 100) == pytest.approx(1.96, abs=0.01)
    assert detectable(9, 20) == pytest.approx(5.64, abs=0.01)
    assert detectable(13, 100) == pytest.approx(3.64, abs=0.01)

"""The score-cost frontier: who is on it, how surely, and who cannot be placed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_experiments import experiment, row, simulated

from fusion_graph.evals.statistics import Resampling, find, membership, on_frontier

QUICK = Resampling(count=1000)


def test_who_is_beaten_on_both_is_off_the_frontier_and_ties_share_it():
    scores = np.array([70.0, 60.0, 65.0, 60.0, 70.0, np.nan, 99.0])
    costs = np.array([3.0, 1.0, 4.0, 1.0, 3.5, 0.1, np.nan])
    assert on_frontier(scores, costs).tolist() == [True, True, False, True, False, False, False]


_points = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12)


@given(_points)
def test_the_frontier_is_what_comparing_one_by_one_gives(points):
    found = on_frontier(*np.array(points, dtype=float).T)
    for (score, cost), there in zip(points, found, strict=True):
        beaten = any(s >= score and c <= cost and (s > score or c < cost) for s, c in points)
        assert there == (not beaten)


def test_membership_is_the_share_of_joint_resamples():
    means = np.array([[1.0, 3.0, 1.0, 3.0], [2.0, 2.0, 2.0, 2.0]])
    costs = np.array([[2.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0]])
    assert membership(means, costs).tolist() == [0.5, 1.0]


def test_the_cheapest_and_the_clearly_best_are_surely_on_it():
    found = {s.configuration.name: s for s in find(simulated(tasks=60), QUICK).standings}
    assert found["Gemini 3 Flash"].frontier == 1.0
    assert found["DeepSeek V4 Pro"].frontier > 0.95
    assert found["Opus 4.8"].frontier < 0.05
    assert found["Opus 4.8"].on_frontier is False


def test_who_has_an_unknown_or_partly_known_cost_is_not_placed_and_beats_nobody():
    rows = [row("paid", f"t{i}", 50.0 + i, cost_usd=1.0) for i in range(5)]
    rows += [row("unknown", f"t{i}", 90.0) for i in range(5)]
    rows += [row("partly", f"t{i}", 95.0, cost_usd=0.1 if i else None) for i in range(5)]
    rows += [row("bound", f"t{i}", 95.0, cost_usd=0.1, cost_at_least=True) for i in range(5)]
    found = {s.configuration.name: s for s in find(experiment(rows), QUICK).standings}
    assert [found[name].frontier for name in ("paid", "unknown", "partly", "bound")] == [1.0, None, None, None]
    assert found["unknown"].cost.mean is None
    assert found["partly"].cost.mean == pytest.approx(0.08)
    assert found["partly"].cost.at_least
    assert (found["partly"].cost.known, found["partly"].cost.n) == (4, 5)
    assert (found["bound"].cost.mean, found["bound"].cost.at_least) == (pytest.approx(0.1), True)


def test_a_cost_of_nothing_is_known():
    (standing,) = find(experiment([row("a", f"t{i}", 5.0, cost_usd=0.0) for i in range(3)]), QUICK).standings
    assert (standing.cost.mean, standing.cost.exact, standing.frontier) == (0.0, True, 1.0)


def test_grading_is_no_part_of_the_cost():
    rows = [row("a", f"t{i}", 5.0, cost_usd=1.0, judging_usd=7.0) for i in range(3)]
    (standing,) = find(experiment(rows), QUICK).standings
    assert (standing.cost.mean, standing.judging.mean) == (1.0, 7.0)

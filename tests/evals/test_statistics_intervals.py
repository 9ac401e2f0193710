"""Intervals hold the truth as often as they say, also for few tasks; Student's t is right."""

import tracemalloc

import numpy as np
import pytest
from synthetic_experiments import experiment, row

from fusion_graph.evals.statistics import Resampling, find, student
from fusion_graph.evals.statistics.intervals import describe
from fusion_graph.evals.statistics.observations import Observations
from fusion_graph.evals.statistics.resampling import draws, resample

SIMULATED = 500
"""Experiments: the share that is found is within 2 points of the true one nineteen times in twenty."""


def _interval(values, resampling):
    n = len(values)
    observed = Observations(("a",), tuple(map(str, range(n))), ("",) * n, np.asarray(values).reshape(1, n, 1, 1))
    scores = observed.scores()
    return describe(scores[0], resample(observed, scores * np.nan, resampling).means[0], resampling)


@pytest.mark.parametrize(("n", "method"), [(100, "percentile"), (8, "percentile"), (60, "bca")])
def test_a_95_percent_interval_holds_the_truth_in_about_95_of_100_experiments(n, method):
    random = np.random.default_rng(n)
    held = 0
    for simulation in range(SIMULATED):
        found = _interval(random.normal(60, 16, n), Resampling(count=400, seed=simulation, method=method))
        held += found.low <= 60 <= found.high
    assert 0.92 <= held / SIMULATED <= 0.98


def test_the_interval_of_repeated_judging_holds_the_truth_too():
    random = np.random.default_rng(5)
    held = 0
    for simulation in range(SIMULATED):
        n = 20
        values = (
            random.normal(60, 16, (1, n, 1, 1)) + random.normal(0, 6, (1, n, 2, 1)) + random.normal(0, 5, (1, n, 2, 3))
        )
        observed = Observations(("a",), tuple(map(str, range(n))), ("",) * n, values)
        resampling = Resampling(count=300, seed=simulation)
        scores = observed.scores()
        found = describe(scores[0], resample(observed, scores * np.nan, resampling).means[0], resampling)
        held += found.low <= 60 <= found.high
    assert 0.92 <= held / SIMULATED <= 0.98


def test_judge_runs_are_averaged_before_anything_is_counted():
    found = find(experiment([row("a", "t1", 10.0, 20.0, 30.0), row("a", "t2", 60.0)])).standings[0].score
    assert found.mean == pytest.approx(40.0)
    assert found.n == 2
    assert found.se == pytest.approx(20.0)


def test_one_task_has_a_mean_and_no_interval():
    found = find(experiment([row("a", "t1", 50.0, 60.0)])).standings[0].score
    assert (found.mean, found.low, found.high, found.se, found.n) == (55.0, None, None, None, 1)


def test_equal_scores_have_an_interval_of_no_width():
    found = _interval([50.0] * 12, Resampling(count=200))
    assert found.low == found.high == 50.0


def test_the_same_seed_gives_the_same_findings_and_another_seed_does_not():
    given = experiment([row("a", f"t{i}", float(i * i % 97)) for i in range(20)])
    first, again, other = (find(given, Resampling(count=200, seed=seed)).standings[0].score for seed in (1, 1, 2))
    assert first == again
    assert first.low != other.low


def test_tasks_drawn_by_domain_keep_each_domains_share():
    domains = ("Law",) * 3 + ("Finance",) * 5
    for block in draws(8, domains, Resampling(count=100, by_domain=True)):
        assert ((block < 3).sum(axis=1) == 3).all()


def test_drawing_by_domain_takes_the_spread_between_domains_out_of_the_interval():
    rows = [
        row("a", f"{domain}{i}", level + i % 3, domain=domain)
        for domain, level in (("x", 20), ("y", 80))
        for i in range(20)
    ]
    free, fixed = (
        find(experiment(rows), Resampling(count=500, by_domain=by)).standings[0].score for by in (False, True)
    )
    assert fixed.high - fixed.low < 0.2 * (free.high - free.low)


def test_every_resample_is_drawn_whatever_the_block_size():
    assert sum(len(block) for block in draws(300_000, ("",) * 300_000, Resampling(count=100))) == 100


@pytest.mark.parametrize(
    ("freedom", "wanted"), [(1, 12.7062), (2, 4.30265), (7, 2.36462), (30, 2.04227), (99, 1.98422)]
)
def test_quantiles_of_students_t_are_those_of_the_printed_tables(freedom, wanted):
    assert student.quantile(0.975, freedom) == pytest.approx(wanted, rel=1e-5)
    assert student.quantile(0.025, freedom) == pytest.approx(-wanted, rel=1e-5)
    assert student.cdf(wanted, freedom) == pytest.approx(0.975, abs=1e-6)


def test_students_t_becomes_the_normal_distribution():
    assert student.cdf(1.959964, 5000) == pytest.approx(0.975, abs=1e-6)
    assert student.cdf(1.96, 2000) == pytest.approx(student.cdf(1.96, 2001), abs=1e-4)


@pytest.mark.parametrize("settings", [{"count": 10}, {"level": 1.0}, {"level": 0.2}])
def test_settings_that_give_no_interval_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Resampling(**settings)


def test_a_thousand_tasks_with_repeated_judging_stay_in_bounded_memory():
    values = np.random.default_rng(0).normal(60, 16, (2, 1000, 1, 3))
    observed = Observations(("a", "b"), tuple(map(str, range(1000))), ("",) * 1000, values)
    costs = observed.scores() * np.nan
    tracemalloc.start()
    drawn = resample(observed, costs, Resampling(count=4000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert drawn.means.shape == (2, 4000)
    assert peak < 200e6

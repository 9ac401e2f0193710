"""Everything an experiment shows: what reports, files and the search are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fusion_graph.evals.results import Configuration, Experiment, Grading, Row, Score
from fusion_graph.evals.statistics.ablation import Ablation, ablate
from fusion_graph.evals.statistics.agreement import Agreement, between_runs
from fusion_graph.evals.statistics.counts import Counts, SeatUse, count_rows, seat_use
from fusion_graph.evals.statistics.intervals import Mean, Record, describe
from fusion_graph.evals.statistics.observations import Floats, Observations, observe
from fusion_graph.evals.statistics.pairs import Pair, compare_all
from fusion_graph.evals.statistics.pareto import membership, on_frontier
from fusion_graph.evals.statistics.resampling import Resampling, resample
from fusion_graph.evals.statistics.sensitivity import Sensitivity, judge_sensitivity
from fusion_graph.evals.statistics.spending import Cost, Seconds, cost_of, judging_of, seconds_of, task_costs
from fusion_graph.evals.statistics.variance import Variance, variance_parts


class Standing(Record):
    """What was found of one configuration.

    Attributes:
        configuration: What was measured.
        score: Mean score over tasks, refused and failed answers counting 0: the headline. Contaminated rows and
            missing verdicts are unknown, and left out.
        common: Mean score over the tasks that every configuration has a graded answer to, failures left out.
        pass_rate: Mean share of criteria as they should be, over graded answers.
        axes: Mean score of each section by its id, failures counting 0.
        domains: Mean score by domain, failures counting 0, without intervals: too few tasks each.
        counts: Its rows by outcome.
        cost: Dollars per answer, grading not counted.
        judging: Dollars per answer for grading.
        seconds: How long answers took.
        variance: Where the spread of its scores comes from.
        seats: What the writer took from each seat.
        frontier: Probability of being on the score-cost frontier; `None` where score or cost is not fully known.
        on_frontier: Whether the measured means are on it; `None` likewise.
    """

    configuration: Configuration
    score: Mean
    common: Mean
    pass_rate: Mean
    axes: dict[str, Mean]
    domains: dict[str, Mean]
    counts: Counts
    cost: Cost
    judging: Cost
    seconds: Seconds
    variance: Variance
    seats: list[SeatUse]
    frontier: float | None = None
    on_frontier: bool | None = None


class Findings(Record):
    """All that an experiment shows.

    Attributes:
        name: The experiment's name.
        dataset: The dataset's name.
        revision: Its revision; `None` for a local file.
        sha256: Of its file.
        grading: How answers were graded.
        tasks: Tasks that were to be answered.
        common_tasks: Tasks that every configuration has a graded answer to.
        level: Of the intervals.
        resamples: Of the bootstrap.
        seed: Of its random numbers.
        by_domain: Whether tasks were drawn within domains.
        method: Of the intervals.
        standings: One for each configuration, in the experiment's order.
        pairs: Every pair, failures counting 0.
        judge_agreement: Of the judge with itself, between runs.
        ablation: What the parts of fusion contribute; `None` if no arm was measured.
        sensitivity: What another judge would have said; `None` if none was asked.
        contaminated: The rows that are left out because they saw the answer key, without their answers.
    """

    name: str
    dataset: str
    revision: str | None
    sha256: str
    grading: Grading
    tasks: int
    common_tasks: int
    level: float
    resamples: int
    seed: int
    by_domain: bool
    method: str
    standings: list[Standing]
    pairs: list[Pair]
    judge_agreement: Agreement
    ablation: Ablation | None
    sensitivity: Sensitivity | None
    contaminated: list[Row]

    def ranked(self) -> list[Standing]:
        """Order the configurations by score, best first, those without a score last."""
        unknown = float("-inf")
        return sorted(self.standings, key=lambda s: unknown if s.score.mean is None else s.score.mean, reverse=True)


def find(experiment: Experiment, resampling: Resampling | None = None) -> Findings:
    """Work out what an experiment shows.

    Args:
        experiment: The results.
        resampling: How intervals are made; 10,000 resamples when unset.

    Returns:
        The findings; the same experiment and resampling give the same.

    Raises:
        ConfigError: Rows that cannot each be counted once; the message names them.
    """
    resampling = resampling or Resampling()
    headline = observe(experiment, _value, failures="zero")
    costs = task_costs(experiment)
    resampled = resample(headline, costs, resampling)
    scores = headline.scores()
    common = _common(experiment)
    means = _described(scores, resampled.means, resampling)
    spent = _described(costs, resampled.costs, resampling)
    standings = _standings(experiment, resampling, headline, (means, _means(common, resampling), spent))
    return Findings(
        name=experiment.name,
        dataset=experiment.dataset,
        revision=experiment.revision,
        sha256=experiment.sha256,
        grading=experiment.grading,
        tasks=experiment.tasks,
        common_tasks=len(common.tasks),
        level=resampling.level,
        resamples=resampling.count,
        seed=resampling.seed,
        by_domain=resampling.by_domain,
        method=resampling.method,
        standings=_placed(standings, resampled.means, resampled.costs),
        pairs=compare_all(headline.names, scores, resampled, resampling),
        judge_agreement=between_runs(experiment.rows),
        ablation=ablate(experiment.configurations, headline, resampling),
        sensitivity=judge_sensitivity(experiment, resampling),
        contaminated=[_without_text(row) for row in experiment.rows if row.contaminated],
    )


def _value(score: Score) -> float:
    return score.value


def _axis(axis: str) -> Callable[[Score], float | None]:
    return lambda score: score.axes.get(axis)


def _common(experiment: Experiment) -> Observations:
    answered = observe(experiment, _value, failures="unknown")
    return answered.only(np.flatnonzero(answered.known().all(axis=0)))


def _described(values: Floats, drawn: Floats, resampling: Resampling) -> list[Mean]:
    return [describe(values[c], drawn[c], resampling) for c in range(len(values))]


def _means(observed: Observations, resampling: Resampling) -> list[Mean]:
    scores = observed.scores()
    return _described(scores, resample(observed, np.full(scores.shape, np.nan), resampling).means, resampling)


def _standings(
    experiment: Experiment,
    resampling: Resampling,
    headline: Observations,
    described: tuple[list[Mean], list[Mean], list[Mean]],
) -> list[Standing]:
    means, shared, spent = described
    axes = list(dict.fromkeys(axis for row in experiment.rows for score in row.scores for axis in score.axes))
    passed = _means(observe(experiment, lambda score: score.pass_rate, failures="unknown"), resampling)
    by_axis = {axis: _means(observe(experiment, _axis(axis), failures="zero"), resampling) for axis in axes}
    by_name: dict[str, list[Row]] = {configuration.name: [] for configuration in experiment.configurations}
    for row in experiment.rows:
        by_name[row.configuration].append(row)
    return [
        Standing(
            configuration=configuration,
            score=means[c],
            common=shared[c],
            pass_rate=passed[c],
            axes={axis: held[c] for axis, held in by_axis.items()},
            domains=_domains(headline, headline.scores()[c]),
            counts=count_rows(by_name[configuration.name], experiment.tasks),
            cost=cost_of(by_name[configuration.name], spent[c]),
            judging=judging_of(by_name[configuration.name]),
            seconds=seconds_of(by_name[configuration.name]),
            variance=variance_parts(headline.values[c]),
            seats=seat_use(by_name[configuration.name]),
        )
        for c, configuration in enumerate(experiment.configurations)
    ]


def _domains(observed: Observations, scores: Floats) -> dict[str, Mean]:
    named = np.array(observed.domains, dtype=object)
    return {domain: describe(scores[named == domain]) for domain in sorted(set(observed.domains)) if domain}


def _placed(standings: Sequence[Standing], means: Floats, costs: Floats) -> list[Standing]:
    there = [s.score.mean is not None and s.cost.exact for s in standings]
    if not any(there):
        return list(standings)
    scores = np.array([s.score.mean if ok else np.nan for s, ok in zip(standings, there, strict=True)], dtype=float)
    prices = np.array([s.cost.mean if ok else np.nan for s, ok in zip(standings, there, strict=True)], dtype=float)
    shares = membership(means, np.where(np.array(there)[:, None], costs, np.nan))
    placed = on_frontier(scores, prices)
    return [
        s.model_copy(update={"frontier": float(shares[i]), "on_frontier": bool(placed[i])}) if there[i] else s
        for i, s in enumerate(standings)
    ]


def _without_text(row: Row) -> Row:
    return row.model_copy(update={"answer": "", "verdicts": [], "receipt": None, "urls": []})

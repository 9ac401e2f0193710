"""What another judge model would have said of the same answers."""

from __future__ import annotations

import numpy as np

from fusion_graph.evals.results import Experiment, Grading, Row
from fusion_graph.evals.statistics.agreement import Agreement, between_judges, kendall_tau
from fusion_graph.evals.statistics.intervals import Mean, Record, describe
from fusion_graph.evals.statistics.observations import Floats, Observations, arrange
from fusion_graph.evals.statistics.resampling import Resampling, resample


class Shift(Record):
    """One configuration's level under both judges, over the answers that both graded.

    Attributes:
        name: The configuration.
        first: Mean score by the experiment's judge.
        second: Mean score by the other.
        shift: Mean of the second minus the first, task by task.
    """

    name: str
    first: float | None
    second: float | None
    shift: Mean


class Sensitivity(Record):
    """How much the results depend on the judge model.

    Attributes:
        regrading: How the other judge graded; `None` if the experiment does not say.
        shifts: One for each configuration.
        shift: Mean level shift over tasks, all configurations taken together.
        tau: Kendall's tau-b between the two rankings of configurations; `None` with fewer than two.
        verdicts: Agreement of the single verdicts.
    """

    regrading: Grading | None
    shifts: list[Shift]
    shift: Mean
    tau: float | None
    verdicts: Agreement


def judge_sensitivity(experiment: Experiment, resampling: Resampling) -> Sensitivity | None:
    """Compare the experiment's grading with its second one.

    Args:
        experiment: The results; `regraded` holds the second grading.
        resampling: How intervals are made.

    Returns:
        The comparison, over the answers that both judges graded; `None` if nothing was graded twice.
    """
    if not experiment.regraded:
        return None
    first, second = (_scores(experiment, rows) for rows in _both(experiment))
    moved = second - first
    names = [configuration.name for configuration in experiment.configurations]
    shifts = [
        Shift(name=name, first=_mean(first[c]), second=_mean(second[c]), shift=_interval(moved[c], resampling))
        for c, name in enumerate(names)
    ]
    levels = [(s.first, s.second) for s in shifts if s.first is not None and s.second is not None]
    with_any = moved[:, ~np.isnan(moved).all(axis=0)]
    return Sensitivity(
        regrading=experiment.regrading,
        shifts=shifts,
        shift=_interval(np.nanmean(with_any, axis=0), resampling) if with_any.size else Mean(),
        tau=kendall_tau([a for a, _ in levels], [b for _, b in levels]) if len(levels) > 1 else None,
        verdicts=between_judges(experiment.rows, experiment.regraded),
    )


def _both(experiment: Experiment) -> tuple[list[Row], list[Row]]:
    keys = [
        {(row.configuration, row.task_id, row.generation) for row in rows if row.scores and not row.contaminated}
        for rows in (experiment.rows, experiment.regraded)
    ]
    common = keys[0] & keys[1]
    first, second = (
        sorted(
            (row for row in rows if (row.configuration, row.task_id, row.generation) in common),
            key=lambda row: (row.task_id, row.configuration, row.generation),
        )
        for rows in (experiment.rows, experiment.regraded)
    )
    return first, second


def _scores(experiment: Experiment, rows: list[Row]) -> Floats:
    of_rows = experiment.model_copy(update={"rows": rows})
    return arrange(of_rows, lambda row: [score.value for score in row.scores]).scores()


def _mean(values: Floats) -> float | None:
    return describe(values).mean


def _interval(values: Floats, resampling: Resampling) -> Mean:
    tasks = tuple(str(i) for i in range(values.size))
    alone = Observations(("shift",), tasks, ("",) * values.size, values.reshape(1, -1, 1, 1))
    return describe(values, resample(alone, np.full((1, values.size), np.nan), resampling).means[0], resampling)

"""A finished evaluation as LangSmith's endpoint for experiments takes it: one experiment per configuration.

The body is that of `POST /datasets/upload-experiment` (https://docs.langchain.com/langsmith/upload-existing-experiments).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from fusion_graph.evals.results import Configuration, Experiment, Row
from fusion_graph.evals.schema import Dataset, Task
from fusion_graph.money import summed


def payload(
    experiment: Experiment,
    configuration: Configuration,
    dataset: Dataset,
    *,
    dataset_name: str,
    rubrics: bool = False,
) -> dict[str, Any]:
    """Make the body of one upload.

    Args:
        experiment: What was found.
        configuration: The configuration whose rows are sent.
        dataset: The tasks that were answered.
        dataset_name: What LangSmith calls the dataset; the same for all configurations, so that they compare.
        rubrics: Whether rubrics and expected answers are sent too; whoever can read them has the answer key.

    Returns:
        Plain data. A score that is unknown is left out, and never 0.
    """
    tasks = {task.id: task for task in dataset.tasks}
    rows = [row for row in experiment.rows if row.configuration == configuration.name and row.task_id in tasks]
    begin, end = _span(rows)
    return {
        "experiment_name": f"{experiment.name}: {configuration.label or configuration.name}",
        "experiment_start_time": _iso(begin),
        "experiment_end_time": _iso(end),
        "dataset_name": dataset_name,
        "dataset_description": f"{dataset.name}, sha256 {dataset.sha256}",
        "experiment_metadata": _metadata(experiment, configuration),
        "summary_experiment_scores": _summary(rows, experiment.tasks),
        "results": [_result(row, tasks[row.task_id], dataset, begin, end, rubrics=rubrics) for row in rows],
    }


def _metadata(experiment: Experiment, configuration: Configuration) -> dict[str, Any]:
    return {
        "configuration": configuration.model_dump(mode="json"),
        "grading": experiment.grading.model_dump(mode="json"),
        "dataset_sha256": experiment.sha256,
        "dataset_revision": experiment.revision,
        "tasks": experiment.tasks,
    }


def _summary(rows: list[Row], tasks: int) -> list[dict[str, Any]]:
    scored = [row.score for row in rows if row.score is not None and not row.contaminated]
    costs = [row.cost_usd for row in rows]
    known = summed(costs)
    at_least = None in costs or any(row.cost_at_least for row in rows)
    entries = [
        _score("score", sum(scored) / len(scored) if scored else None, f"mean of {len(scored)} of {tasks} tasks"),
        _score("cost_usd", known, "at least: the cost of some answers is unknown" if at_least else None),
        _score("contaminated", sum(bool(row.contaminated) for row in rows), "rows left out of the mean"),
        *[
            _score(outcome, sum(row.outcome == outcome for row in rows), "rows")
            for outcome in ("refused", "failed", "incomplete")
        ],
    ]
    return [entry for entry in entries if entry["score"] is not None]


def _result(row: Row, task: Task, dataset: Dataset, begin: float, end: float, *, rubrics: bool) -> dict[str, Any]:
    started, finished = _times(row) or (begin, end)
    expected: dict[str, Any] = {}
    if rubrics and task.expected is not None:
        expected["expected"] = task.expected
    if rubrics and task.rubric is not None:
        expected["rubric"] = task.rubric.model_dump(mode="json")
    return {
        "row_id": str(uuid5(NAMESPACE_URL, f"{dataset.sha256}/{task.id}/{row.generation}")),
        "inputs": {"input": task.input, "task_id": task.id, "domain": task.domain},
        "expected_outputs": expected,
        "actual_outputs": {"answer": row.answer},
        "evaluation_scores": _scores(row),
        "start_time": _iso(started),
        "end_time": _iso(finished),
        "run_name": row.configuration,
        "error": row.error,
        "run_metadata": _run_metadata(row),
    }


def _scores(row: Row) -> list[dict[str, Any]]:
    runs = f"mean of {len(row.scores)} judge runs" if row.scores else None
    comment = f"contaminated: {'; '.join(row.contaminated)}" if row.contaminated else runs
    axes = {name: _mean(score.axes.get(name) for score in row.scores) for name in _axes(row)}
    entries = [
        _score("score", row.score, comment),
        _score("pass_rate", _mean(score.pass_rate for score in row.scores), None),
        *[_score(name, value, None) for name, value in axes.items()],
        _score("cost_usd", row.cost_usd, "at least" if row.cost_at_least else None),
        _score("judging_usd", row.judging_usd, "at least" if row.judging_at_least else None),
    ]
    return [entry for entry in entries if entry["score"] is not None]


def _run_metadata(row: Row) -> dict[str, Any]:
    facts = {
        "outcome": row.outcome,
        "generation": row.generation,
        "coverage": row.coverage,
        "contaminated": row.contaminated,
        "missing_seats": row.missing_seats,
        "seconds": row.seconds,
        "calls": row.calls,
        "tool_calls": row.tool_calls,
        "receipt": row.receipt,
        "trace_id": row.trace_id,
    }
    return {name: fact for name, fact in facts.items() if fact not in (None, [])}


def _axes(row: Row) -> list[str]:
    return list(dict.fromkeys(name for score in row.scores for name in score.axes))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _score(key: str, score: float | None, comment: str | None) -> dict[str, Any]:
    return {"key": key, "score": score, **({"comment": comment} if comment else {})}


def _times(row: Row) -> tuple[float, float] | None:
    """When a row's run began and ended, in Unix time; `None` where its receipt does not say."""
    receipt: Mapping[str, Any] = row.receipt or {}
    started, seconds = receipt.get("started_at"), receipt.get("seconds")
    return None if started is None else (float(started), float(started) + float(seconds or 0.0))


def _span(rows: list[Row]) -> tuple[float, float]:
    """The experiment's time, which must hold the times of all its rows."""
    known = [times for row in rows if (times := _times(row)) is not None]
    if not known:
        now = datetime.now(UTC).timestamp()
        return now, now
    return min(begin for begin, _ in known), max(end for _, end in known)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()

"""Which scorer a dataset's tasks call for, and whether the one that was asked for can score them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

from fusion_graph.errors import ConfigError
from fusion_graph.evals.schema import Scorer, ScorerKind, Task

_PYTHON = "python:"


def choose_scorer(asked: Scorer | str | None, tasks: Sequence[Task], dataset: str) -> Scorer:
    """Settle how a dataset's answers are scored.

    Without a wish, tasks that all have a rubric are scored by it; tasks that all expect a JSON object by `json_fields`;
    tasks that all expect something else by `exact`.

    Args:
        asked: A `Scorer`, its kind, `python:module:function`, or nothing.
        tasks: The tasks.
        dataset: The dataset's name, for error messages.

    Returns:
        The scorer; every task has what it needs.

    Raises:
        ConfigError: The scorer is unknown, or some task lacks what it needs.
    """
    scorer = _parsed(asked) if isinstance(asked, str) else asked or _told_by(tasks, dataset)
    lacking = [task.id for task in tasks if not _has_what_it_needs(scorer.kind, task)]
    if lacking:
        needs = {"rubric": "`rubric`", "json_fields": "`expected` as an object"}.get(scorer.kind, "`expected`")
        raise ConfigError(
            f"dataset {dataset!r}: the scorer {scorer.kind!r} needs {needs}, which {len(lacking)} tasks lack, "
            f"such as {lacking[0]!r}; add it or choose another scorer"
        )
    _check_weights(scorer, tasks, dataset)
    return scorer


def _parsed(asked: str) -> Scorer:
    if asked.startswith(_PYTHON):
        return Scorer(kind="python", function=asked.removeprefix(_PYTHON))
    for kind in get_args(ScorerKind):
        if asked == kind and kind != "python":
            return Scorer(kind=kind)
    raise ConfigError(f"scorer: {asked!r} is none; use rubric, exact, json_fields or python:module:function")


def _told_by(tasks: Sequence[Task], dataset: str) -> Scorer:
    if all(task.rubric is not None for task in tasks):
        return Scorer(kind="rubric")
    if all(isinstance(task.expected, dict) for task in tasks):
        return Scorer(kind="json_fields")
    if all(task.expected is not None and not isinstance(task.expected, dict) for task in tasks):
        return Scorer(kind="exact")
    raise ConfigError(
        f"dataset {dataset!r}: its tasks do not tell how they are scored: not all have a rubric, not all expect an "
        "object, and not all expect another value; name a scorer"
    )


def _has_what_it_needs(kind: ScorerKind, task: Task) -> bool:
    if kind == "rubric":
        return task.rubric is not None
    if kind == "json_fields":
        return isinstance(task.expected, dict) and bool(task.expected)
    return kind == "python" or task.expected is not None


def _check_weights(scorer: Scorer, tasks: Sequence[Task], dataset: str) -> None:
    """Find a weight that can never count."""
    if scorer.kind == "python" and not scorer.function:
        raise ConfigError("scorer.function: is missing; write module:function")
    if scorer.kind != "json_fields":
        return
    fields = {field for task in tasks for field in task.expected}
    for name, weight in scorer.weights.items():
        if not math.isfinite(weight) or not weight:
            raise ConfigError(f"scorer.weights: {name!r} is {weight}; give it a number other than 0")
        if name.partition("=")[0] not in fields:
            raise ConfigError(f"scorer.weights: dataset {dataset!r} expects no field {name!r}; remove the weight")

"""Experiments from files, and several of them as one where that is honest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from fusion_graph.errors import ConfigError
from fusion_graph.evals.results import Experiment, Row
from fusion_graph.terminal.clean import one_line

EXPERIMENT_FILE = "experiment.json"
"""What an evaluation leaves in its results folder."""


def load_experiment(path: Path) -> Experiment:
    """Read an experiment.

    Args:
        path: Its JSON file, or the results folder that holds `experiment.json`.

    Returns:
        The experiment.

    Raises:
        ConfigError: There is none, or it cannot be read; the message names the file and the field.
    """
    file = path / EXPERIMENT_FILE if path.is_dir() else path
    try:
        text = file.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"results: {file} cannot be read ({reason}): {_hint(path)}") from error
    try:
        return Experiment.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigError(f"results: {file} is no experiment: {where}: {first['msg']}") from error


def _hint(path: Path) -> str:
    """Say what to give in place of a path without results; a folder of results folders is easily given."""
    below = [held.parent for held in sorted(path.glob(f"*/{EXPERIMENT_FILE}"))]
    return f"give one or more of {', '.join(map(str, below))}" if below else "give a results folder or its file"


def merge(experiments: Sequence[Experiment]) -> Experiment:
    """Make one experiment of several.

    Args:
        experiments: At least one. A configuration name that two of them use gets its experiment's name added.

    Returns:
        All configurations and rows together.

    Raises:
        ConfigError: Dataset or grading differ, so that the numbers cannot stand in one table.
    """
    first, *others = experiments
    for other in others:
        _check_alike(first, other)
    if not others:
        return first
    counts = Counter(c.name for e in experiments for c in e.configurations)
    parts = [_renamed(e, {n for n, times in counts.items() if times > 1}, i) for i, e in enumerate(experiments, 1)]
    regradings = [e.regrading for e in experiments if e.regraded]
    if any(grading != regradings[0] for grading in regradings):
        raise ConfigError("regrading: the experiments were graded again by different judges: report on them one by one")
    return first.model_copy(
        update={
            "name": " + ".join(dict.fromkeys(e.name for e in experiments)),
            "tasks": max(e.tasks for e in experiments),
            "configurations": [c for e in parts for c in e.configurations],
            "rows": [row for e in parts for row in e.rows],
            "regraded": [row for e in parts for row in e.regraded],
            "regrading": regradings[0] if regradings else None,
        }
    )


def _check_alike(first: Experiment, other: Experiment) -> None:
    named = f"{one_line(first.name, 80)!r} and {one_line(other.name, 80)!r}"
    if first.sha256 != other.sha256:
        raise ConfigError(
            f"sha256: {named} are not of the same dataset ({one_line(first.dataset, 80)} {first.sha256[:12]}, "
            f"{one_line(other.dataset, 80)} {other.sha256[:12]}): report on them one by one"
        )
    for field in type(first.grading).model_fields:
        mine, theirs = getattr(first.grading, field), getattr(other.grading, field)
        if mine != theirs:
            raise ConfigError(
                f"grading.{field}: {named} were not graded alike ({mine!r}, {theirs!r}): report on them one by one, "
                "or grade both in the same way"
            )


def _renamed(experiment: Experiment, clashing: set[str], number: int) -> Experiment:
    names = {c.name: f"{c.name} ({experiment.name} {number})" for c in experiment.configurations if c.name in clashing}

    def rows(given: list[Row]) -> list[Row]:
        return [
            row.model_copy(update={"configuration": names[row.configuration]}) if row.configuration in names else row
            for row in given
        ]

    configurations = [
        c.model_copy(update={"name": names[c.name], "label": f"{c.label or c.name} ({experiment.name} {number})"})
        if c.name in names
        else c
        for c in experiment.configurations
    ]
    return experiment.model_copy(
        update={
            "configurations": configurations,
            "rows": rows(experiment.rows),
            "regraded": rows(experiment.regraded),
        }
    )

"""Which tasks are raced on, in which order, and which are kept for the end."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from fusion_graph.errors import ConfigError
from fusion_graph.evals.datasets import stratified
from fusion_graph.evals.schema import Dataset, Task

FEWEST = 4
"""Tasks that a dataset needs: two to race on, two to be kept."""


@dataclass(frozen=True, slots=True)
class Split:
    """A dataset in two: what chooses sees the one half only.

    Attributes:
        development: Tasks of the race.
        held_out: Tasks that only the frontier found is scored on.
    """

    development: Dataset
    held_out: Dataset


def split(dataset: Dataset, share: float, seed: int) -> Split:
    """Keep a share of the tasks for the end, the same share of every domain.

    Args:
        dataset: All tasks.
        share: Between 0 and 1; both parts get two tasks at least.
        seed: The same seed gives the same split.

    Returns:
        Both parts, tasks in their old order.

    Raises:
        ConfigError: There are too few tasks.
    """
    total = len(dataset.tasks)
    if total < FEWEST:
        raise ConfigError(f"dataset: {dataset.name!r} has {total} tasks; a search needs {FEWEST} or more")
    count = min(max(round(total * share), 2), total - 2)
    held_out = stratified(dataset, count, seed)
    kept = {task.id for task in held_out.tasks}
    rest = [task for task in dataset.tasks if task.id not in kept]
    return Split(dataset.model_copy(update={"tasks": rest}), held_out)


def blocks(tasks: Sequence[Task], first: int, seed: int) -> list[list[str]]:
    """Put tasks into blocks, after each of which the number of tasks so far has doubled.

    Args:
        tasks: The tasks of the race.
        first: Tasks of the first block.
        seed: The same seed gives the same order.

    Returns:
        The tasks' ids. All blocks up to any of them hold nearly the same share of every domain.
    """
    order = _order(tasks, seed)
    made: list[list[str]] = []
    start, end = 0, first
    while start < len(order):
        made.append(order[start:end])
        start, end = end, 2 * end
    return made


def _order(tasks: Sequence[Task], seed: int) -> list[str]:
    """Spread every domain evenly: its i-th of n tasks stands at (i + 1/2)/n of the way."""
    by_domain: dict[str, list[str]] = {}
    for task in tasks:
        by_domain.setdefault(task.domain or "", []).append(task.id)
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    placed: list[tuple[float, float, str]] = []
    for _, ids in sorted(by_domain.items()):
        chance.shuffle(ids)
        placed += [((at + 0.5) / len(ids), chance.random(), task_id) for at, task_id in enumerate(ids)]
    return [task_id for _, _, task_id in sorted(placed)]

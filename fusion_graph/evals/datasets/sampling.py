"""A smaller dataset with the domains in the same proportions."""

from __future__ import annotations

import random

from fusion_graph.evals.datasets.errors import DatasetError
from fusion_graph.evals.schema import Dataset, Task


def stratified(dataset: Dataset, n: int, seed: int = 0) -> Dataset:
    """Draw tasks at random, from each domain its share.

    Shares are rounded by largest remainders, ties by the domains' names. With one seed each domain has one order in
    which its tasks are taken, so that a larger draw holds nearly all of a smaller one.

    Args:
        dataset: What is drawn from.
        n: How many tasks.
        seed: The same seed gives the same tasks.

    Returns:
        The dataset with the tasks drawn, in their old order.

    Raises:
        DatasetError: It has fewer tasks, or `n` is not positive.
    """
    if not 1 <= n <= len(dataset.tasks):
        raise DatasetError(f"n: {n} tasks cannot be drawn from {dataset.name!r}, which has {len(dataset.tasks)}")
    by_domain: dict[str, list[Task]] = {}
    for task in dataset.tasks:
        by_domain.setdefault(task.domain or "", []).append(task)
    drawn: set[str] = set()
    for domain, share in _shares({domain: len(tasks) for domain, tasks in by_domain.items()}, n).items():
        tasks = list(by_domain[domain])
        random.Random(f"{seed}/{domain}").shuffle(tasks)  # noqa: S311 - a sample, not a secret
        drawn.update(task.id for task in tasks[:share])
    return dataset.model_copy(update={"tasks": [task for task in dataset.tasks if task.id in drawn]})


def _shares(sizes: dict[str, int], n: int) -> dict[str, int]:
    total = sum(sizes.values())
    shares = {domain: n * size // total for domain, size in sizes.items()}
    by_remainder = sorted(sizes, key=lambda domain: (-(n * sizes[domain] % total), domain))
    for domain in by_remainder[: n - sum(shares.values())]:
        shares[domain] += 1
    return shares

"""From a name or a path to a `Dataset`."""

from __future__ import annotations

from collections.abc import Collection
from importlib.resources import as_file, files
from pathlib import Path

from fusion_graph.evals.datasets.downloads import sha256_of
from fusion_graph.evals.datasets.draco import DRACO, DRACO_BLOCKLIST, DRACO_REVISION, DRACO_SHA256, draco_path
from fusion_graph.evals.datasets.errors import DatasetError
from fusion_graph.evals.datasets.importers import from_draco, importer_of
from fusion_graph.evals.datasets.invoices import INVOICE_WEIGHTS
from fusion_graph.evals.datasets.lines import read_lines
from fusion_graph.evals.datasets.scorer_choice import choose_scorer
from fusion_graph.evals.datasets.tasks import read_tasks
from fusion_graph.evals.schema import Dataset, Scorer

BUNDLED = {
    "small": Scorer(kind="rubric"),
    "invoices": Scorer(kind="json_fields", weights=INVOICE_WEIGHTS),
}
"""The datasets of our own that come with the package, and how they are scored."""


def load_dataset(
    name_or_path: str | Path,
    *,
    scorer: Scorer | str | None = None,
    limit: int | None = None,
    domains: Collection[str] | None = None,
    verify: bool = True,
    cache: Path | None = None,
) -> Dataset:
    """Load a dataset whole; it blocks, so in async code call it in a thread.

    Args:
        name_or_path: `small`, `invoices`, `draco`, or the path of a JSONL file in the neutral form or in that of DRACO,
            ResearchRubrics or PRBench. A file that is there comes before a name only if written as a path (`./small`).
        scorer: How answers are scored: a `Scorer`, its kind, or `python:module:function`. Told by the tasks when unset.
        limit: Take so many tasks at most, the first ones.
        domains: Take tasks of these domains alone.
        verify: Whether a local file in DRACO's form must be DRACO's pinned revision.
        cache: The folder for downloads; the user's cache folder when unset.

    Returns:
        The dataset.

    Raises:
        DatasetError: The file is missing, changed or at fault, or no task is left; the message says what and where.
        ConfigError: The scorer does not fit the tasks.
    """
    name = str(name_or_path)
    if limit is not None and limit < 1:
        raise DatasetError(f"limit: {limit} leaves no task; give 1 or more")
    if name in BUNDLED:
        with as_file(files("fusion_graph.evals.datasets").joinpath(f"{name}.jsonl")) as path:
            return _load(path, name, None, scorer or BUNDLED[name], limit, domains)
    if name == DRACO:
        return _load(draco_path(cache), DRACO, DRACO_REVISION, scorer, limit, domains)
    path = Path(name_or_path).expanduser()
    if not path.is_file():
        known = ", ".join([*BUNDLED, DRACO])
        raise DatasetError(f"dataset {name!r}: there is no such file, and no dataset of that name; there are {known}")
    pinned = _is_draco(path) and _is_pinned(path, verify)
    return _load(path, DRACO if pinned else path.stem, DRACO_REVISION if pinned else None, scorer, limit, domains)


def _load(
    path: Path,
    name: str,
    revision: str | None,
    scorer: Scorer | str | None,
    limit: int | None,
    domains: Collection[str] | None,
) -> Dataset:
    tasks = list(read_tasks(path))
    there = {task.domain for task in tasks if task.domain}
    if unknown := sorted(set(domains or ()) - there):
        known = ", ".join(sorted(there)) or "none"
        raise DatasetError(f"domains: {unknown[0]!r} is no domain of {name!r}; there are {known}")
    kept = [task for task in tasks if domains is None or task.domain in domains][:limit]
    if not kept:
        raise DatasetError("domains: the list is empty, which leaves no task; name a domain")
    return Dataset(
        name=name,
        revision=revision,
        sha256=sha256_of(path),
        scorer=choose_scorer(scorer, tasks, name),
        tasks=kept,
        blocklist=list(DRACO_BLOCKLIST) if _is_draco(path) else [],
    )


def _is_draco(path: Path) -> bool:
    first = next((raw for _, raw in read_lines(path) if isinstance(raw, dict)), {})
    return importer_of(first) is from_draco


def _is_pinned(path: Path, verify: bool) -> bool:
    found = sha256_of(path)
    if verify and found != DRACO_SHA256:
        raise DatasetError(
            f"dataset {str(path)!r} has DRACO's form, but its sha256 is {found}, not {DRACO_SHA256} of revision "
            f"{DRACO_REVISION}; its results could not be compared. Give that revision's file, or verify=False"
        )
    return found == DRACO_SHA256

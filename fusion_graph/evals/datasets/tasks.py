"""The tasks of a JSONL file, each checked, none left out in silence: a file is used whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from pydantic import ValidationError

from fusion_graph.evals.datasets.errors import DatasetError, Fault
from fusion_graph.evals.datasets.importers import Importer, importer_of
from fusion_graph.evals.datasets.lines import read_lines
from fusion_graph.evals.schema import Rubric, Task


def read_tasks(path: Path | str) -> Iterator[Task]:
    """Go through the tasks of a file, one in memory at a time.

    The whole file is checked first, in a pass of its own: the first task comes only if the last one is valid too.
    The fields may be those of `Task`, of DRACO, of ResearchRubrics or of PRBench; the first line tells which.

    Args:
        path: The JSONL file.

    Returns:
        An iterator over its tasks, in the file's order.

    Raises:
        DatasetError: The file cannot be read, holds no task, or a line is at fault; all faults are reported together.
            It is also raised in the middle if the file was changed meanwhile.
    """
    path = Path(path)
    faults, tasks = [], 0
    for found in _checked(path):
        if isinstance(found, Task):
            tasks += 1
        else:
            faults.extend(found)
    if faults:
        raise DatasetError.of(str(path), faults)
    if not tasks:
        raise DatasetError(f"dataset {str(path)!r}: there is no task in it; write one JSON object a line")
    return _valid(path)


def _valid(path: Path) -> Iterator[Task]:
    for found in _checked(path):
        if not isinstance(found, Task):
            raise DatasetError.of(str(path), found)
        yield found


def _checked(path: Path) -> Iterator[Task | list[Fault]]:
    """Yield each line's task, or its faults."""
    first_at: dict[str, int] = {}
    importer: Importer | None = None
    for line, raw in read_lines(path):
        if isinstance(raw, Fault):
            yield [raw]
            continue
        importer = importer or importer_of(raw)
        task = _task(line, raw, importer)
        if not isinstance(task, Task):
            yield task
            continue
        faults = _further_faults(line, task, path.parent)
        if task.id in first_at:
            faults.append(Fault(line, "id", f"line {first_at[task.id]} has the same id; give each its own", task.id))
        first_at.setdefault(task.id, line)
        yield faults or task


def _task(line: int, raw: dict[str, Any], importer: Importer) -> Task | list[Fault]:
    try:
        return Task.model_validate(importer(raw))
    except ValidationError as error:
        return [_fault(line, dict(entry)) for entry in error.errors(include_url=False)]
    except ValueError as error:
        return [Fault(line, "", str(error))]


def _fault(line: int, entry: dict[str, Any]) -> Fault:
    field = ".".join(map(str, entry["loc"]))
    if entry["type"] == "missing":
        return Fault(line, field, "is missing; add it")
    if entry["type"] == "extra_forbidden":
        known = ", ".join(Task.model_fields)
        return Fault(line, field, f"is no field of a task; remove it or use one of {known}", entry["input"])
    message = entry["msg"][:1].lower() + entry["msg"][1:]
    return Fault(line, field, message, entry["input"])


def _further_faults(line: int, task: Task, folder: Path) -> list[Fault]:
    faults = [
        Fault(line, name, "is empty; fill it in", value)
        for name, value in (("id", task.id), ("input", task.input))
        if not value.strip()
    ]
    faults += [Fault(line, "files", problem, name) for name in task.files if (problem := _file_problem(name, folder))]
    if task.rubric is not None:
        faults += _rubric_faults(line, task.rubric)
    return faults


def _file_problem(name: str, folder: Path) -> str | None:
    relative = PurePosixPath(name)
    if relative.is_absolute() or PureWindowsPath(name).anchor or ".." in relative.parts:
        return "leads out of the dataset's folder; give a path below it"
    return None if (folder / relative).is_file() else f"there is no such file below {str(folder)!r}; add it"


def _rubric_faults(line: int, rubric: Rubric) -> list[Fault]:
    criteria = [criterion for _, criterion in rubric.criteria()]
    faults = [
        Fault(line, f"rubric.{what}.id", "is there twice in this task; give each its own", name)
        for what, names in (
            ("sections", [section.id for section in rubric.sections]),
            ("criteria", [criterion.id for criterion in criteria]),
        )
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if not any(criterion.weight for criterion in criteria):
        faults.append(Fault(line, "rubric", "no criterion has a weight other than 0; give one a weight"))
    return faults

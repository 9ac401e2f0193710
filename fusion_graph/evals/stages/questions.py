"""What a task asks: its input, and the files that belong to it."""

from __future__ import annotations

from pathlib import Path

from fusion_graph.errors import ConfigError
from fusion_graph.evals.schema import Task
from fusion_graph.fence import fence


def question_of(task: Task, folder: Path | None) -> str:
    """Write out what a task asks; it reads files, so call it in a thread if there are any.

    Args:
        task: The task.
        folder: Where its files are.

    Returns:
        The input, followed by each text file between fences.

    Raises:
        ConfigError: A file is missing, lies outside of the folder or is no text; the message names task and file.
    """
    return "\n\n".join([task.input, *(_shown(task, name, folder) for name in task.files)])


def _shown(task: Task, name: str, folder: Path | None) -> str:
    where = f"task {task.id!r}, file {name!r}"
    if folder is None:
        raise ConfigError(f"{where}: the dataset has no folder; give it as a file beside its tasks' files")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ConfigError(f"{where}: it lies outside of the dataset's folder {str(folder)!r}")
    try:
        return fence("file", path.read_text("utf-8"), name=name)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: it is no text in UTF-8; put its text into a file of its own") from error
    except OSError as error:
        raise ConfigError(f"{where} cannot be read: {error}") from error

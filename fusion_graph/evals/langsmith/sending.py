"""`fusion eval upload`: a finished evaluation, from its folder to LangSmith."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from fusion_graph.errors import ConfigError
from fusion_graph.evals.bench import load
from fusion_graph.evals.eval_file import read_eval_file
from fusion_graph.evals.langsmith.upload import upload
from fusion_graph.evals.report.load import EXPERIMENT_FILE, load_experiment


def send(file: Path, out: Path, *, dataset_name: str | None, rubrics: bool) -> None:
    """Upload what an evaluation left, and say on standard output what arrived.

    Args:
        file: The eval file.
        out: The folder that holds its results folder.
        dataset_name: What LangSmith shall call the dataset.
        rubrics: Whether rubrics and expected answers are sent too.

    Raises:
        FusionError: A file cannot be read, there is no key, or LangSmith refused.
    """
    chosen = read_eval_file(file)
    folder = out / chosen.name
    if not (folder / EXPERIMENT_FILE).exists():
        raise ConfigError(f"{folder}: no results are there yet; `fusion eval run {file}` makes them")
    experiment = load_experiment(folder)
    dataset = asyncio.run(load(chosen.dataset))
    for sent in upload(experiment, dataset, dataset_name=dataset_name, rubrics=rubrics):
        sys.stdout.write(
            f"{sent.configuration}: {sent.rows} rows, experiment {sent.experiment_id or 'of unknown id'}\n"
        )

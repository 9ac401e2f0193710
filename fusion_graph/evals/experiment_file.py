"""`experiment.json`: all that was found, written row by row, so that its size never has to fit in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TextIO

from fusion_graph.evals.bench import Bench
from fusion_graph.evals.estimate import cells
from fusion_graph.evals.eval_file import EvalFile
from fusion_graph.evals.evaluator import Evaluator
from fusion_graph.evals.results import Experiment, Grading, Row
from fusion_graph.evals.schema import Dataset
from fusion_graph.evals.stages.desk import NotStoredError
from fusion_graph.evals.summary import Summary

EXPERIMENT_FILE = "experiment.json"


async def stored_rows(bench: Bench, evaluator: Evaluator) -> AsyncIterator[Row]:
    """Put together, one at a time, the rows whose stages were all tried.

    Args:
        bench: The evaluation.
        evaluator: One that only looks up.

    Yields:
        The rows, in the order of the cells.
    """
    for plan, task, generation in cells(bench):
        try:
            yield await evaluator.row(plan, task, generation)
        except NotStoredError:
            continue


async def write_experiment(
    bench: Bench, folder: Path, regraded: tuple[Evaluator, Grading] | None = None
) -> tuple[Summary, Summary]:
    """Write `experiment.json` from what is stored, in place of an earlier one.

    Args:
        bench: The evaluation.
        folder: Where to.
        regraded: An evaluator with another judge that only looks up, and how it grades.

    Returns:
        The sums of the rows written, and those of the rows as the other judge graded them.
    """
    summary, again = (Summary([plan.described for plan in bench.file.plans]) for _ in range(2))
    draft = folder / f"{EXPERIMENT_FILE}.partial"
    with await asyncio.to_thread(draft.open, "w", encoding="utf-8", errors="replace") as file:
        head = _head(bench.file, bench.dataset, bench.grading, regraded[1] if regraded else None)
        await asyncio.to_thread(file.write, json.dumps(head, ensure_ascii=False)[:-1] + ', "rows": [')
        await _rows(file, bench, bench.stored, summary)
        await asyncio.to_thread(file.write, '], "regraded": [')
        if regraded:
            await _rows(file, bench, regraded[0], again)
        await asyncio.to_thread(file.write, "]}\n")
    await asyncio.to_thread(draft.replace, folder / EXPERIMENT_FILE)
    return summary, again


async def _rows(file: TextIO, bench: Bench, evaluator: Evaluator, summary: Summary) -> None:
    before = "\n"
    async for row in stored_rows(bench, evaluator):
        summary.add(row)
        await asyncio.to_thread(file.write, before + row.model_dump_json())
        before = ",\n"


def _head(file: EvalFile, dataset: Dataset, grading: Grading, regrading: Grading | None) -> dict[str, object]:
    empty = Experiment(
        name=file.name,
        dataset=dataset.name,
        revision=dataset.revision,
        sha256=dataset.sha256,
        tasks=len(dataset.tasks),
        grading=grading,
        configurations=[plan.described for plan in file.plans],
        rows=[],
        regrading=regrading,
    )
    return empty.model_dump(mode="json", exclude={"rows", "regraded"})

"""A run needs no more memory for more tasks."""

from __future__ import annotations

import gc
import resource
from dataclasses import replace
from pathlib import Path

import pytest
from eval_house import ALPHA, EvalHouse, exact_tasks

from fusion_graph.evals.experiment_file import write_experiment
from fusion_graph.evals.runner import Tally, fill
from fusion_graph.evals.stages.keys import SEAT

STATM = Path("/proc/self/statm")

pytestmark = pytest.mark.skipif(not STATM.exists(), reason="resident memory is read from Linux's /proc")


def resident() -> int:
    """Bytes of memory that this process has."""
    gc.collect()
    return int(STATM.read_text().split()[1]) * resource.getpagesize()


async def test_rows_that_are_made_stay_in_no_memory(house: EvalHouse) -> None:
    """Were answers kept, the last 40 would hold 40 MB and more: each has 1,000,000 characters."""
    answer = "42 " + "x" * 1_000_000
    house.server.on(ALPHA, lambda call: answer)
    path = house.file({"it": {"solo": ALPHA}}, exact_tasks(60), limits={"concurrency": 2, "rows": 2})
    tally, held = Tally(), {}

    def sample() -> None:
        if tally.rows in (20, 60):
            house.server.calls.clear()
            held.setdefault(tally.rows, resident())

    async with house.bench(path) as bench:
        bench.pace.on_change = sample
        await fill(bench, tally)
        assert (await bench.store.counts())["seat"] == 60
    assert held[60] - held[20] < 24_000_000


async def test_a_thousand_tasks_are_filled_and_written_in_flat_memory(house: EvalHouse) -> None:
    """Were rows kept, they would hold 40 MB and more: each answer has 40,000 characters. All are in the store."""
    house.server.on(ALPHA, "42 " + "x" * 40_000)
    path = house.file({"it": {"solo": ALPHA}}, exact_tasks(1_000))
    async with house.bench(path) as bench:
        plan, tasks = bench.file.plans[0], bench.dataset.tasks
        await bench.live.row(plan, tasks[0])
        keys = [(await bench.stored.outline(plan, task))[SEAT].key for task in tasks]
        made = await bench.store.get(keys[0])
        assert made is not None
        for key in keys[1:]:
            await bench.store.add(replace(made, key=key))
        tally, before = Tally(), resident()
        await fill(bench, tally)
        first, _ = await write_experiment(bench, house.results)
        grown = resident() - before
    assert (tally.rows, first.rows, len(house.calls(ALPHA))) == (1_000, 1_000, 1)
    assert grown < 24_000_000
    assert (house.results / "experiment.json").stat().st_size > 40_000_000

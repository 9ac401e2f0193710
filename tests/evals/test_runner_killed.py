"""`kill -9` in each stage, and Ctrl-C: the next run repeats nothing that had finished, and loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter

import pytest
from eval_house import ALPHA, BETA, COMPARED, FUSED, GRADER, JUDGE, NEVER, WRITER, EvalHouse, graded_tasks, verdict
from mortal_evals import MortalEval

from fusion_graph.evals.bench import STORE_FILE
from fusion_graph.evals.results import Experiment
from fusion_graph.evals.store import Store
from fusion_graph.testing import ReceivedCall

ALL = {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 1, GRADER: 4}
SAYS = {BETA: "42", JUDGE: COMPARED, WRITER: "42", GRADER: verdict()}


def start(house: EvalHouse) -> MortalEval:
    return MortalEval(house.folder / "eval.json", house.folder / "results", house.server.base_url)


def experiment(house: EvalHouse) -> Experiment:
    return Experiment.model_validate_json((house.results / "experiment.json").read_text("utf-8"))


async def until_stored(house: EvalHouse, **kinds: int) -> None:
    """Wait until so many stages of each kind are in the store."""
    for _ in range(3000):
        if (house.results / STORE_FILE).exists():
            async with await Store.open(house.results / STORE_FILE) as store:
                counts = await store.counts()
            if all(counts.get(kind, 0) >= count for kind, count in kinds.items()):
                return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"not stored in time: {kinds}")


@pytest.mark.parametrize(
    ("doomed", "stored"),
    [
        (BETA, {"seat": 1}),
        (JUDGE, {"seat": 2}),
        (WRITER, {"seat": 2, "analysis": 1}),
        (GRADER, {"seat": 2, "analysis": 1, "final": 1, "verdict": 3}),
    ],
)
async def test_killed_in_a_stage_only_that_stage_is_done_again(
    house: EvalHouse, doomed: str, stored: dict[str, int]
) -> None:
    house.file({"it": FUSED}, graded_tasks())
    before = [verdict()] * 3 if doomed == GRADER else []
    house.server.on(doomed, *before, NEVER, SAYS[doomed])
    life = start(house)
    await house.server.until(lambda: len(house.calls(doomed)) > len(before), timeout=60)
    await until_stored(house, **stored)
    life.kill()

    again = start(house)
    assert await again.ended() == 0, again.said

    assert Counter(house.counts) - Counter(ALL) == {doomed: 1}, "nothing but what was under way is asked for again"
    row = experiment(house).rows[0]
    assert (row.outcome, row.answer, row.coverage) == ("ok", "42", 1.0)
    third = start(house)
    assert await third.ended() == 0, third.said
    assert sum(house.counts.values()) == sum(ALL.values()) + 1


async def test_ctrl_c_finishes_what_is_under_way_and_says_how_to_go_on(house: EvalHouse) -> None:
    house.file({"it": FUSED}, graded_tasks())

    async def compares_once_that_was_noticed(_call: ReceivedCall) -> str:
        while "Ctrl-C again" not in life.said:  # noqa: ASYNC110 - another process says it
            await asyncio.sleep(0.02)
        return COMPARED

    house.server.on(JUDGE, compares_once_that_was_noticed)
    life = start(house)
    await house.server.until(lambda: bool(house.calls(JUDGE)), timeout=60)
    os.kill(life.pid, signal.SIGINT)
    assert await life.ended() == 130, life.said
    assert "goes on" in life.said
    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1}

    again = start(house)
    assert await again.ended() == 0, again.said
    assert house.counts == ALL

"""A whole run: everything is made and written, within the limits."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from eval_house import ALPHA, BETA, FUSED, GRADER, JUDGE, SECOND, WRITER, EvalHouse, exact_tasks, graded_tasks
from rich.cells import cell_len
from rich.console import Console

from fusion_graph.errors import ConfigError
from fusion_graph.evals.estimate import look_out
from fusion_graph.evals.pacing import Lanes, Pace, Purse, StoppedError, provider_of
from fusion_graph.evals.progress import Progress
from fusion_graph.evals.results import Experiment
from fusion_graph.evals.runner import Tally
from fusion_graph.evals.session import Options, work
from fusion_graph.evals.stages.parts import Cost
from fusion_graph.terminal.consoles import Screen
from fusion_graph.testing import Fault, Text, Usage


def screen() -> tuple[Screen, Callable[[], str]]:
    out, err = (Console(file=io.StringIO(), width=120) for _ in range(2))
    return Screen(out, err), lambda: out.file.getvalue() + err.file.getvalue()  # type: ignore[attr-defined]


async def run(house: EvalHouse, path: Path, **more: object) -> tuple[int, str]:
    shown, said = screen()
    options = Options(path, house.folder / "results", resources=house.resources, yes=True, **more)  # type: ignore[arg-type]
    code = await work("run", options, shown)
    return code, said()


def experiment(house: EvalHouse) -> Experiment:
    return Experiment.model_validate_json((house.results / "experiment.json").read_text("utf-8"))


async def test_a_whole_run_writes_an_experiment_and_names_the_next_command(house: EvalHouse) -> None:
    path = house.file({"alone": {"solo": ALPHA}, "it": FUSED}, graded_tasks(3), generations=2)
    code, said = await run(house, path)

    assert code == 0
    assert f"fusion report {house.results}" in said
    found = experiment(house)
    assert (found.tasks, len(found.rows), found.grading.judge, found.grading.runs) == (3, 12, GRADER, 2)
    assert [one.name for one in found.configurations] == ["alone", "it"]
    assert {row.outcome for row in found.rows} == {"ok"}
    assert {row.score for row in found.rows} == {100.0}
    spent = sum(row.cost_usd or 0 for row in found.rows if row.configuration == "it") + sum(
        {row.answer: row.judging_usd or 0 for row in found.rows}.values()
    )
    assert spent > 0
    assert sum(house.counts.values()) == 6 * 4 + 2 * len({(row.task_id, row.answer) for row in found.rows}) * 2


async def test_a_run_again_asks_nobody(house: EvalHouse) -> None:
    path = house.file({"it": FUSED}, graded_tasks(2))
    await run(house, path)
    before, first = house.counts, experiment(house)
    code, said = await run(house, path)
    assert (code, house.counts) == (0, before)
    assert "Nothing is missing." in said
    assert experiment(house) == first


async def test_a_row_that_failed_is_written_and_tried_again_by_the_next_run(house: EvalHouse) -> None:
    house.server.on(ALPHA, Fault(401), "42")
    path = house.file({"it": {"solo": ALPHA}})
    code, said = await run(house, path)
    assert code == 0
    assert "1 row failed and counts 0 until `fusion eval run" in said
    assert [row.outcome for row in experiment(house).rows] == ["failed"]
    await run(house, path)
    assert [row.outcome for row in experiment(house).rows] == ["ok"]


async def test_the_money_cap_stops_before_it_is_passed_and_a_higher_one_goes_on(house: EvalHouse) -> None:
    house.server.on(ALPHA, Text("42", usage=Usage(100, 10, cost=1.0)))
    path = house.file({"it": {"solo": ALPHA}}, exact_tasks(10), limits={"concurrency": 2, "max_cost_usd": 4.5})
    code, said = await run(house, path)
    assert code == 1
    assert "the cap of $4.5" in said
    assert "6 of 10 rows are not complete" in said
    assert house.counts == {ALPHA: 4}
    assert len(experiment(house).rows) == 4

    code, _ = await run(house, path, max_cost=4.6)
    assert house.counts == {ALPHA: 4}, "what earlier runs cost counts"
    code, _ = await run(house, path, max_cost=11.0)
    assert (code, house.counts) == (0, {ALPHA: 10})


async def test_what_is_under_way_counts_against_the_cap() -> None:
    purse = Purse(1.0, dearest={("seat", "a/b"): 0.4})
    assert [purse.take("seat", "a/b") for _ in range(3)] == [0.4, 0.4, None]
    purse.give_back(0.4)
    purse.pay("seat", "a/b", Cost(0.7, at_least=False))
    assert purse.take("seat", "a/b") is None
    purse.give_back(0.4)
    assert purse.take("final", "a/b") == 0.0


async def test_a_provider_s_limit_holds(house: EvalHouse) -> None:
    house.server.on(ALPHA, Text("42", delay=0.05))
    limits = {"concurrency": 50, "providers": {"gateway": 3}}
    code, _ = await run(house, house.file({"it": {"solo": ALPHA}}, exact_tasks(12), limits=limits))
    assert code == 0
    assert house.server.max_parallel == 3
    assert [provider_of(name) for name in ("a/b:free", "openai:gpt", "local:x.gguf")] == ["gateway", "openai", "local"]


async def test_a_run_gives_up_where_nothing_succeeds_any_more(house: EvalHouse) -> None:
    house.server.on(ALPHA, Fault(401))
    code, said = await run(house, house.file({"it": {"solo": ALPHA}}, exact_tasks(200), limits={"concurrency": 4}))
    assert code == 1
    assert len(house.calls(ALPHA)) < 40
    assert "stages failed, one after another" in said


async def test_nobody_to_ask_and_no_cap_means_no_run(house: EvalHouse) -> None:
    shown, said = screen()
    path = house.file({"it": {"solo": ALPHA}})
    options = Options(path, house.folder / "results", resources=house.resources)
    assert await work("run", options, shown) == 2
    assert "--yes" in said()
    assert house.counts == {}
    capped = Options(path, house.folder / "results", resources=house.resources, max_cost=1.0)
    assert await work("run", capped, shown) == 0


async def test_the_estimate_counts_what_is_missing_once(house: EvalHouse) -> None:
    path = house.file({"alone": {"solo": ALPHA}, "it": FUSED, "other": {**FUSED, "writer": "x/y"}}, graded_tasks(5))
    async with house.bench(path) as bench:
        outlook = await look_out(bench)
        assert (outlook.cells, outlook.answered) == (15, 0)
        counted = {(part.kind, part.model): part.stages for part in outlook.parts}
        assert counted == {
            ("seat", ALPHA): 5,
            ("seat", BETA): 5,
            ("analysis", JUDGE): 5,
            ("final", WRITER): 5,
            ("final", "x/y"): 5,
            ("verdict", GRADER): 15 * 2 * 2,
        }
        assert set(outlook.unpriced) == {ALPHA, BETA, JUDGE, WRITER, "x/y", GRADER}
    assert house.counts == {}


async def test_status_calls_no_model_and_says_what_is_missing(house: EvalHouse) -> None:
    path = house.file({"it": {"solo": ALPHA}}, graded_tasks(2))
    shown, said = screen()
    with pytest.raises(ConfigError, match="no store yet"):
        await work("status", Options(path, house.folder / "results", resources=house.resources), shown)
    await run(house, path)
    before = house.counts
    more = house.file({"it": {"solo": ALPHA}}, graded_tasks(3))
    assert await work("status", Options(more, house.folder / "results", resources=house.resources), shown) == 0
    assert f"1 panel answers of {ALPHA}, 4 verdicts of {GRADER}" in " ".join(said().split())
    assert house.counts == before


async def test_regrading_makes_no_answer_and_stays_through_the_next_run(house: EvalHouse) -> None:
    path = house.file({"it": FUSED}, graded_tasks(2))
    await run(house, path)
    before = house.counts
    shown, said = screen()
    house.server.on(SECOND, '{"verdict": "UNMET", "justification": "No."}')
    options = Options(path, house.folder / "results", resources=house.resources, yes=True, judge=SECOND)
    assert await work("regrade", options, shown) == 0
    assert house.counts == {**before, SECOND: 8}
    first, second = said().split(f"Graded by {SECOND}:")
    assert "100.0" in first.split(f"Graded by {GRADER}:")[1]
    assert " 0.0 " in second
    await run(house, path)
    found = experiment(house)
    assert [row.score for row in found.rows] == [100.0, 100.0]
    assert [row.score for row in found.regraded] == [0.0, 0.0]
    assert found.regrading is not None
    assert (found.grading.judge, found.regrading.judge) == (GRADER, SECOND)
    with pytest.raises(ConfigError, match="graded already"):
        await work("regrade", Options(path, house.folder / "results", judge=GRADER), shown)


async def test_progress_says_rows_rate_cost_and_time_left(house: EvalHouse) -> None:
    now = [0.0]
    path = house.file({"it": {"solo": ALPHA}}, exact_tasks(4))
    async with house.bench(path) as bench:
        outlook = await look_out(bench)
        console = Console(file=io.StringIO(), width=120)
        progress = Progress(console, bench, outlook, Tally(rows=1), animated=False, clock=lambda: now[0])
        bench.workshop.done_here, now[0] = 1, 30.0
        bench.pace.purse.pay("seat", ALPHA, Cost(0.25, at_least=False))
        assert progress.words() == "1 of 4 rows, 1 of 4 stages, 2 a minute, $0.2500 so far"
        assert progress.left() == "2 min left"
        bench.workshop.done_here = 4
        assert progress.left() == ""


async def test_progress_fits_a_narrow_terminal_in_two_lines(house: EvalHouse) -> None:
    async with house.bench(house.file({"it": {"solo": ALPHA}}, exact_tasks(4))) as bench:
        outlook = await look_out(bench)
        out = io.StringIO()
        console = Console(file=out, width=80, height=30, force_terminal=True, color_system=None)
        clock = iter(range(0, 10_000, 60))
        bench.pace.purse.pay("seat", ALPHA, Cost(1234.5, at_least=True))
        bench.workshop.done_here = 1
        with Progress(console, bench, outlook, Tally(rows=1), animated=True, clock=lambda: next(clock)):
            pass
    shown = out.getvalue().split("\x1b[?25h")[0].rstrip().splitlines()[-2:]
    assert "25 %" in shown[0]
    assert "left" in shown[0]
    assert "at least $1,234.50 so far" in shown[1]
    assert max(map(cell_len, shown)) <= 80


async def test_what_is_unknown_or_free_is_never_shown_as_an_amount(house: EvalHouse) -> None:
    assert [Purse(None, spent=usd, at_least=least).said for usd, least in ((0, False), (0, True), (2, True))] == [
        "nothing", "an unknown sum", "at least $2.00",
    ]  # fmt: skip
    shown, said = screen()
    free = {"local": {"solo": "ollama:tiny"}}
    options = Options(house.file(free), house.folder / "results", resources=house.resources)
    assert await work("estimate", options, shown) == 0
    assert "Generation: no bill. Judging: nothing to do. No cap; nothing spent so far." in said()
    shown, said = screen()
    options = replace(options, file=house.file({**free, "it": FUSED}, graded_tasks()))
    assert await work("estimate", options, shown) == 0
    assert "Generation: unknown. Judging: unknown." in said()
    assert "$" not in said()


async def test_an_unknown_price_is_estimated_from_what_stages_have_cost(house: EvalHouse) -> None:
    await run(house, house.file({"it": {"solo": ALPHA}}, exact_tasks(2)))
    shown, said = screen()
    more = house.file({"it": {"solo": ALPHA}}, exact_tasks(6))
    assert await work("estimate", Options(more, house.folder / "results", resources=house.resources), shown) == 0
    assert "about $0.0400, as so far" in said()
    assert "Generation: $0.0400." in said()
    assert "No price is known" not in said()


async def test_nothing_begins_after_a_stop() -> None:
    pace = Pace(Lanes(1, {}), Purse(None))
    entered = asyncio.Event()

    async def work_on() -> None:
        async with pace.stage("seat", "a/b"):
            entered.set()
            await asyncio.sleep(0.05)

    async def wait() -> None:
        async with pace.stage("seat", "a/b"):
            raise AssertionError

    first = asyncio.ensure_future(work_on())
    await entered.wait()
    second = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    pace.stop("enough")
    await first
    with pytest.raises(StoppedError, match="enough"):
        await second

"""A whole search on scripted models: what it finds, what it keeps apart, what it costs, what it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from eval_house import GRADER, graded_tasks, verdict
from langchain_core.messages import HumanMessage
from optimize_house import CHEAP, DEAD, DEAR, SKILLS, SearchHouse, answer, question_of
from typer.testing import CliRunner

from fusion_graph import FusionConfig, Resources, build_fusion_graph
from fusion_graph.cli import app
from fusion_graph.evals.optimize.blocks import split
from fusion_graph.evals.optimize.progress import SearchProgress
from fusion_graph.evals.optimize.standings import preset_names
from fusion_graph.evals.report.load import load_experiment
from fusion_graph.presets import load_catalog
from fusion_graph.testing import Fault, ScriptedServer, Text, Usage


@pytest.fixture
def search(server: ScriptedServer, tmp_path: Path) -> SearchHouse:
    return SearchHouse(server, tmp_path)


SMALL = {"models": [CHEAP, DEAR], "panel_sizes": [2], "judges": [DEAR]}


async def test_a_whole_search_ends_with_presets_and_reports(search: SearchHouse) -> None:
    code, said = await search.run(search.file(space=SMALL))
    assert code == 0, said
    found = search.found
    assert found.complete
    assert (found.space, found.candidates) == (6, 6)
    assert (len(found.development), len(found.held_out)) == (8, 4)
    assert not set(found.development) & set(found.held_out)
    assert found.standings[0].configuration.label == CHEAP, "nothing is cheaper"
    assert [one.cost for one in found.standings] == sorted(one.cost for one in found.standings)
    assert [one.score for one in found.standings] == sorted(one.score for one in found.standings)
    assert all(one.held_out.n == 4 and one.frontier is not None for one in found.standings)
    assert f"Next: fusion ask --presets-file {search.results / 'presets.toml'} --preset try-best" in said
    assert "6 configurations raced" in (search.results / "report.md").read_text("utf-8")
    tried = load_experiment(search.results)
    assert {row.task_id for row in tried.rows} == set(found.held_out)
    assert len(tried.rows) == 4 * len(found.standings)


async def test_the_presets_build_the_graphs_that_were_measured(search: SearchHouse) -> None:
    search.server.on(CHEAP, lambda call: answer(call) if "<draft label" in json.dumps(call.body) else Text("no idea"))
    search.server.on(DEAR, _writes_best)
    await search.run(search.file(space=SMALL, search={"first_block": 4, "cost": "calls"}))
    best = search.found.standings[-1]
    assert best.configuration.kind == "panel"
    path = search.results / "presets.toml"
    preset = load_catalog(path).preset(best.preset)
    assert preset.panel == best.configuration.seats
    assert preset.judge == best.configuration.judge
    assert "held out" in load_catalog(path).descriptions[best.preset]

    before = len(search.server.calls)
    graph = build_fusion_graph(resources=Resources(gateway=search.resources.gateway, presets=path))
    asked = {"messages": [HumanMessage("Question 3?")]}
    output = await graph.ainvoke(asked, context=FusionConfig(preset=best.preset))
    assert output["messages"][-1].text == "42"
    models = [call.model for call in search.server.calls[before:]]
    assert sorted(models) == sorted([*best.configuration.seats, best.configuration.judge, best.configuration.writer])


def _writes_best(call) -> Text:  # the drafts of this model are no better than the other's, its fusions are right
    if "response_format" in call.body:
        return answer(call)  # type: ignore[return-value]
    return Text("42" if "<draft label" in json.dumps(call.body) else "no idea", usage=Usage(10, 10, cost=0.05))


async def test_what_chooses_never_sees_a_task_held_out(search: SearchHouse) -> None:
    lines = graded_tasks(8)
    path = search.file(space=SMALL, grading={"judge": GRADER, "runs": 1})
    (search.folder / "tasks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    search.server.on(GRADER, lambda call: Text(verdict("42" in json.dumps(call.body)), usage=Usage(9, 9, cost=0.001)))
    code, said = await search.run(path)
    assert code == 0, said
    kept = {f"Question {one.removeprefix('t')}?" for one in search.found.held_out}
    held = [question_of(call) in kept for call in search.server.calls]
    assert True in held
    assert held == sorted(held), "once the first task held out is asked, no other is any more"
    models = {call.model for call, there in zip(search.server.calls, held, strict=True) if there}
    frontier = {one for found in search.found.standings for one in _models(found.configuration)}
    assert models <= frontier | {GRADER}


def _models(configuration) -> Iterator[str]:
    yield from configuration.seats
    yield from filter(None, (configuration.judge, configuration.writer))


async def test_a_dominated_model_is_dropped_and_not_paid_for_further(search: SearchHouse) -> None:
    space = {"models": [CHEAP, DEAD], "panel_sizes": [2], "judges": [CHEAP]}
    search.server.on(CHEAP, lambda call: answer(call) if "response_format" in call.body else Text("42", usage=_cent()))
    search.server.on(DEAD, lambda call: answer(call) if "response_format" in call.body else Text("?", usage=_cent(20)))
    code, said = await search.run(search.file(20, space=space, search={"first_block": 4, "margin": 10.0}))
    assert code == 0, said
    lost = {one.configuration: one for one in search.found.dropped}
    assert (lost["weight"].by, lost["weight"].tasks) == ("cheap", 4)
    assert [one.configuration.name for one in search.found.standings] == ["cheap"]
    assert len({question_of(call) for call in search.server.calls_of(DEAD)}) == 4
    assert len({question_of(call) for call in search.server.calls_of(CHEAP)}) == 20


def _cent(cents: float = 1) -> Usage:
    return Usage(10, 10, cost=cents / 100)


async def test_a_second_run_asks_nobody_and_finds_the_same(search: SearchHouse) -> None:
    path = search.file(6, space=SMALL)
    await search.run(path)
    before, first = search.counts, search.found
    code, _ = await search.run(path)
    assert code == 0
    assert search.counts == before
    assert search.found == first


async def test_the_cap_ends_the_race_and_leaves_money_for_the_tasks_held_out(search: SearchHouse) -> None:
    path = search.file(space=SMALL, limits={"concurrency": 1, "rows": 1})
    code, said = await search.run(path, max_cost=3.0)
    assert code == 1
    assert "the cap of $2.4" in said
    assert "the rest of $3 is for the tasks held out" in said
    assert "goes on" in said
    found, before = search.found, search.counts
    assert not found.complete
    assert 1.5 < found.spent_usd <= 3.0
    assert all(one.held_out.n == 4 for one in found.standings), "scored from the reserve"

    code, said = await search.run(path, max_cost=100.0)
    assert code == 0, said
    assert search.found.complete
    after = search.counts
    straight = SearchHouse(search.server, search.folder / "straight")
    straight.folder.mkdir()
    await straight.run(straight.file(space=SMALL))
    assert straight.found.standings == search.found.standings
    once = search.counts - after
    assert before - once == {}, "what the cap had left was all of use"
    assert sum((after - once).values()) <= 4 * 5 * len(found.standings), "but for a frontier that was not the last"


async def test_what_goes_on_and_what_comes_next_can_be_typed_as_it_stands(search: SearchHouse) -> None:
    out = search.folder / "my results"
    path = search.file(space=SMALL, limits={"concurrency": 1, "rows": 1})
    code, said = await search.run(path, max_cost=3.0, out=out)
    assert code == 1
    said = " ".join(said.split())
    assert f"`fusion optimize run {path} --out '{out}'` with a higher --max-cost goes on" in said
    assert f"Next: fusion ask --presets-file '{out / 'try' / 'presets.toml'}' --preset" in said


async def test_who_was_measured_alone_is_said_in_the_terminal_too(search: SearchHouse) -> None:
    _, said = await search.run(search.file(space=SMALL))
    solo = [one.preset for one in search.found.standings if one.configuration.kind == "solo"]
    assert f"Solo: {', '.join(solo)}. Measured alone." in said


async def test_the_preset_of_a_solo_model_names_nobody_who_was_not_measured(search: SearchHouse) -> None:
    await search.run(search.file(space=SMALL, defaults={"tools": [], "judge": DEAD, "writer": DEAD}))
    solo = next(one.preset for one in search.found.standings if one.configuration.kind == "solo")
    preset = load_catalog(search.results / "presets.toml").preset(solo)
    assert (preset.panel, preset.judge, preset.writer) == ([CHEAP], None, None)


async def test_a_cost_is_no_lower_bound_because_the_end_was_not_reached(
    search: SearchHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SKILLS, CHEAP, (0.55, 0.05))  # every call costs the same, so that the cap is met exactly
    path = search.file(space=SMALL, limits={"concurrency": 1, "rows": 1}, search={"first_block": 4, "reserve": 0})
    await search.run(path, max_cost=3.0)
    first = search.found.standings[0]
    assert (first.held_out.mean, first.cost_at_least) == (None, False)


async def test_where_every_answer_fails_that_is_said_and_nothing_held_out_is_asked(search: SearchHouse) -> None:
    search.server.on(CHEAP, Fault(401))
    search.server.on(DEAR, Fault(401))
    code, said = await search.run(search.file(6, space=SMALL))
    assert code == 1
    assert "every answer failed; the last one said" in said
    assert len(search.server.calls) < 100
    assert not (search.results / "presets.toml").exists()


async def test_costs_nobody_knows_are_said_with_a_way_out(search: SearchHouse) -> None:
    for model in (CHEAP, DEAR):
        search.server.on(model, lambda call: Text(answer(call).content, usage=Usage(10, 10)))  # type: ignore[union-attr]
    path = search.file(6, space=SMALL)
    code, said = await search.run(path)
    assert code == 1
    assert "search.cost: seconds or calls" in said
    before = search.counts
    code, said = await search.run(search.file(6, space=SMALL, search={"first_block": 4, "cost": "calls"}))
    assert code == 0, said
    assert search.found.standings[0].cost == 1.0
    assert " calls" in said
    first = sum(before.values())
    assert first > 0
    assert len(search.server.calls) > first


async def test_the_estimate_calls_no_model_and_names_both_ends(search: SearchHouse) -> None:
    code, said = await search.run(search.file(space=SMALL), "estimate")
    assert code == 0
    assert search.server.calls == []
    assert "6 configurations; 8 tasks to race on, 4 held out." in said
    assert "The first block, 4 tasks, is sure to be asked: 48 stages are missing" in said
    assert "If no configuration were ever dropped" in said
    large = {"models": [CHEAP, DEAR, DEAD], "panel_sizes": [2, 3]}
    code, said = await search.run(search.file(space=large, search={"whole": 5, "trials": 3}), "estimate")
    assert "33 configurations" in said
    assert "9 of them are tried." in said


async def test_nobody_to_ask_and_no_cap_means_no_search(search: SearchHouse) -> None:
    path = search.file(space=SMALL)
    code, said = await search.run(path, yes=False)
    assert (code, search.server.calls) == (2, [])
    assert "--yes" in said
    assert "The first block" in said, "what it would cost is said first"


async def test_progress_says_block_candidates_cost_and_time_left(search: SearchHouse) -> None:
    from fusion_graph.evals.bench import opened
    from fusion_graph.evals.optimize.hunt import Hunt
    from fusion_graph.evals.optimize.search_file import read_search_file

    now = [0.0]
    file = read_search_file(search.file(space=SMALL))
    async with opened(file.shared, search.results, resources=search.resources) as bench:
        progress = SearchProgress(console := _console(), animated=False, clock=lambda: now[0])
        assert progress.words() == ""
        hunt = progress.hunt = Hunt.of(file, bench, progress.changed)
        hunt.race.standing, hunt.race.readings.wanted = ["a", "b"], 40
        assert progress.words() == "block 1 of 2, 4 tasks: 0 of 40 answers, 2 of 2 configurations left, $0.0000 so far"
        progress.changed()
        hunt.race.readings.taken, now[0] = 10, 20.0
        progress.changed()
        assert console.file.getvalue().endswith("$0.0000 so far, 60 s left of it\n")  # type: ignore[attr-defined]


def _console():
    import io

    from rich.console import Console

    return Console(file=io.StringIO(), width=200)


def test_presets_are_named_by_their_place() -> None:
    assert preset_names("x", 0) == []
    assert preset_names("x", 1) == ["x-best"]
    assert preset_names("x", 4) == ["x-cheapest", "x-2", "x-3", "x-best"]


async def test_the_split_is_the_one_that_was_raced_on(search: SearchHouse) -> None:
    from fusion_graph.evals.datasets import load_dataset

    await search.run(search.file(space=SMALL, search={"first_block": 4, "held_out": 0.5, "seed": 3}))
    parts = split(load_dataset(str(search.folder / "tasks.jsonl")), 0.5, 3)
    assert search.found.held_out == [task.id for task in parts.held_out.tasks]


def test_the_command_writes_a_starter_and_refuses_a_bad_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    done = runner.invoke(app, ["optimize", "init"])
    assert (done.exit_code, (tmp_path / "optimize.yaml").exists()) == (0, True)
    assert runner.invoke(app, ["optimize", "init"]).exit_code == 2
    (tmp_path / "bad.toml").write_text('dataset = "invoices"\n', "utf-8")
    bad = runner.invoke(app, ["optimize", "run", "bad.toml", "--yes"])
    assert bad.exit_code == 2
    assert "space" in bad.output

"""Stages on a real LangGraph Server: the same answers, the same reuse, evidence of its tools included."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from cut_line import cut_line
from eval_house import ALPHA, BETA, COMPARED, FUSED, JUDGE, OTHER, WRITER, EvalHouse, exact_tasks

from fusion_graph.errors import ConfigError
from fusion_graph.evals.runner import Tally, fill
from fusion_graph.evals.stages.keys import SEAT
from fusion_graph.testing import Fault, Researcher, ScriptedServer, Text

sys.path.append(str(Path(__file__).parents[1] / "server"))
from langgraph_dev import CORPUS, LangGraphDev, langgraph_dev


@pytest.fixture(scope="module")
def models() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture(scope="module")
def deployed(models: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LangGraphDev]:
    variables = {"FUSION_GATEWAY_URL": models.base_url, "FUSION_CORPUS": str(CORPUS)}
    with langgraph_dev(tmp_path_factory.mktemp("langgraph"), **variables) as running:
        yield running


async def test_an_address_that_is_none_is_refused(house: EvalHouse) -> None:
    with pytest.raises(ConfigError, match=r"--remote http://\[::1: this is no address"):
        await house.rows(house.file({"it": FUSED}), remote="http://[::1")


async def test_a_deployed_graph_answers_and_a_change_of_the_writer_reuses_the_rest(
    models: ScriptedServer, deployed: LangGraphDev, tmp_path: Path
) -> None:
    house = EvalHouse(models, tmp_path)
    before = len(models.calls)
    path = house.file({"it": FUSED, "other": {**FUSED, "writer": OTHER}, "alone": {"solo": ALPHA}})
    rows = await house.rows(path, remote=deployed.url)

    called = [call.model for call in models.calls[before:]]
    assert sorted(called) == sorted([ALPHA, BETA, JUDGE, WRITER, OTHER])
    assert {row.outcome for row in rows.values()} == {"ok"}
    row = rows["it", "t0", 0]
    assert (row.answer, row.score, row.calls, row.cost_usd) == ("42", 100.0, 4, pytest.approx(0.07))
    assert row.cost_at_least is False
    assert UUID(row.trace_id or "").version, "the server's own id of the run, under which it is traced"
    assert row.receipt is not None
    assert row.receipt["degraded"] == []
    assert await house.rows(path, remote=deployed.url) == rows
    assert len(models.calls) == before + 5


async def test_what_the_server_s_tools_returned_is_kept_for_the_audit(
    models: ScriptedServer, deployed: LangGraphDev, tmp_path: Path
) -> None:
    house = EvalHouse(models, tmp_path)
    models.on(ALPHA, Researcher(["carbon tax"], "It does.")).on(JUDGE, COMPARED)
    path = house.file({"it": {**FUSED, "tools": ["web_search"]}})
    async with house.bench(path, remote=deployed.url) as bench:
        row = await bench.live.row(bench.file.plans[0], bench.dataset.tasks[0])
        outline = await bench.stored.outline(bench.file.plans[0], bench.dataset.tasks[0])
        evidence = await bench.store.evidence(outline[SEAT].key)
    assert row.urls
    assert all(url.startswith("corpus:") for url in row.urls)
    assert [use["tool"] for use in evidence] == ["web_search query", "web_search"]
    assert "carbon tax" in evidence[0]["text"]
    assert evidence[1]["urls"]


async def test_a_seat_that_fails_there_is_a_failed_row_here(
    models: ScriptedServer, deployed: LangGraphDev, tmp_path: Path
) -> None:
    house = EvalHouse(models, tmp_path)
    models.on(ALPHA, Fault(401))
    row = await house.row(house.file({"it": {"solo": ALPHA}}), remote=deployed.url)
    assert row.outcome == "failed"
    assert row.error


async def test_a_server_that_goes_away_stops_the_run_and_fails_no_row(
    models: ScriptedServer, deployed: LangGraphDev, tmp_path: Path
) -> None:
    house = EvalHouse(models, tmp_path)
    path = house.file({"it": {"solo": ALPHA}}, exact_tasks(2))
    async with cut_line(deployed.url) as line:
        async with house.bench(path, remote=line.url, patience=()) as bench:
            await line.cut()
            await fill(bench, tally := Tally())
            assert "does not answer" in bench.pace.why_stopped
            assert bench.pace.purse.said == "an unknown sum", "what had begun there may have cost something"
            assert (tally.rows, tally.failed) == (0, 0)
            assert await bench.store.counts() == {}

        await line.mend()
        async with house.bench(path, remote=line.url) as bench:
            await fill(bench, tally := Tally())
            assert (tally.rows, tally.failed, bench.pace.why_stopped) == (2, 0, "")


async def test_a_server_that_is_soon_back_is_waited_for(
    models: ScriptedServer, deployed: LangGraphDev, tmp_path: Path
) -> None:
    house = EvalHouse(models, tmp_path)
    models.on(ALPHA, Text("42", delay=0.5))
    before = len(models.calls_of(ALPHA))
    async with (
        cut_line(deployed.url) as line,
        house.bench(house.file({"it": {"solo": ALPHA}}), remote=line.url, patience=(0.5, 5.0)) as bench,
    ):
        filling = asyncio.ensure_future(fill(bench, tally := Tally()))
        await models.until(lambda: len(models.calls_of(ALPHA)) > before, timeout=60)
        await line.cut()
        await line.mend()
        await filling
        assert (tally.rows, tally.failed, bench.pace.why_stopped) == (1, 0, "")


async def test_a_server_without_the_graph_is_said_before_anything_else(server: ScriptedServer, tmp_path: Path) -> None:
    house = EvalHouse(server, tmp_path)
    with pytest.raises(ConfigError, match="--remote"):
        async with house.bench(house.file({"it": {"solo": ALPHA}}), remote=server.base_url):
            raise AssertionError

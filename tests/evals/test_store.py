"""The store: what was done is kept, what failed is never taken for it, whoever writes at the same time."""

from __future__ import annotations

import asyncio
import sqlite3
from multiprocessing import get_context
from pathlib import Path

import pytest

from fusion_graph.errors import ConfigError
from fusion_graph.evals.store import Record, Store


def record(key: str, *, ok: bool = True, cost: float | None = 0.5, **more: object) -> Record:
    return Record(key=key, kind="seat", model="a/b", ok=ok, value={"said": key, "ok": ok}, cost=cost, **more)  # type: ignore[arg-type]


async def test_a_record_is_there_for_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "store.sqlite"
    async with await Store.open(path) as store:
        await store.add(record("k", evidence=[{"tool": "web_search", "text": "x"}]))
    async with await Store.open(path, make=False) as store:
        found = await store.get("k")
        assert found is not None
        assert found.value == {"said": "k", "ok": True}
        assert await store.evidence("k") == [{"tool": "web_search", "text": "x"}]
        assert await store.there(["k", "l"]) == {"k"}


async def test_a_failure_is_a_log_and_never_a_result(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "s") as store:
        for session in ("one", "two"):
            await store.add(record("k", ok=False, session=session))
        assert await store.get("k") is None
        assert await store.there(["k"]) == set()
        failure = await store.failure("k")
        assert failure is not None
        assert failure.session == "two"
        assert await store.failure("k", "three") is None


async def test_the_first_success_counts(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "s") as first, await Store.open(tmp_path / "s") as second:
        mine = Record(key="k", kind="seat", model="a/b", ok=True, value={"said": "first"}, cost=1.0)
        late = Record(key="k", kind="seat", model="a/b", ok=True, value={"said": "second"}, cost=1.0)
        assert (await first.add(mine)).value == {"said": "first"}
        assert (await second.add(late)).value == {"said": "first"}


async def test_spending_counts_failures_and_knows_what_it_does_not_know(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "s") as store:
        await store.add(record("a", cost=0.1))
        await store.add(record("b", cost=0.2, ok=False))
        spent = await store.spent()
        assert (spent.usd, spent.at_least) == (pytest.approx(0.3), False)
        await store.add(record("c", cost=None))
        assert (await store.spent()).at_least is True
        assert {key: most for key, (most, _) in (await store.costs()).items()} == {("seat", "a/b"): 0.2}


def _write(path: Path, name: str) -> None:
    async def many() -> None:
        async with await Store.open(path) as store:
            await asyncio.gather(*(store.add(record(f"{name}{at}")) for at in range(40)))
            await asyncio.gather(*(store.add(record(f"shared{at}")) for at in range(40)))

    asyncio.run(many())


async def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "s"
    processes = [get_context("spawn").Process(target=_write, args=(path, name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        await asyncio.to_thread(process.join)
    assert [process.exitcode for process in processes] == [0, 0]
    async with await Store.open(path, make=False) as store:
        assert (await store.counts())["seat"] == 120
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


async def test_what_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("my notes, which nobody may overwrite" * 50)
    with pytest.raises(ConfigError, match="no store"):
        await Store.open(path)
    assert path.read_text().startswith("my notes")
    with pytest.raises(ConfigError, match="fusion eval run"):
        await Store.open(tmp_path / "none", make=False)
    connection = sqlite3.connect(tmp_path / "later")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigError, match="later version"):
        await Store.open(tmp_path / "later")

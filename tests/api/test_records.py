"""What is kept, for how long, and what is not kept at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_house import ALPHA, BETA, JUDGE, QUESTION, WRITER
from keeping_house import NEVER, Keeper, asks, created, ended, keeping_app
from sqlalchemy import func, select, update

from fusion_graph.config import FusionConfig
from fusion_graph.server.checkpoints import checkpoint_file, checkpoints
from fusion_graph.server.database import metadata, opened
from fusion_graph.server.errors import ApiError
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.records import processes
from fusion_graph.server.records.response_rows import LostError, NewResponse
from fusion_graph.server.records.store import Store
from fusion_graph.server.records.tables import CLAIMS, CONVERSATIONS, GENERATIONS, RESPONSES
from fusion_graph.server.settings import ServerSettings
from fusion_graph.server.threads import LocalThreads
from fusion_graph.server.upkeep import Upkeep
from fusion_graph.testing import ScriptedServer


@pytest.fixture
async def client(keeper: Keeper) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=keeper.url, timeout=30) as connected:
        yield connected


async def kept(settings: ServerSettings) -> dict[str, int]:
    """Rows of every table but the keys', and checkpoints."""
    found: dict[str, int] = {}
    async with opened(settings) as database, database.read() as connection:
        for table in metadata.sorted_tables:
            if table.name not in ("fusion_keys", "fusion_spending", "fusion_processes"):
                found[table.name] = int(await connection.scalar(select(func.count()).select_from(table)) or 0)
    async with checkpoints(settings) as saver:
        found["checkpoints"] = len([entry async for entry in saver.alist(None)])
    return {name: count for name, count in found.items() if count}


async def test_what_is_not_to_be_stored_leaves_its_bill_alone(keeper: Keeper, client: httpx.AsyncClient) -> None:
    await created(client, store=False)
    chat = {"model": WRITER, "messages": [{"role": "user", "content": QUESTION}], "plugins": asks()["plugins"]}
    assert (await client.post("/v1/chat/completions", json=chat)).is_success
    assert await kept(keeper.settings) == {"fusion_generations": 2}


async def test_a_request_refused_at_its_start_is_not_stored(keeper: Keeper, client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/responses", json={"model": "openai:gpt-5", "input": QUESTION})
    assert response.status_code == 400, response.text
    assert not await kept(keeper.settings)


async def test_a_client_that_leaves_leaves_a_cancelled_response(keeper: Keeper, client: httpx.AsyncClient) -> None:
    keeper.models.on(BETA, NEVER)
    for stream in (False, True):
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/v1/responses", json=asks(stream=stream), timeout=0.7)
    await keeper.models.until(lambda: keeper.models.open_requests == 0)
    for entry in (await client.get("/v1/responses")).json()["data"]:
        assert (await ended(client, entry["id"]))["status"] == "cancelled"


async def test_a_sweep_deletes_what_has_expired_with_its_checkpoints_and_nothing_else(
    keeper: Keeper, client: httpx.AsyncClient
) -> None:
    old = await created(client)
    conversation = (await client.post("/v1/conversations", json={"items": [{"role": "user", "content": "Hi"}]})).json()
    headers = {"idempotency-key": "old"}
    other = (await client.post("/v1/responses", json=asks(background=True), headers=headers)).json()
    await ended(client, other["id"])
    past = time.time() - 40 * 86_400
    async with opened(keeper.settings) as database:
        async with database.write() as connection:
            await connection.execute(update(RESPONSES).values(finished_at=past, created_at=past))
            await connection.execute(update(CONVERSATIONS).values(updated_at=past))
            await connection.execute(update(GENERATIONS).values(created_at=past))
            await connection.execute(update(CLAIMS).values(expires_at=past))
        keeper.models.on(BETA, NEVER)
        running = await created(client, background=True)
        await keeper.models.until(lambda: len(keeper.models.calls_of(BETA)) == 3)
        async with checkpoints(keeper.settings) as saver:
            await Upkeep(keeper.app.state.services.keeps.runs, Store(database, 30), LocalThreads(saver)).sweep()
    for path in (f"responses/{old['id']}", f"conversations/{conversation['id']}", f"generation?id={old['id']}"):
        assert (await client.get(f"/v1/{path}")).status_code == 404
    assert (await client.get(f"/v1/responses/{running['id']}")).json()["status"] == "in_progress"
    await client.delete(f"/v1/responses/{running['id']}")
    assert await kept(keeper.settings) == {"fusion_generations": 1}


async def test_checkpoints_have_a_file_of_their_own_beside_the_records(sqlite_keeper: Keeper, tmp_path: Path) -> None:
    async with httpx.AsyncClient(base_url=sqlite_keeper.url, timeout=30) as client:
        await created(client)
    assert checkpoint_file(tmp_path / "server.sqlite") == tmp_path / "server.checkpoints.sqlite"
    assert {"server.sqlite", "server.checkpoints.sqlite"} <= {path.name for path in tmp_path.iterdir()}  # noqa: ASYNC240


async def test_many_runs_at_once_are_stored_side_by_side(keeper: Keeper, client: httpx.AsyncClient) -> None:
    posts = [created(client, background=n % 2 == 0) for n in range(8)]
    made = await asyncio.gather(*posts)
    done = [await ended(client, response["id"]) for response in made]
    assert [response["status"] for response in done] == ["completed"] * 8
    assert keeper.counts() == {ALPHA: 8, BETA: 8, JUDGE: 8, WRITER: 8}


@asynccontextmanager
async def two_stores(address: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two processes' views of one database."""
    async with AsyncExitStack() as stack:
        settings = ServerSettings(database=address)
        first, second = [Store(await stack.enter_async_context(opened(settings)), 30) for _ in range(2)]
        yield first, second


def new(response_id: str, owner: str = "ada") -> NewResponse:
    """A background run that begins."""
    plan = RunPlan("fusion", FusionConfig(), [], "fusion/offline", "slug", owner)
    response: dict[str, Any] = {"id": response_id, "status": "queued", "usage": None}
    return NewResponse(response_id, "thread", 1, True, plan, [], response)


async def test_a_run_changes_hands_when_its_process_is_dead_and_the_dead_one_can_write_no_more(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_stores(database) as (first, second):
        await second.processes.beat()
        monkeypatch.setattr(processes, "DEAD_AFTER_SECONDS", 0.5)
        await first.processes.beat()
        await first.responses.begin(new("resp_1"))
        assert await second.responses.take_orphans(5, ()) == []
        await asyncio.sleep(0.6)
        [taken] = await second.responses.take_orphans(5, ())
        assert taken.id == "resp_1"
        with pytest.raises(LostError):
            await first.responses.note("resp_1", [{"sequence_number": 0, "type": "x"}], None, [])
        assert await first.events.after("resp_1", -1) == []


async def test_of_many_who_would_take_a_run_over_one_alone_gets_it(database: str) -> None:
    async with two_stores(database) as (first, second):
        for store in (first, second):
            await store.processes.beat()
        await first.responses.begin(new("resp_1"))
        await first.responses.release("resp_1")
        tries = [store.responses.take_orphans(5, ("resp_1",)) for store in (first, second) * 5]
        assert sum(len(taken) for taken in await asyncio.gather(*tries)) == 1


async def test_whoever_gets_the_lock_of_a_sqlite_file_knows_the_one_before_for_dead(sqlite: str) -> None:
    async with two_stores(sqlite) as (first, second), AsyncExitStack() as stack:
        present = await stack.enter_async_context(AsyncExitStack())
        await present.enter_async_context(first.processes.present(Path(sqlite)))
        await first.responses.begin(new("resp_1"))
        async with second.processes.present(Path(sqlite)):
            assert (first.processes.alone, second.processes.alone) == (True, False)
            assert await second.responses.take_orphans(5, ()) == []
            second.processes.alone = True  # as if the first had been killed, and its lock were free
            assert [taken.id for taken in await second.responses.take_orphans(5, ())] == ["resp_1"]


async def test_events_written_twice_are_there_once(database: str) -> None:
    async with two_stores(database) as (first, _):
        await first.processes.beat()
        await first.responses.begin(new("resp_1"))
        batch = [{"sequence_number": n, "type": "x", "delta": "\x00\ud800ä"} for n in range(3)]
        for _ in range(2):
            await first.responses.note("resp_1", batch, None, [])
        assert await first.events.after("resp_1", -1) == batch
        assert await first.events.after("resp_1", 0, 1) == batch[1:2]


async def test_every_read_takes_the_owner(database: str) -> None:
    async with two_stores(database) as (store, _):
        await store.processes.beat()
        await store.responses.begin(new("resp_1"))
        made = await store.conversations.create("ada", {}, [])
        await store.generations.put("ada", {"id": "resp_1"})
        for read in (
            store.responses.get("resp_1", "bob"),
            store.conversations.get(made["id"], "bob"),
            store.conversations.items(made["id"], "bob"),
            store.conversations.remove(made["id"], "bob", "x"),
            store.generations.get("resp_1", "bob"),
            store.responses.page("bob", limit=5, after="resp_1"),
        ):
            with pytest.raises(ApiError) as caught:
                await read
            assert caught.value.status == 404


async def test_a_server_starts_beside_another_on_one_sqlite_file(scripted: ScriptedServer, sqlite: str) -> None:
    with keeping_app(scripted, sqlite) as first, keeping_app(scripted, sqlite) as second:
        async with httpx.AsyncClient(base_url=first.url, timeout=30) as client:
            made = await created(client, background=True)
        async with httpx.AsyncClient(base_url=second.url, timeout=30) as client:
            assert (await ended(client, made["id"]))["status"] == "completed"
    assert len(scripted.calls_of(WRITER)) == 1


async def test_a_run_that_begins_while_orphans_are_looked_for_is_none(sqlite: str) -> None:
    async with AsyncExitStack() as stack, AsyncExitStack() as held:
        settings = ServerSettings(database=sqlite)
        database, other = [await stack.enter_async_context(opened(settings)) for _ in range(2)]
        looks, begins = Store(database, 30), Store(other, 30)
        begins.processes.id = looks.processes.id  # one process by two pools, of which the first is exhausted
        await looks.processes.beat()
        for _ in range(15):
            await held.enter_async_context(database.read())
        busy: set[str] = set()
        looking = asyncio.create_task(looks.responses.take_orphans(5, busy))
        await asyncio.sleep(0.05)
        assert not looking.done(), "no connection is left to look by"
        busy.add("resp_1")
        await begins.responses.begin(new("resp_1"))
        await held.aclose()
        assert await looking == []
        busy.discard("resp_1")
        assert [taken.id for taken in await looks.responses.take_orphans(5, busy)] == ["resp_1"]

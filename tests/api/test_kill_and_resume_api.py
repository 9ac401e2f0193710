"""`kill -9` of the server during a background run: the next process goes on, and repeats nothing that was finished."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_house import AGREED, ALPHA, ANSWER, BETA, JUDGE, WRITER
from keeping_house import NEVER, asks, ended, followed, numbers, text_of
from mortal_server import MortalServer

from fusion_graph.testing import ScriptedServer, Text

Serve = Callable[..., MortalServer]
ServeMany = Callable[[str, int], list[MortalServer]]


@pytest.fixture
def serve(scripted: ScriptedServer, tmp_path: Path) -> Iterator[Serve]:
    """Starts servers; those that live are killed at the end."""
    running: list[MortalServer] = []

    def start(database: str, **how: Any) -> MortalServer:
        running.append(MortalServer(database, scripted.base_url, tmp_path / "server.log", **how))
        running[-1].wait_until_up()
        return running[-1]

    yield start
    for one in running:
        one.kill()


@pytest.fixture
def serve_many(scripted: ScriptedServer, tmp_path: Path) -> Iterator[ServeMany]:
    """Starts several hasty servers at once."""
    running: list[MortalServer] = []

    def start(database: str, count: int) -> list[MortalServer]:
        logs = [tmp_path / f"server-{n}.log" for n in range(count)]
        running.extend(MortalServer(database, scripted.base_url, log, hasty=True) for log in logs)
        for one in running:
            one.wait_until_up()
        return running

    yield start
    for one in running:
        one.kill()


def counts(models: ScriptedServer) -> dict[str, int]:
    return {model: len(models.calls_of(model)) for model in (ALPHA, BETA, JUDGE, WRITER)}


async def begun(server: MortalServer, **more: Any) -> str:
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        response = await client.post("/v1/responses", json=asks(background=True, **more))
        assert response.status_code == 200, response.text
        return str(response.json()["id"])


async def events_until(server: MortalServer, response_id: str, kind: str, after: int | None = None) -> list[Any]:
    """Follow a run until an event of a kind, as a client does that then loses its server."""
    found: list[Any] = []
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client, asyncio.timeout(30):
        while not any(event["type"].endswith(kind) for event in found):
            last = found[-1]["sequence_number"] if found else after
            found += await followed(client, response_id, last, 1)
    return found


async def test_killed_three_times_a_run_repeats_no_finished_part_and_tells_each_event_once(
    scripted: ScriptedServer, database: str, serve: Serve
) -> None:
    scripted.on(BETA, NEVER, "It does, slowly.").on(JUDGE, NEVER, AGREED).on(WRITER, NEVER, ANSWER)
    server = serve(database, hasty=database.startswith("postgresql"))  # SQLite's lock tells at once who is dead
    response_id = await begun(server)
    heard = await events_until(server, response_id, "panel.completed")
    await scripted.until(lambda: scripted.calls_of(BETA), timeout=20)
    for model in (JUDGE, WRITER):
        server.kill()
        server = serve(database, hasty=database.startswith("postgresql"))
        await scripted.until(lambda model=model: scripted.calls_of(model), timeout=30)
    server.kill()
    server = serve(database, hasty=True)
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        heard += await followed(client, response_id, heard[-1]["sequence_number"])
        done = await ended(client, response_id)
    assert counts(scripted) == {ALPHA: 1, BETA: 2, JUDGE: 2, WRITER: 2}
    assert (done["status"], text_of(done)) == ("completed", ANSWER)
    assert numbers(heard) == list(range(len(heard)))
    assert heard[-1]["response"] == done
    assert [item["type"] for item in done["output"]] == ["openrouter:fusion", "message"]
    degraded = [(entry["part"], entry["reason"]) for entry in done["fusion"]["receipt"]["degraded"]]
    assert degraded == [("seat-2", "resumed"), ("judge", "resumed"), ("writer", "resumed")]


async def test_a_server_that_is_asked_to_end_leaves_its_runs_to_the_next(
    scripted: ScriptedServer, sqlite: str, serve: Serve
) -> None:
    scripted.on(WRITER, NEVER, ANSWER)
    server = serve(sqlite)
    response_id = await begun(server)
    await scripted.until(lambda: scripted.calls_of(WRITER), timeout=20)
    began = time.monotonic()
    assert server.stop() in (0, -15)
    assert time.monotonic() - began < 10
    server = serve(sqlite)
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        assert text_of(await ended(client, response_id)) == ANSWER
    assert counts(scripted) == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 2}


async def test_a_request_cut_off_by_a_kill_is_failed_and_can_be_taken_up(
    scripted: ScriptedServer, sqlite: str, serve: Serve
) -> None:
    scripted.on(WRITER, NEVER, ANSWER)
    server = serve(sqlite)
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        request = asyncio.create_task(client.post("/v1/responses", json=asks()))
        await scripted.until(lambda: scripted.calls_of(WRITER), timeout=20)
        server.kill()
        with pytest.raises(httpx.TransportError):
            await request
    server = serve(sqlite)
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        [listed] = (await client.get("/v1/responses")).json()["data"]
        cut = await ended(client, listed["id"])
        assert (cut["status"], cut["error"]["reason"]) == ("failed", "server_ended")
        again = (await client.post(f"/v1/responses/{cut['id']}/retry")).json()
    assert (again["retry_of"], text_of(again)) == (cut["id"], ANSWER)
    assert counts(scripted) == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 2}


async def test_of_several_servers_on_one_database_one_alone_takes_a_run_up(
    scripted: ScriptedServer, postgres_database: str, serve_many: ServeMany
) -> None:
    scripted.on(BETA, NEVER, Text("It does, slowly.", delay=3))
    first, *others = serve_many(postgres_database, 3)
    response_id = await begun(first)
    await events_until(first, response_id, "panel.completed")
    await scripted.until(lambda: scripted.calls_of(BETA), timeout=20)
    await asyncio.sleep(2.5)
    assert len(scripted.calls_of(BETA)) == 1, "nobody takes up what a living server runs"
    heard = await events_until(others[0], response_id, "panel.completed")
    first.kill()
    async with httpx.AsyncClient(base_url=others[0].url, timeout=30) as client:
        heard += await followed(client, response_id, heard[-1]["sequence_number"])
    async with httpx.AsyncClient(base_url=others[1].url, timeout=30) as client:
        assert text_of(await ended(client, response_id)) == ANSWER
        assert await followed(client, response_id) == heard
    assert numbers(heard) == list(range(len(heard)))
    assert counts(scripted) == {ALPHA: 1, BETA: 2, JUDGE: 1, WRITER: 1}
    for one in others:
        one.stop()


async def test_a_run_is_cancelled_by_whichever_server_is_asked(
    scripted: ScriptedServer, postgres_database: str, serve_many: ServeMany
) -> None:
    scripted.on(BETA, NEVER)
    first, second = serve_many(postgres_database, 2)
    response_id = await begun(first)
    await scripted.until(lambda: scripted.calls_of(BETA), timeout=20)
    async with httpx.AsyncClient(base_url=second.url, timeout=30) as client:
        told = (await client.post(f"/v1/responses/{response_id}/cancel")).json()
    assert told["status"] == "cancelled"
    await scripted.until(lambda: scripted.open_requests == 0)

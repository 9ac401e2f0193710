"""`Idempotency-Key`: the same request under the same key runs once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from api_house import ALPHA, ANSWER, BETA, FUSE, JUDGE, QUESTION, WRITER, events_of
from keeping_house import NEVER, Keeper, asks, bearer, ended, followed, keeping_app, text_of

from fusion_graph.testing import Fault, ScriptedServer, Text

ONCE = {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 1}
CHAT = {"model": WRITER, "messages": [{"role": "user", "content": QUESTION}], "plugins": [FUSE]}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/responses": asks(),
    "/v1/chat/completions": CHAT,
    "/v1/messages": {**CHAT, "max_tokens": 1000},
}


@pytest.fixture
async def client(keeper: Keeper) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=keeper.url, timeout=30) as connected:
        yield connected


def key(name: str, owner: str = "ada") -> dict[str, str]:
    return {"idempotency-key": name, **bearer(owner)}


@pytest.mark.parametrize("path", BODIES)
async def test_a_request_sent_again_gets_the_same_answer_and_runs_nothing(
    keeper: Keeper, client: httpx.AsyncClient, path: str
) -> None:
    first = await client.post(path, json=BODIES[path], headers=key("a"))
    again = await client.post(path, json=BODIES[path], headers=key("a"))
    assert first.status_code == again.status_code == 200, first.text
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-generation-id"] == first.headers["x-generation-id"]
    assert "idempotent-replayed" not in first.headers
    assert keeper.counts() == ONCE
    other = await client.post(path, json=BODIES[path], headers=key("a", "bob"))
    assert other.json()["id"] != first.json()["id"], "keys are each owner's own"


@pytest.mark.parametrize("path", BODIES)
async def test_a_stream_sent_again_is_the_same_stream(keeper: Keeper, client: httpx.AsyncClient, path: str) -> None:
    told = []
    for _ in range(2):
        async with client.stream("POST", path, json={**BODIES[path], "stream": True}, headers=key("s")) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            told.append([event for event in await events_of(response) if event[0] != ":"])
    assert told[0] == told[1]
    assert len(told[0]) > 3
    assert keeper.counts() == ONCE


async def test_a_key_used_for_another_request_is_refused(keeper: Keeper, client: httpx.AsyncClient) -> None:
    await client.post("/v1/responses", json=asks(), headers=key("b"))
    for path, body in (("/v1/responses", asks(input="Another?")), ("/v1/chat/completions", CHAT)):
        response = await client.post(path, json=body, headers=key("b"))
        assert (response.status_code, response.json()["error"]["code"]) == (422, "idempotency_key_reused")
    long = await client.post("/v1/responses", json=asks(), headers=key("k" * 256))
    assert (long.status_code, long.json()["error"]["param"]) == (400, "Idempotency-Key")
    assert keeper.counts() == ONCE


async def test_requests_at_the_same_time_run_once(keeper: Keeper, client: httpx.AsyncClient) -> None:
    keeper.models.on(BETA, Text("It does, slowly.", delay=0.5))
    posts = [client.post("/v1/responses", json=asks(), headers=key("c")) for _ in range(5)]
    found = await asyncio.gather(*posts)
    assert {response.json()["id"] for response in found} == {found[0].json()["id"]}
    assert keeper.counts() == ONCE


async def test_a_background_run_started_again_is_the_same_run(keeper: Keeper, client: httpx.AsyncClient) -> None:
    keeper.models.on(BETA, Text("It does, slowly.", delay=0.5))
    posts = [client.post("/v1/responses", json=asks(background=True), headers=key("d")) for _ in range(3)]
    found = {response.json()["id"] for response in await asyncio.gather(*posts)}
    [response_id] = found
    done = await ended(client, response_id, headers=bearer("ada"))
    late = (await client.post("/v1/responses", json=asks(background=True), headers=key("d"))).json()
    assert late == done
    assert keeper.counts() == ONCE


async def test_a_background_stream_started_again_tells_all_events(keeper: Keeper, client: httpx.AsyncClient) -> None:
    body = asks(background=True, stream=True)
    told = []
    for _ in range(2):
        async with client.stream("POST", "/v1/responses", json=body, headers=key("e")) as response:
            told.append([data for name, data in await events_of(response) if name != ":"])
    assert told[0] == told[1]
    client.headers.update(bearer("ada"))
    assert await followed(client, told[0][-1]["response"]["id"]) == told[0]
    assert keeper.counts() == ONCE


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failed_run_may_be_tried_again(keeper: Keeper, client: httpx.AsyncClient, *, stream: bool) -> None:
    keeper.models.on(ALPHA, Fault(401), "It does.").on(BETA, Fault(401), "It does.")
    first = await client.post("/v1/responses", json=asks(stream=stream), headers=key("f"))
    assert "all_panels_failed" in first.text
    again = await client.post("/v1/responses", json=asks(stream=stream), headers=key("f"))
    assert ANSWER in again.text


async def test_a_failed_background_run_may_be_tried_again(keeper: Keeper, client: httpx.AsyncClient) -> None:
    keeper.models.on(ALPHA, Fault(401), "It does.").on(BETA, Fault(401), "It does.")
    for status in ("failed", "completed"):
        made = (await client.post("/v1/responses", json=asks(background=True), headers=key("g"))).json()
        assert (await ended(client, made["id"], headers=bearer("ada")))["status"] == status


async def test_a_request_whose_client_left_is_run_for_the_one_that_waits(
    keeper: Keeper, client: httpx.AsyncClient
) -> None:
    keeper.models.on(BETA, NEVER, "It does, slowly.")
    gone = asyncio.create_task(client.post("/v1/responses", json=asks(), headers=key("h")))
    await keeper.models.until(lambda: keeper.models.calls_of(BETA))
    waits = asyncio.create_task(client.post("/v1/responses", json=asks(), headers=key("h")))
    await asyncio.sleep(0.3)
    gone.cancel()
    assert text_of((await waits).json()) == ANSWER


async def test_a_key_is_remembered_across_a_restart(scripted: ScriptedServer, database: str) -> None:
    told = []
    for _ in range(2):
        with keeping_app(scripted, database) as keeper:
            async with httpx.AsyncClient(base_url=keeper.url, timeout=30) as client:
                told.append((await client.post("/v1/chat/completions", json=CHAT, headers=key("i"))).json())
    assert told[0] == told[1]
    assert len(scripted.calls_of(WRITER)) == 1


async def test_what_is_wrong_with_a_request_does_not_use_up_its_key(keeper: Keeper, client: httpx.AsyncClient) -> None:
    wrong = await client.post("/v1/responses", json=asks(inptu="x"), headers=key("j"))
    assert wrong.status_code == 400
    right = await client.post("/v1/responses", json=asks(), headers=key("j"))
    assert right.status_code == 200
    assert keeper.counts() == ONCE

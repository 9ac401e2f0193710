"""`POST /v1/responses/{id}/retry`: failed seats again, or another judge or writer on the same drafts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from api_house import AGREED, ALPHA, ANSWER, BETA, FUSE, JUDGE, WRITER, convenes
from keeping_house import NEVER, Keeper, created, ended, fetched, followed, numbers, text_of

from fusion_graph.testing import Fault, Text

OTHER_JUDGE, OTHER_WRITER = "frog/gamma", "goat/zeta"


@pytest.fixture
async def client(keeper: Keeper) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=keeper.url, timeout=30) as connected:
        yield connected


async def retried(client: httpx.AsyncClient, response_id: str, status: int = 200, **body: Any) -> dict[str, Any]:
    response = await client.post(f"/v1/responses/{response_id}/retry", json=body)
    assert response.status_code == status, response.text
    told: dict[str, Any] = response.json()
    return told


async def test_failed_seats_are_asked_again_and_the_earlier_answer_stays(
    keeper: Keeper, client: httpx.AsyncClient
) -> None:
    keeper.models.on(BETA, Fault(401), "It does, slowly.").on(WRITER, "First.", "Second.")
    first = await created(client)
    assert [failed["seat_id"] for failed in first["output"][0]["failed_models"]] == ["seat-2"]
    second = await retried(client, first["id"])
    assert keeper.counts() == {ALPHA: 1, BETA: 2, JUDGE: 2, WRITER: 2}
    assert (second["retry_of"], text_of(second), second["status"]) == (first["id"], "Second.", "completed")
    assert second["id"] != first["id"]
    assert len(second["output"][0]["responses"]) == 2
    assert second["fusion"]["receipt"]["earlier"] is not None
    assert await fetched(client, first["id"]) == first
    assert await fetched(client, second["id"]) == second
    assert (await client.get("/v1/responses")).json()["data"][0]["retry_of"] == first["id"]


async def test_a_retry_streams_the_kept_drafts_first(keeper: Keeper, client: httpx.AsyncClient) -> None:
    keeper.models.on(BETA, Fault(401), "It does, slowly.")
    first = await created(client, background=True)
    await ended(client, first["id"])
    second = await retried(client, first["id"], background=True)
    assert (second["status"], second["background"]) == ("queued", True)
    events = await followed(client, second["id"])
    assert numbers(events) == list(range(len(events)))
    told = [(event["type"].rpartition("call.")[2], event.get("seat_id")) for event in events]
    kept, again = told.index(("panel.completed", "seat-1")), told.index(("panel.added", "seat-2"))
    assert kept < again < told.index(("panel.completed", "seat-2"))
    assert keeper.counts() == {ALPHA: 1, BETA: 2, JUDGE: 2, WRITER: 2}


async def test_another_writer_writes_from_the_same_drafts_and_analysis(
    keeper: Keeper, client: httpx.AsyncClient
) -> None:
    keeper.models.on(OTHER_WRITER, "In other words: it does.")
    first = await created(client)
    async with client.stream(
        "POST", f"/v1/responses/{first['id']}/retry", json={"writer": OTHER_WRITER, "stream": True}
    ) as response:
        data = [line.removeprefix("data: ") async for line in response.aiter_lines() if line.startswith("data: ")]
    last = json.loads(data[-1])["response"]
    assert (text_of(last), last["model"]) == ("In other words: it does.", OTHER_WRITER)
    assert keeper.counts() == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 1}
    assert last["output"][0]["responses"] == first["output"][0]["responses"]


async def test_another_judge_compares_the_same_drafts_and_can_itself_be_followed_by_another(
    keeper: Keeper, client: httpx.AsyncClient
) -> None:
    keeper.models.on(OTHER_JUDGE, AGREED).on(OTHER_WRITER, "Shorter.")
    first = await created(client)
    second = await retried(client, first["id"], judge=OTHER_JUDGE)
    assert second["fusion"]["receipt"]["judge"]["requested_model"] == OTHER_JUDGE
    await client.delete(f"/v1/responses/{first['id']}")
    third = await retried(client, second["id"], writer=OTHER_WRITER)
    assert text_of(third) == "Shorter."
    assert keeper.counts() == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 2}


async def test_a_cancelled_run_goes_on_where_it_stopped(keeper: Keeper, client: httpx.AsyncClient) -> None:
    keeper.models.on(WRITER, NEVER, ANSWER)
    first = await created(client, background=True)
    await keeper.models.until(lambda: keeper.models.calls_of(WRITER))
    await client.post(f"/v1/responses/{first['id']}/cancel")
    second = await retried(client, first["id"])
    assert text_of(second) == ANSWER
    assert keeper.counts() == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 2}


async def test_a_client_that_leaves_ends_the_retry_it_waited_for(keeper: Keeper, client: httpx.AsyncClient) -> None:
    keeper.models.on(BETA, Fault(401), NEVER)
    first = await created(client)
    with pytest.raises(httpx.ReadTimeout):
        await client.post(f"/v1/responses/{first['id']}/retry", timeout=1)
    await keeper.models.until(lambda: keeper.models.open_requests == 0)
    [entry, _] = (await client.get("/v1/responses")).json()["data"]
    assert (await ended(client, entry["id"]))["status"] == "cancelled"


async def test_what_cannot_be_taken_up_is_refused_and_leaves_nothing(keeper: Keeper, client: httpx.AsyncClient) -> None:
    whole = await created(client)
    told = (await retried(client, whole["id"], 409))["error"]
    assert "every seat of the run has a draft" in told["message"]
    told = (await retried(client, whole["id"], 400, judges="x"))["error"]
    assert told["param"] == "judges"
    told = (await retried(client, whole["id"], 400, judge="nobody here"))["error"]
    assert told["param"] == "judge"
    keeper.models.on(WRITER, convenes(ANSWER))
    agent = await created(client, plugins=[{**FUSE, "mode": "auto"}])
    assert "mode fuse" in (await retried(client, agent["id"], 409))["error"]["message"]
    keeper.models.on(BETA, NEVER)
    running = await created(client, background=True)
    assert "under way" in (await retried(client, running["id"], 409))["error"]["message"]
    await client.post(f"/v1/responses/{running['id']}/cancel")
    assert len((await client.get("/v1/responses")).json()["data"]) == 3


async def test_a_retry_that_fails_is_an_error_with_its_reason(keeper: Keeper, client: httpx.AsyncClient) -> None:
    keeper.models.on(ALPHA, Fault(401)).on(BETA, Fault(401))
    first = await created(client, background=True)
    await ended(client, first["id"])
    told = (await retried(client, first["id"], 502))["error"]
    assert told["failure_reason"] == "all_panels_failed"
    keeper.models.on(ALPHA, Text("It does.")).on(BETA, Text("It does."))
    assert text_of(await retried(client, first["id"])) == ANSWER

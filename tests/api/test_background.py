"""`background: true`: runs that go on without their client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from api_house import ALPHA, ANSWER, BETA, FUSE, JUDGE, QUESTION, WRITER
from keeping_house import NEVER, Keeper, asks, bearer, created, ended, fetched, followed, numbers, text_of
from openai import AsyncOpenAI

from fusion_graph.testing import Fault, Text, Usage


@pytest.fixture
async def client(keeper: Keeper) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=keeper.url, timeout=30) as connected:
        yield connected


async def test_a_background_run_is_queued_at_once_and_can_be_fetched_to_its_end(
    keeper: Keeper, client: httpx.AsyncClient
) -> None:
    keeper.models.on(BETA, Text("It does, slowly.", delay=0.3))
    told = await created(client, background=True, metadata={"for": "test"})
    assert (told["status"], told["background"], told["output"]) == ("queued", True, [])
    assert (await fetched(client, told["id"]))["status"] in ("queued", "in_progress")
    done = await ended(client, told["id"])
    assert (done["status"], text_of(done), done["background"]) == ("completed", ANSWER, True)
    assert done["metadata"] == {"for": "test"}
    assert [item["type"] for item in done["output"]] == ["openrouter:fusion", "message"]
    assert done["fusion"]["receipt"]["status"] == "ok"


async def test_a_follower_gets_every_event_once_from_whatever_number_it_starts_after(
    keeper: Keeper, client: httpx.AsyncClient
) -> None:
    keeper.models.on(WRITER, Text(ANSWER, chunk_delay=0.05))
    told = await created(client, background=True)
    live = await followed(client, told["id"])
    assert numbers(live) == list(range(len(live)))
    assert live[-1]["type"] == "response.completed"
    assert live[-1]["response"] == await fetched(client, told["id"])
    for after in (0, 3, len(live) - 2):
        assert await followed(client, told["id"], after) == live[after + 1 :]
    assert await followed(client, told["id"], len(live) - 1) == []


async def test_a_follower_that_comes_back_misses_nothing_and_hears_nothing_twice(
    keeper: Keeper, client: httpx.AsyncClient
) -> None:
    keeper.models.on(WRITER, Text(" ".join(["word"] * 40), chunk_delay=0.02))
    told = await created(client, background=True)
    heard: list[int] = []
    for most in (3, 5, 7, None):
        heard += numbers(await followed(client, told["id"], heard[-1] if heard else None, most))
    assert heard == list(range(len(heard)))
    assert heard == numbers(await followed(client, told["id"]))


async def test_a_client_that_leaves_its_stream_does_not_end_the_run(keeper: Keeper, client: httpx.AsyncClient) -> None:
    keeper.models.on(BETA, Text("It does, slowly.", delay=0.5))
    async with client.stream("POST", "/v1/responses", json=asks(background=True, stream=True)) as response:
        response_id = response.headers["x-generation-id"]
        async for line in response.aiter_lines():
            if "panel.added" in line:
                break
    assert text_of(await ended(client, response_id)) == ANSWER
    assert keeper.counts() == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 1}


async def test_a_cancelled_run_stops_its_model_calls_and_says_so(keeper: Keeper, client: httpx.AsyncClient) -> None:
    keeper.models.on(BETA, NEVER)
    told = await created(client, background=True)
    await keeper.models.until(lambda: keeper.models.calls_of(BETA))
    cancelled = (await client.post(f"/v1/responses/{told['id']}/cancel")).json()
    assert cancelled["status"] == "cancelled"
    await keeper.models.until(lambda: keeper.models.open_requests == 0)
    assert (await client.post(f"/v1/responses/{told['id']}/cancel")).json() == cancelled
    events = await followed(client, told["id"])
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"] == cancelled
    assert len(keeper.models.calls_of(WRITER)) == 0


async def test_a_cancelled_run_s_usage_is_at_least_what_its_finished_seats_took(
    keeper: Keeper, client: httpx.AsyncClient
) -> None:
    keeper.models.on(ALPHA, Text("It does.", usage=Usage(120, 30, cost=0.004))).on(BETA, NEVER)
    told = await created(client, background=True)
    async with client.stream("GET", f"/v1/responses/{told['id']}?stream=true") as response:
        async for line in response.aiter_lines():
            if "panel.completed" in line:
                break
    usage = (await client.post(f"/v1/responses/{told['id']}/cancel")).json()["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["cost"]) == (120, 30, 0.004)
    assert (usage["tokens_at_least"], usage["cost_at_least"]) == (True, True)


async def test_a_run_without_an_answer_is_failed_and_says_why(keeper: Keeper, client: httpx.AsyncClient) -> None:
    keeper.models.on(ALPHA, Fault(401)).on(BETA, Fault(401))
    told = await created(client, background=True)
    done = await ended(client, told["id"])
    assert (done["status"], done["error"]["failure_reason"]) == ("failed", "all_panels_failed")
    assert (await followed(client, told["id"]))[-1]["type"] == "response.failed"


async def test_a_deleted_response_is_gone_with_its_events_and_its_thread(
    keeper: Keeper, client: httpx.AsyncClient
) -> None:
    told = await created(client, background=True)
    await ended(client, told["id"])
    gone = (await client.delete(f"/v1/responses/{told['id']}")).json()
    assert gone == {"id": told["id"], "object": "response", "deleted": True}
    for path in ("", "?stream=true", "/input_items"):
        assert (await client.get(f"/v1/responses/{told['id']}{path}")).status_code == 404
    assert (await client.post(f"/v1/responses/{told['id']}/retry")).status_code == 404


async def test_deleting_a_run_under_way_ends_it(keeper: Keeper, client: httpx.AsyncClient) -> None:
    keeper.models.on(BETA, NEVER)
    told = await created(client, background=True)
    await keeper.models.until(lambda: keeper.models.calls_of(BETA))
    assert (await client.delete(f"/v1/responses/{told['id']}")).is_success
    await keeper.models.until(lambda: keeper.models.open_requests == 0)
    assert (await client.get("/v1/responses")).json()["data"] == []


async def test_the_input_items_are_whole_and_paged(keeper: Keeper, client: httpx.AsyncClient) -> None:
    del keeper
    said = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
    told = await created(client, background=True, input=[*said, {"role": "user", "content": QUESTION}])
    items = (await client.get(f"/v1/responses/{told['id']}/input_items", params={"order": "asc"})).json()
    texts = [item["content"][0]["text"] for item in items["data"]]
    assert texts == ["Hello", "Hi", QUESTION]
    assert [item["content"][0]["type"] for item in items["data"]] == ["input_text", "output_text", "input_text"]
    first = (await client.get(f"/v1/responses/{told['id']}/input_items", params={"limit": 1})).json()
    assert first["data"][0]["content"][0]["text"] == QUESTION
    assert first["has_more"] is True
    rest = await client.get(f"/v1/responses/{told['id']}/input_items", params={"after": first["last_id"]})
    assert [item["content"][0]["text"] for item in rest.json()["data"]] == ["Hi", "Hello"]
    await ended(client, told["id"])


async def test_the_list_shows_runs_newest_first_in_pages_and_by_status(
    keeper: Keeper, client: httpx.AsyncClient
) -> None:
    ids = [(await created(client, background=True, input=f"Question {n}?"))["id"] for n in range(3)]
    for response_id in ids:
        await ended(client, response_id)
    keeper.models.on(BETA, NEVER)
    running = (await created(client, background=True))["id"]
    listed = (await client.get("/v1/responses", params={"limit": 2})).json()
    assert [entry["id"] for entry in listed["data"]] == [running, ids[2]]
    assert (listed["has_more"], listed["last_id"]) == (True, ids[2])
    rest = (await client.get("/v1/responses", params={"after": ids[2]})).json()
    assert [entry["id"] for entry in rest["data"]] == [ids[1], ids[0]]
    assert rest["data"][0]["title"] == "Question 1?"
    done = (await client.get("/v1/responses", params={"status": "completed"})).json()
    assert [entry["id"] for entry in done["data"]] == ids[::-1]
    assert (await client.get("/v1/responses", params={"status": "lost"})).status_code == 400
    assert (await client.get("/v1/responses", params={"limit": 0})).status_code == 400
    await client.post(f"/v1/responses/{running}/cancel")


async def test_what_cannot_be_followed_or_cancelled_is_refused_by_name(
    keeper: Keeper, client: httpx.AsyncClient
) -> None:
    del keeper
    told = await created(client)
    streamed = await client.get(f"/v1/responses/{told['id']}", params={"stream": "true"})
    assert (streamed.status_code, streamed.json()["error"]["param"]) == (400, "stream")
    cancelled = await client.post(f"/v1/responses/{told['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["error"]["code"]) == (400, "not_background")
    after = await client.get(f"/v1/responses/{told['id']}", params={"starting_after": 1})
    assert after.json()["error"]["param"] == "starting_after"


async def test_one_owner_never_sees_another_s(keeper: Keeper, client: httpx.AsyncClient) -> None:
    ada, bob = bearer("ada"), bearer("bob")
    keeper.models.on(BETA, Text("It does, slowly.", delay=0.3))
    told = (await client.post("/v1/responses", json=asks(background=True), headers=ada)).json()
    path = f"/v1/responses/{told['id']}"
    tries = [
        ("GET", path),
        ("GET", f"{path}?stream=true"),
        ("GET", f"{path}/input_items"),
        ("POST", f"{path}/cancel"),
        ("POST", f"{path}/retry"),
        ("DELETE", path),
    ]
    for method, where in tries:
        theirs = await client.request(method, where, headers=bob)
        nobody_s = await client.request(method, where.replace(told["id"], "resp_" + "0" * 32), headers=bob)
        assert theirs.status_code == nobody_s.status_code == 404
        assert theirs.text.replace(told["id"], "X") == nobody_s.text.replace("resp_" + "0" * 32, "X")
    assert (await client.get("/v1/responses", headers=bob)).json()["data"] == []
    assert (await client.get("/v1/responses", params={"after": told["id"]}, headers=bob)).status_code == 404
    await ended(client, told["id"], headers=ada)
    assert (await client.get(f"/v1/generation?id={told['id']}", headers=bob)).status_code == 404
    generation = (await client.get(f"/v1/generation?id={told['id']}", headers=ada)).json()["data"]
    assert generation["fusion"]["status"] == "ok"


async def test_the_openai_sdk_creates_fetches_follows_and_cancels(keeper: Keeper) -> None:
    async with AsyncOpenAI(base_url=f"{keeper.url}/v1", api_key="sdk", max_retries=0) as sdk:
        extra = {"plugins": [FUSE]}
        made = await sdk.responses.create(model=WRITER, input=QUESTION, background=True, extra_body=extra)
        assert made.status == "queued"
        stream = await sdk.responses.retrieve(made.id, stream=True, starting_after=1)
        kinds = [event.type async for event in stream]
        assert kinds[-1] == "response.completed"
        done = await sdk.responses.retrieve(made.id)
        assert (done.status, done.output_text) == ("completed", ANSWER)
        items = await sdk.responses.input_items.list(made.id)
        assert [item.type for item in items.data] == ["message"]
        keeper.models.on(BETA, NEVER)
        other = await sdk.responses.create(model=WRITER, input=QUESTION, background=True, extra_body=extra)
        assert (await sdk.responses.cancel(other.id)).status == "cancelled"
        await sdk.responses.delete(made.id)


async def test_room_is_held_for_the_whole_life_of_a_run(keeper: Keeper, client: httpx.AsyncClient) -> None:
    gate = keeper.app.state.services.gate
    keeper.models.on(BETA, NEVER)
    told = await created(client, background=True)
    await keeper.models.until(lambda: keeper.models.calls_of(BETA))
    assert gate.running == 1
    await client.post(f"/v1/responses/{told['id']}/cancel")
    assert gate.running == 0

"""Keys in front of LangGraph Server: what one makes, no other reads, changes, runs, copies or stops."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from doors import Door, fusion_serve, make_key
from langgraph_dev import CORPUS, LangGraphDev, langgraph_dev
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import LangGraphError
from langgraph_sdk.schema import StreamPart
from scripted_panel import Panel, asked
from test_http_app import body
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from fusion_graph.testing import ScriptedServer, Text

CHAT = "/v1/chat/completions"


@dataclass(frozen=True)
class Locked:
    """A LangGraph Server with keys.

    Attributes:
        url: Its address.
        keys: Secrets, by name.
    """

    url: str
    keys: dict[str, str]

    def headers(self, name: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.keys[name]}"}


@pytest.fixture(scope="module")
def locked(models: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    """A server of its own: from the first key on, everybody needs one."""
    folder = tmp_path_factory.mktemp("locked")
    limits: dict[str, dict[str, Any]] = {
        "ann": {},
        "bob": {},
        "capped": {"limit_usd": 5.0},
        "offline": {"presets": ("offline",)},
        "slow": {"per_minute": 2},
    }
    keys = {name: make_key(folder / "server.sqlite", name, **limit) for name, limit in limits.items()}
    variables = {
        "FUSION_GATEWAY_URL": models.base_url,
        "FUSION_CORPUS": str(CORPUS),
        "FUSION_SERVER_ALLOWED_MODELS": "house*",
    }
    with langgraph_dev(folder, **variables) as running:
        yield Locked(running.url, keys)


@pytest.fixture(scope="module")
def locked_alone(models: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    folder = tmp_path_factory.mktemp("locked-alone")
    keys = {"ann": make_key(folder / "server.sqlite", "ann")}
    with fusion_serve(folder, FUSION_GATEWAY_URL=models.base_url) as url:
        yield Locked(url, keys)


@pytest.fixture
async def people(locked: Locked) -> AsyncIterator[dict[str, LangGraphClient]]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                get_client(url=locked.url, api_key=None, headers=locked.headers(name))
            )
            for name in locked.keys
        }


@pytest.fixture
def ann(people: dict[str, LangGraphClient]) -> LangGraphClient:
    return people["ann"]


@pytest.fixture
def bob(people: dict[str, LangGraphClient]) -> LangGraphClient:
    return people["bob"]


@pytest.fixture(params=["alone", "inside"])
def door(request: pytest.FixtureRequest, locked: Locked, locked_alone: Locked) -> Door:
    held = locked if request.param == "inside" else locked_alone
    return Door(request.param, held.url, held.headers("ann"))


async def refused(status: int, work: Any) -> None:
    with pytest.raises((LangGraphError, httpx.HTTPStatusError)) as caught:
        await work
    answered: Any = caught.value
    assert answered.response.status_code == status, answered.response.text


async def tried(work: Any) -> Any:
    """What somebody gets who tries: nothing where it is refused, or never answered."""
    try:
        async with asyncio.timeout(3):
            return await work
    except (LangGraphError, httpx.HTTPStatusError, TimeoutError):
        return None


async def heard(following: AsyncIterator[StreamPart]) -> list[StreamPart]:
    """What somebody hears of a run within a while."""
    parts: list[StreamPart] = []
    with contextlib.suppress(LangGraphError, httpx.HTTPStatusError, TimeoutError):
        async with asyncio.timeout(2):
            async for part in following:
                parts.append(part)  # noqa: PERF401 - what was heard before the end counts
    return [part for part in parts if part.event not in ("error", "heartbeat")]


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer fg-0-0"}, {"x-auth-scheme": "langsmith"}])
async def test_nobody_enters_without_a_key(locked: Locked, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=locked.url, headers=headers, trust_env=False) as client:
        for method, path in (
            ("POST", "/assistants/search"),
            ("POST", "/threads"),
            ("POST", "/runs/wait"),
            ("POST", "/runs/stream"),
            ("PUT", "/store/items"),
            ("POST", "/mcp"),
            ("POST", "/threads/search"),
        ):
            assert (await client.request(method, path, json={})).status_code == 401, path


async def test_a_websocket_needs_a_key_too(locked: Locked, ann: LangGraphClient, bob: LangGraphClient) -> None:
    thread = (await ann.threads.create())["thread_id"]
    url = f"{locked.url.replace('http', 'ws', 1)}/threads/{thread}/stream/events"
    for headers in ({}, {"authorization": "Bearer fg-0-0"}):
        with pytest.raises(InvalidStatus):
            await connect(url, additional_headers=headers, proxy=None)
    opened = await connect(url, additional_headers=locked.headers("ann"), proxy=None)
    await opened.close()


@pytest.mark.parametrize("host", ["x/v1/", "x/v1/models?", "127.0.0.1/v1/"])
async def test_a_path_in_the_host_header_opens_nothing(locked: Locked, host: str) -> None:
    async with httpx.AsyncClient(base_url=locked.url, headers={"host": host}, trust_env=False) as client:
        answered = await client.post("/threads", json={})
    assert answered.status_code in (400, 401)


async def test_a_refusal_looks_the_same_at_our_own_endpoints_either_way(door: Door, panel: Panel) -> None:
    async with httpx.AsyncClient(base_url=door.url, timeout=20, trust_env=False) as client:
        for headers, code in (({}, "missing_api_key"), ({"authorization": "Bearer fg-0-0"}, "invalid_api_key")):
            answered = await client.post(CHAT, json=body(panel, CHAT), headers=headers)
            assert (answered.status_code, answered.json()["error"]["code"]) == (401, code)
            assert "detail" not in answered.json()
        assert panel.calls("alpha") == []
        assert (await client.get("/healthz")).status_code == (await client.get("/")).status_code == 200
        assert (await client.post(CHAT, json=body(panel, CHAT), headers=door.headers)).status_code == 200


async def test_a_run_and_its_thread_are_their_owner_s_alone(
    ann: LangGraphClient, bob: LangGraphClient, panel: Panel
) -> None:
    thread = (await ann.threads.create())["thread_id"]
    await ann.runs.wait(thread, "fusion", input=asked(), context=panel.context())
    [run] = await ann.runs.list(thread)
    run_id = run["run_id"]

    await refused(404, bob.threads.get(thread))
    await refused(404, bob.threads.get_state(thread))
    await refused(404, bob.threads.get_history(thread))
    await refused(404, bob.threads.update(thread, metadata={"owner": "bob"}))
    await refused(404, bob.threads.update_state(thread, {"messages": []}))
    await refused(409, bob.threads.copy(thread))
    await refused(404, bob.threads.delete(thread))
    await refused(404, bob.runs.get(thread, run_id))
    await refused(404, bob.runs.cancel(thread, run_id))
    await refused(404, bob.runs.delete(thread, run_id))
    await refused(404, bob.runs.wait(thread, "fusion", input=asked(), context=panel.context()))
    await refused(404, bob.runs.create(thread, "fusion", input=asked(), if_not_exists="create"))
    assert thread not in {each["thread_id"] for each in await bob.threads.search(limit=100)}
    assert await bob.threads.search(metadata={"owner": "ann"}) == []
    assert await ann.threads.count() >= 1
    assert await bob.threads.count() == len(await bob.threads.search(limit=100))
    assert (await ann.runs.get(thread, run_id))["status"] == "success"


async def test_another_s_run_cannot_be_listed_joined_or_followed(
    ann: LangGraphClient, bob: LangGraphClient, models: ScriptedServer, panel: Panel
) -> None:
    panel.says("alpha", Text("late", delay=30))
    thread = (await ann.threads.create())["thread_id"]
    run = await ann.runs.create(thread, "fusion", input=asked(), context=panel.context(), stream_resumable=True)
    await models.until(lambda: panel.calls("alpha"), timeout=15)

    assert await heard(ann.runs.join_stream(thread, run["run_id"], last_event_id="-1"))
    assert await heard(bob.runs.join_stream(thread, run["run_id"], last_event_id="-1")) == []
    assert await heard(await bob.threads.join_stream(thread)) == []
    assert not await tried(bob.runs.list(thread))
    assert "messages" not in (await tried(bob.runs.join(thread, run["run_id"])) or {})
    await tried(bob.runs.cancel_many(thread_id=thread, run_ids=[run["run_id"]]))
    await tried(bob.runs.cancel_many(status="all"))
    assert (await ann.runs.get(thread, run["run_id"]))["status"] in ("pending", "running")
    assert models.open_requests > 0
    await ann.runs.cancel(thread, run["run_id"], wait=True)
    await models.until(lambda: models.open_requests == 0, timeout=15)


async def test_a_thread_that_claims_another_owner_is_still_its_maker_s(
    ann: LangGraphClient, bob: LangGraphClient, panel: Panel
) -> None:
    made = await bob.threads.create(metadata={"owner": "somebody", "topic": "tax"})
    assert made["metadata"]["topic"] == "tax"
    mine = made["metadata"]["owner"]
    assert mine != "somebody"
    changed = await bob.threads.update(made["thread_id"], metadata={"owner": "somebody", "topic": "trade"})
    assert (changed["metadata"]["owner"], changed["metadata"]["topic"]) == (mine, "trade")
    await bob.runs.wait(
        made["thread_id"], "fusion", input=asked(), context=panel.context(), metadata={"owner": "somebody"}
    )
    assert (await bob.threads.get(made["thread_id"]))["metadata"]["owner"] == mine
    await refused(404, ann.threads.get(made["thread_id"]))


async def test_a_thread_that_exists_is_not_handed_to_who_asks_for_it_by_its_id(
    ann: LangGraphClient, bob: LangGraphClient
) -> None:
    thread = (await ann.threads.create(metadata={"topic": "tax"}))["thread_id"]
    given = await tried(bob.threads.create(thread_id=thread, if_exists="do_nothing"))
    assert not given or "topic" not in given["metadata"]
    assert (await ann.threads.get(thread))["metadata"]["topic"] == "tax"


async def test_assistants_of_the_graphs_are_everybody_s_and_others_their_maker_s(
    ann: LangGraphClient, bob: LangGraphClient, panel: Panel
) -> None:
    mine = await ann.assistants.create(
        "fusion", context=panel.context(), metadata={"created_by": "system"}, name="mine"
    )
    assistant = mine["assistant_id"]
    assert "created_by" not in mine["metadata"]
    found = {each["assistant_id"] for each in await bob.assistants.search(limit=100)}
    assert assistant not in found
    assert len(found) == 3
    await refused(404, bob.assistants.get(assistant))
    await refused(404, bob.assistants.get_graph(assistant))
    await refused(404, bob.assistants.get_schemas(assistant))
    await refused(404, bob.assistants.get_versions(assistant))
    await refused(404, bob.assistants.update(assistant, name="bob's"))
    await refused(404, bob.assistants.delete(assistant))
    await refused(404, bob.runs.wait(None, assistant, input=asked()))
    assert panel.calls("alpha") == []
    assert (await ann.runs.wait(None, assistant, input=asked()))["messages"]
    await ann.assistants.update(assistant, metadata={"created_by": "system"}, name="still mine")
    await refused(404, bob.assistants.get(assistant))

    [system] = await bob.assistants.search(graph_id="fusion", metadata={"created_by": "system"})
    await refused(404, bob.assistants.update(system["assistant_id"], name="bob's"))
    await refused(404, bob.assistants.delete(system["assistant_id"]))
    assert (await ann.assistants.get(system["assistant_id"]))["name"] == "fusion"


async def test_each_owner_has_a_store_of_their_own(ann: LangGraphClient, bob: LangGraphClient) -> None:
    await ann.store.put_item(["notes"], "a", {"text": "tax"})
    item = await ann.store.get_item(["notes"], "a")
    assert item["value"] == {"text": "tax"}
    theirs = item["namespace"][0]
    for namespace in (["notes"], [theirs, "notes"]):
        assert not await bob.store.get_item(namespace, "a")
        assert (await bob.store.search_items(namespace))["items"] == []
        await bob.store.delete_item(namespace, "a")
    assert (await bob.store.search_items([]))["items"] == []
    listed = [*(await bob.store.list_namespaces())["namespaces"]]
    listed += (await bob.store.list_namespaces(prefix=[theirs]))["namespaces"]
    assert theirs not in {namespace[0] for namespace in listed}
    assert (await ann.store.list_namespaces())["namespaces"] == [[theirs, "notes"]]
    assert (await ann.store.search_items(["notes"]))["items"][0]["value"] == {"text": "tax"}


async def test_scheduled_runs_are_their_owner_s_alone(ann: LangGraphClient, bob: LangGraphClient, panel: Panel) -> None:
    cron: Any = await ann.crons.create("fusion", schedule="0 0 1 1 *", input=asked(), context=panel.context())
    cron_id = cron["cron_id"]
    assert cron_id in {each["cron_id"] for each in await ann.crons.search()}
    assert cron_id not in {each["cron_id"] for each in await bob.crons.search()}
    await refused(404, bob.crons.update(cron_id, enabled=False))
    await refused(404, bob.crons.delete(cron_id))
    await ann.crons.delete(cron_id)


async def test_keys_with_limits_run_where_the_limits_are_kept(
    locked: Locked, people: dict[str, LangGraphClient], panel: Panel
) -> None:
    for name in ("capped", "offline"):
        await refused(403, people[name].runs.wait(None, "fusion", input=asked(), context=panel.context()))
        await refused(403, people[name].crons.create("fusion", schedule="0 0 1 1 *", input=asked()))
    assert panel.calls("alpha") == []
    async with httpx.AsyncClient(base_url=locked.url, timeout=20, trust_env=False) as client:
        answered = await client.post(CHAT, json=body(panel, CHAT), headers=locked.headers("capped"))
        assert answered.json()["fusion"]["receipt"]["limits"]["max_cost_usd"] == 5.0
        assert (await client.post(CHAT, json=body(panel, CHAT), headers=locked.headers("offline"))).status_code == 403


@pytest.mark.parametrize("name", ["capped", "offline"])
async def test_a_limited_key_starts_no_run_by_the_server_s_other_protocols(
    locked: Locked, models: ScriptedServer, name: str
) -> None:
    before = len(models.calls)
    said = {"role": "user", "content": "Is it?"}
    part = {"role": "user", "messageId": "1", "parts": [{"kind": "text", "text": "Is it?"}]}
    headers = {**locked.headers(name), "accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(base_url=locked.url, headers=headers, timeout=10, trust_env=False) as client:
        graphs = (await client.post("/assistants/search", json={"graph_id": "fusion"})).json()
        called = {"name": "fusion", "arguments": {"messages": [said]}}
        for path, method, params in (
            ("/mcp", "tools/call", called),
            (f"/a2a/{graphs[0]['assistant_id']}", "message/send", {"message": part}),
        ):
            told = await client.post(path, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            assert (told.status_code, "spending limit" in told.text) == (403, True), (path, told.text)
    assert len(models.calls) == before


async def test_models_that_the_operator_does_not_offer_are_refused_at_every_door(
    locked: Locked, ann: LangGraphClient, panel: Panel
) -> None:
    bad = panel.context("acme/other", panel.model("beta"))
    await refused(403, ann.runs.wait(None, "fusion", input=asked(), context=bad))
    await refused(403, ann.runs.wait(None, "fusion", input=asked(), config={"configurable": bad}))
    await refused(403, ann.assistants.create("fusion", context=bad))
    await refused(403, ann.crons.create("fusion", schedule="0 0 1 1 *", input=asked(), context=bad))
    assert panel.calls("beta") == []
    asking = {**body(panel, CHAT), "model": "acme/other"}
    async with httpx.AsyncClient(base_url=locked.url, headers=locked.headers("ann"), trust_env=False) as client:
        assert (await client.post(CHAT, json=asking)).json()["error"]["code"] == "model_not_allowed"


async def test_a_key_s_rate_holds_for_both_apis_together(locked: Locked) -> None:
    headers = locked.headers("slow")
    async with httpx.AsyncClient(base_url=locked.url, headers=headers, trust_env=False) as client:
        assert (await client.get("/v1/models")).status_code == 200
        assert (await client.post("/assistants/search", json={})).status_code == 200
        for method, path in (("GET", "/v1/models"), ("POST", "/assistants/search")):
            told = await client.request(method, path, json={})
            assert told.status_code == 429
            assert 1 <= int(told.headers["retry-after"]) <= 61


async def test_responses_of_one_key_are_not_there_for_another(locked: Locked, panel: Panel) -> None:
    async with httpx.AsyncClient(base_url=locked.url, timeout=20, trust_env=False) as client:
        made = await client.post("/v1/responses", json=body(panel, "/v1/responses"), headers=locked.headers("ann"))
        for path in (f"/v1/responses/{made.json()['id']}", f"/v1/generation?id={made.json()['id']}"):
            assert (await client.get(path, headers=locked.headers("bob"))).status_code == 404
            assert (await client.get(path, headers=locked.headers("ann"))).status_code == 200


async def test_without_any_key_this_machine_and_studio_are_served_and_nobody_else(langgraph: LangGraphDev) -> None:
    studio = {"origin": "https://smith.langchain.com"}
    async with httpx.AsyncClient(base_url=langgraph.url, trust_env=False) as client:
        for headers, status in (
            ({}, 200),
            (studio, 200),
            ({"origin": "https://evil.example"}, 403),
            ({"origin": "https://evil.example", "x-auth-scheme": "langsmith"}, 403),
            ({"host": "evil.example"}, 401),
        ):
            answered = await client.post("/assistants/search", json={}, headers=headers)
            assert answered.status_code == status, headers
        asks = {"access-control-request-method": "POST", "access-control-request-headers": "content-type,x-auth-scheme"}
        allowed = await client.options("/assistants/search", headers={**studio, **asks})
        assert allowed.headers["access-control-allow-origin"] == studio["origin"]


async def test_one_document_describes_both_apis(langgraph: LangGraphDev) -> None:
    async with httpx.AsyncClient(base_url=langgraph.url, trust_env=False) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    assert {"/v1/chat/completions", "/v1/responses", "/threads", "/runs/wait"} <= set(paths)

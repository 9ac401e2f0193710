"""Two keys on one server: nothing of one is seen, changed or guessed by the other, at whichever endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_house import ANSWER, FUSE, QUESTION, WRITER, script, serving
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from fusion_graph import Resources
from fusion_graph.server.app import create_app
from fusion_graph.server.database import opened
from fusion_graph.server.keys import Keys
from fusion_graph.server.settings import ServerSettings
from fusion_graph.testing import ScriptedServer, Text, Usage

SECRET = "alice-asks-of-the-merger"
RUN = {"model": WRITER, "plugins": [FUSE]}
PUBLIC = {"/healthz", "/readyz", "/", "/assets/{path:path}", "/openapi.json"}
"""Served without a key: they tell of no one."""


@dataclass
class Tenants:
    """A server with two keys, and what the first one has made.

    Attributes:
        app: The app.
        alice: A client with the first key.
        bob: A client with the second.
        made: Ids of what Alice has, by the name of the path's parameter.
    """

    app: FastAPI
    alice: httpx.AsyncClient
    bob: httpx.AsyncClient
    made: dict[str, str]


@pytest.fixture
def running(server: ScriptedServer, resources: Resources, tmp_path: Path) -> Iterator[tuple[FastAPI, str, list[str]]]:
    script(server)
    settings = ServerSettings(database=str(tmp_path / "server.sqlite"))
    secrets = asyncio.run(_keys(settings))
    app = create_app(settings, resources)
    with serving(app) as url:
        yield app, url, secrets


async def _keys(settings: ServerSettings) -> list[str]:
    async with opened(settings) as database:
        return [(await Keys(database).add(name))[1] for name in ("alice", "bob")]


@pytest.fixture
async def tenants(running: tuple[FastAPI, str, list[str]]) -> AsyncIterator[Tenants]:
    app, url, secrets = running
    first, second = ({"authorization": f"Bearer {secret}"} for secret in secrets)
    async with (
        httpx.AsyncClient(base_url=url, headers=first, timeout=30) as alice,
        httpx.AsyncClient(base_url=url, headers=second, timeout=30) as bob,
    ):
        yield Tenants(app, alice, bob, await _made_by(alice))


async def _made_by(alice: httpx.AsyncClient) -> dict[str, str]:
    headers = {"idempotency-key": "one"}
    asked = {**RUN, "input": f"{QUESTION} {SECRET}", "metadata": {"note": SECRET}}
    response = (await alice.post("/v1/responses", json=asked, headers=headers)).raise_for_status().json()
    said = {"role": "user", "content": SECRET}
    made = await alice.post("/v1/conversations", json={"items": [said], "metadata": {"note": SECRET}})
    conversation = made.raise_for_status().json()
    items = (await alice.get(f"/v1/conversations/{conversation['id']}/items")).raise_for_status().json()
    return {
        "response_id": response["id"],
        "conversation_id": conversation["id"],
        "item_id": items["data"][0]["id"],
        "id": response["id"],
    }


def _own(path: str) -> bool:
    return ("{" in path and "{model" not in path) or path == "/v1/generation"


SAFE: dict[tuple[str, str], str] = {
    ("POST", "/v1/chat/completions"): "makes something of the caller's own",
    ("POST", "/v1/messages"): "makes something of the caller's own",
    ("POST", "/v1/responses"): "makes something of the caller's own; what it goes on from is tested by itself",
    ("POST", "/v1/estimate"): "makes nothing; what it goes on from is tested by itself",
    ("POST", "/v1/conversations"): "makes something of the caller's own",
    ("GET", "/v1/responses"): "a list; tested by itself",
    ("GET", "/v1/models"): "what the key may name",
    ("GET", "/v1/models/{model}"): "what the key may name",
    ("GET", "/v1/metrics"): "counts of all keys together, for the operator",
    ("GET", "/metrics"): "counts of all keys together, for the operator",
}
"""Endpoints that name nothing of anybody's, and why; a new endpoint is either of this kind or has an owner."""
BODIES: dict[str, Any] = {
    "/v1/conversations/{conversation_id}": {"metadata": {"note": "bob's"}},
    "/v1/conversations/{conversation_id}/items": {"items": [{"role": "user", "content": "bob's"}]},
}


def endpoints(app: FastAPI) -> list[tuple[str, str]]:
    """Every method and path of the app, whether documented or not."""
    found = [
        (method, str(route.path).replace(":path}", "}"))
        for route in iter_route_contexts(app.routes)
        for method in sorted(getattr(route, "methods", None) or ())
        if str(route.path) not in PUBLIC and method not in ("HEAD", "OPTIONS")
    ]
    return [each for each in found if each[1] != "/mcp"]


async def test_every_endpoint_needs_a_key_or_is_known_to_tell_of_no_one(tenants: Tenants) -> None:
    documented = {
        (method.upper(), path) for path, methods in tenants.app.openapi()["paths"].items() for method in methods
    }
    served = set(endpoints(tenants.app))
    assert documented <= served
    async with httpx.AsyncClient(base_url=str(tenants.alice.base_url)) as nobody:
        for method, path in [*served, ("POST", "/mcp")]:
            url = path.format(model="m", **tenants.made)
            query = {"id": "x"} if path == "/v1/generation" else None
            assert (await nobody.request(method, url, params=query, json={})).status_code == 401, f"{method} {path}"


async def test_what_a_key_made_is_not_there_for_another_at_any_endpoint(tenants: Tenants) -> None:
    before = await _seen_by(tenants.alice, tenants.made)
    for method, path in endpoints(tenants.app):
        if (method, path) in SAFE:
            continue
        assert _own(path), f"{method} {path} is new: say in SAFE why it needs no owner, or give it one"
        query = {"id": tenants.made["id"]} if path == "/v1/generation" else None
        body = BODIES.get(path, {}) if method == "POST" else None
        answer = await tenants.bob.request(method, path.format(**tenants.made), params=query, json=body)
        assert answer.status_code == 404, f"{method} {path}: {answer.text}"
        missing = {name: "x" + value[1:] for name, value in tenants.made.items()}
        query = {"id": missing["id"]} if path == "/v1/generation" else None
        absent = await tenants.bob.request(method, path.format(**missing), params=query, json=body)
        told = _without(absent.text, missing)
        assert (absent.status_code, told) == (404, _without(answer.text, tenants.made)), "as what is not there"
    assert await _seen_by(tenants.alice, tenants.made) == before, "and nothing of it was changed"


def _without(text: str, ids: dict[str, str]) -> str:
    for one in ids.values():
        text = text.replace(one, "")
    return text


async def _seen_by(client: httpx.AsyncClient, made: dict[str, str]) -> list[Any]:
    return [
        (await client.get(path.format(**made))).raise_for_status().json()
        for path in (
            "/v1/responses/{response_id}",
            "/v1/responses/{response_id}/input_items",
            "/v1/generation?id={id}",
            "/v1/conversations/{conversation_id}",
            "/v1/conversations/{conversation_id}/items",
        )
    ]


async def test_lists_hold_the_caller_s_own_alone(tenants: Tenants) -> None:
    assert (await tenants.bob.get("/v1/responses")).json()["data"] == []
    assert [each["id"] for each in (await tenants.alice.get("/v1/responses")).json()["data"]] == [
        tenants.made["response_id"]
    ]
    after = await tenants.bob.get("/v1/responses", params={"after": tenants.made["response_id"]})
    assert after.status_code == 404


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/estimate"])
@pytest.mark.parametrize("field", ["previous_response_id", "conversation"])
async def test_nobody_goes_on_from_what_is_another_s(tenants: Tenants, path: str, field: str) -> None:
    named = tenants.made["response_id" if field == "previous_response_id" else "conversation_id"]
    for value in [named, {"id": named}] if field == "conversation" else [named]:
        refused = await tenants.bob.post(path, json={**RUN, "input": "Why?", field: value})
        assert refused.status_code == 404, refused.text
        assert SECRET not in refused.text
    taken = await tenants.alice.post(path, json={**RUN, "input": "Why?", field: named})
    assert taken.status_code == 200


async def test_an_idempotency_key_is_its_owner_s(tenants: Tenants) -> None:
    headers = {"idempotency-key": "one"}
    asked = {**RUN, "input": f"{QUESTION} {SECRET}", "metadata": {"note": SECRET}}
    statuses = []
    for path, body in (("/v1/responses", asked), ("/v1/responses", {**RUN, "input": "another"})):
        answer = await tenants.bob.post(path, json=body, headers=headers)
        assert "idempotent-replayed" not in answer.headers
        assert answer.json().get("id") != tenants.made["response_id"]
        statuses.append(answer.status_code)
    assert statuses == [200, 422], "Alice's key means nothing; Bob's own is used up by his first request"


async def test_costs_are_counted_per_key(tenants: Tenants, server: ScriptedServer) -> None:
    server.on(WRITER, Text(ANSWER, usage=Usage(10, 5, cost=0.25)))
    asked = {**RUN, "messages": [{"role": "user", "content": QUESTION}]}
    made = (await tenants.bob.post("/v1/chat/completions", json=asked)).json()
    settings: ServerSettings = tenants.app.state.services.settings
    async with opened(settings) as database:
        keys = Keys(database)
        spent = {key.name: await keys.spent(key) for key in await keys.all()}
    assert (spent["bob"], spent["alice"]) == (pytest.approx(0.25), 0)
    told = await tenants.bob.get("/v1/generation", params={"id": made["id"]})
    assert told.json()["data"]["total_cost"] == 0.25
    assert (await tenants.alice.get("/v1/generation", params={"id": made["id"]})).status_code == 404

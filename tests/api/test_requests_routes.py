"""`/v1/models`, `/v1/estimate` and the OpenAPI document."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from request_desk import ASKED, FUNCTION, QUESTION, Desk, plugin

from fusion_graph import Resources
from fusion_graph.server.engine import LocalEngine
from fusion_graph.server.error_responses import handle_errors
from fusion_graph.server.metrics import Metrics
from fusion_graph.server.openapi import install_openapi
from fusion_graph.server.openapi_examples import CHAT, MESSAGES, RESPONSES
from fusion_graph.server.principal import Principal
from fusion_graph.server.routes import chat, estimate, messages, models, responses_create
from fusion_graph.server.services import OpenGate, Services
from fusion_graph.server.settings import ServerSettings
from fusion_graph.testing import ScriptedServer


class NamedGate(OpenGate):
    """An open gate with one client behind it."""

    def __init__(self, principal: Principal) -> None:
        self.visitor = principal

    async def principal(self, connection: Any) -> Principal:
        return self.visitor


def app_of(desk: Desk) -> FastAPI:
    """The routes, for one client."""
    app = FastAPI(title="fusion-graph")
    handle_errors(app)
    for routes in (chat, responses_create, messages, models, estimate):
        app.include_router(routes.router)
    install_openapi(app)
    resources = desk.kit.resources
    gate = NamedGate(desk.principal)
    app.state.services = Services(desk.settings, resources, desk.kit, LocalEngine(resources), gate, Metrics())
    return app


def client_of(desk: Desk) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app_of(desk)), base_url="http://test")


@pytest.fixture
async def client(resources: Resources) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(Desk(resources)) as connected:
        yield connected


async def listed(desk: Desk) -> dict[str, dict[str, Any]]:
    async with client_of(desk) as client:
        answer = (await client.get("/v1/models")).raise_for_status().json()
    assert (answer["object"], answer["total_count"]) == ("list", len(answer["data"]))
    return {entry["id"]: entry for entry in answer["data"]}


async def test_models_are_the_slugs_and_what_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "k")
    found = await listed(Desk(Resources()))
    assert list(found)[:2] == ["openrouter/fusion", "openrouter/fusion-flash"]
    assert {"fusion/general-high", "fusion/general-budget", "fusion/general-fast", "fusion/offline"} < set(found)
    opus = found["~anthropic/claude-opus-latest"]
    assert float(opus["pricing"]["prompt"]) > 0
    assert float(opus["pricing"]["completion"]) > float(opus["pricing"]["prompt"])
    assert opus["owned_by"] == "anthropic"
    fusion = found["openrouter/fusion"]["fusion"]
    assert (fusion["preset"], fusion["mode"], fusion["judge"]) == (
        "general-high",
        "auto",
        "~anthropic/claude-opus-latest",
    )
    assert [seat["id"] for seat in fusion["panel"]] == ["seat-1", "seat-2", "seat-3"]
    assert "openai:gpt-5.5" not in found
    assert not any(name.startswith("offline:") for name in found)
    assert "tools" in found["openrouter/fusion"]["supported_parameters"]


async def test_what_is_not_known_is_null_and_a_price_minus_one(resources: Resources) -> None:
    found = await listed(Desk(resources))
    entry = found["~anthropic/claude-opus-latest"]
    assert (entry["pricing"], entry["context_length"]) == ({"prompt": "-1", "completion": "-1"}, None)
    assert found["openrouter/fusion"]["pricing"] == {"prompt": "-1", "completion": "-1"}


async def test_the_list_ends_where_the_clients_rights_do(resources: Resources) -> None:
    limited = await listed(Desk(resources, presets=("general-fast",)))
    slugs = [name for name in limited if "fusion" in name]
    assert slugs == ["openrouter/fusion", "openrouter/fusion-flash", "fusion/general-fast"]
    assert limited["openrouter/fusion"]["fusion"]["preset"] == "general-fast"
    assert "~anthropic/claude-opus-latest" not in limited
    allowed = await listed(Desk(resources, ServerSettings(allowed_models=("acme/alpha", "acme/b*"))))
    assert [name for name in allowed if "fusion" not in name] == ["acme/alpha"]


async def test_one_model_is_told_of(client: httpx.AsyncClient) -> None:
    for name in ("openrouter/fusion", "fusion/offline", "~openai/gpt-latest", "acme/alpha"):
        assert (await client.get(f"/v1/models/{name}")).json()["id"] == name
    missing = await client.get("/v1/models/local:x.gguf")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")


async def test_an_estimate_asks_no_model(server: ScriptedServer, client: httpx.AsyncClient) -> None:
    told = (await client.post("/v1/estimate", json={"model": "fusion/general-fast", "messages": ASKED})).json()
    assert (told["object"], told["graph"], told["surface"]) == ("estimate", "fusion", "slug")
    assert [part["part"] for part in told["parts"]] == ["seat-1", "seat-2", "seat-3", "judge", "writer"]
    assert told["cost_usd"] is None
    assert told["unpriced"]
    assert not server.calls


async def test_an_estimate_knows_the_prices_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "k")
    async with client_of(Desk(Resources())) as client:
        body = {"model": "openrouter/fusion", "input": QUESTION, "plugins": plugin(tools=[])}
        decides = (await client.post("/v1/estimate", json=body)).json()
        forced = (await client.post("/v1/estimate", json={**body, "tool_choice": {"type": "openrouter:fusion"}})).json()
        alone = (await client.post("/v1/estimate", json={"model": "~openai/gpt-latest", "messages": ASKED})).json()
    assert 0 < decides["cost_usd"]["low"] < decides["cost_usd"]["high"]
    assert forced["calls"]["low"] > decides["calls"]["low"]
    assert [part["part"] for part in alone["parts"]] == ["caller"]


@pytest.mark.parametrize("body", [{}, {"model": "a/b"}, {"messages": ASKED, "input": "x"}, {"messages": [], "n": 3}])
async def test_an_estimate_refuses_what_the_endpoints_refuse(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await client.post("/v1/estimate", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"]


async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    told: dict[str, Any] = (await client.get("/openapi.json")).raise_for_status().json()
    return told


async def test_the_document_describes_every_body_that_is_read(client: httpx.AsyncClient) -> None:
    told = await document(client)
    assert told["openapi"].startswith("3.1")
    for path, model in {
        "/v1/chat/completions": "ChatRequest",
        "/v1/responses": "ResponsesRequest",
        "/v1/messages": "MessagesRequest",
    }.items():
        body = told["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert body["schema"] == {"$ref": f"#/components/schemas/{model}"}
        assert body["examples"]
    assert {"/v1/models", "/v1/models/{model}", "/v1/estimate"} < set(told["paths"])
    text = json.dumps(told)
    named = set(told["components"]["schemas"])
    assert {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]} <= named


@pytest.mark.parametrize(
    ("model", "examples"), [("ChatRequest", CHAT), ("ResponsesRequest", RESPONSES), ("MessagesRequest", MESSAGES)]
)
async def test_the_documents_schemas_take_its_examples(
    client: httpx.AsyncClient, model: str, examples: dict[str, Any]
) -> None:
    told = await document(client)
    schema = {"$ref": f"#/components/schemas/{model}", "components": told["components"]}
    validator = Draft202012Validator(schema)
    for example in examples.values():
        assert list(validator.iter_errors(example)) == []
    assert list(validator.iter_errors({**next(iter(examples.values())), "unheard_of": 1}))


async def test_the_schema_and_the_server_agree_on_bounds(client: httpx.AsyncClient) -> None:
    told = await document(client)
    validator = Draft202012Validator({"$ref": "#/components/schemas/ChatRequest", "components": told["components"]})
    for wrong in (
        {"n": 2},
        {"temperature": 3},
        {"plugins": plugin(max_tool_calls=17)},
        {"plugins": plugin(analysis_models=["a/b"] * 9)},
        {"tools": [{**FUNCTION, "type": "custom"}]},
        {"messages": [{"role": "narrator", "content": "x"}]},
    ):
        body = {"model": "openrouter/fusion", "messages": ASKED, **wrong}
        assert list(validator.iter_errors(body)), wrong
        assert (await client.post("/v1/chat/completions", json=body)).status_code == 400


def test_settings_of_clients_prompts_are_off() -> None:
    assert ServerSettings().client_prompts is False
    assert "client_prompts" in {each.name for each in dataclasses.fields(ServerSettings)}
    assert ServerSettings.from_env({"FUSION_SERVER_CLIENT_PROMPTS": "true"}).client_prompts is True

"""Clients that go away, read slowly, or send what cannot be read."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from typing import Any

import httpx
import pytest
from api_house import ALPHA, AUTO, BETA, WRITER, Api
from langchain_core.messages import HumanMessage

from fusion_graph import FusionConfig, Resources
from fusion_graph.server.engine import LocalEngine
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.run_events import SeatAdded
from fusion_graph.testing import ScriptedServer, Text

PATHS = ("/v1/chat/completions", "/v1/responses", "/v1/messages")


def asked(api: Api, path: str, **more: Any) -> dict[str, Any]:
    if path == "/v1/responses":
        return api.asks(**more)
    return api.body(**more, **({"max_tokens": 500} if path == "/v1/messages" else {}))


def held_up(api: Api) -> None:
    for model in (ALPHA, BETA):
        api.models.on(model, Text("late", delay=30))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_client_that_goes_away_takes_its_run_with_it_down_to_the_models(
    api: Api, client: httpx.AsyncClient, path: str, streamed: bool
) -> None:
    held_up(api)
    request = asyncio.create_task(client.post(path, json=asked(api, path, stream=streamed)))
    await api.models.until(lambda: api.models.open_requests == 2)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    await api.models.until(lambda: api.models.open_requests == 0)
    assert all(call.disconnected for call in api.models.calls)
    await api.models.until(lambda: api.kept.generations)
    [(_, record)] = api.kept.generations
    assert (record["cancelled"], record["total_cost"]) == (True, None)
    assert api.kept.responses == []


async def test_a_client_that_goes_away_while_the_writer_writes_stops_it(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(WRITER, Text("one two three four five", chunk_delay=0.5))
    async with client.stream("POST", "/v1/chat/completions", json=api.body(stream=True)) as response:
        async for line in response.aiter_lines():
            if '"content":"' in line:
                break
    await api.models.until(lambda: all(call.disconnected for call in api.models.calls_of(WRITER)))


async def test_nothing_is_left_of_clients_that_go_away(api: Api, client: httpx.AsyncClient) -> None:
    held_up(api)

    async def leave(at: int) -> None:
        request = asyncio.create_task(client.post(PATHS[at % 3], json=asked(api, PATHS[at % 3], stream=at % 2 == 0)))
        await asyncio.sleep(0.02 * at)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)

    before = threading.active_count()
    await asyncio.gather(*[leave(at) for at in range(12)])
    await api.models.until(lambda: api.models.open_requests == 0)
    assert (await client.post("/v1/chat/completions", json=api.body(plugins=[AUTO]))).status_code == 200
    assert threading.active_count() <= before + 10, "only the pool for blocking work may have grown"


async def test_closing_the_engine_s_stream_cancels_the_run(server: ScriptedServer, resources: Resources) -> None:
    server.on(ALPHA, Text("late", delay=30))
    config = FusionConfig(panel=[ALPHA], judge=ALPHA, writer=ALPHA, tools=[])
    plan = RunPlan("fusion", config, [HumanMessage("q?")], ALPHA, "plugin", "anonymous")
    events = LocalEngine(resources).stream(plan)
    async for event in events:
        if isinstance(event, SeatAdded):
            break
    await server.until(lambda: server.open_requests == 1)
    await events.aclose()
    await server.until(lambda: all(call.disconnected for call in server.calls))
    gc.collect()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"a": NaN}', b"[" * 50_000, b'{"model":"\\ud800"}']
)
async def test_a_body_that_is_no_json_object_is_refused(client: httpx.AsyncClient, path: str, content: bytes) -> None:
    response = await client.post(path, content=content)
    assert response.status_code == 400
    assert response.json()["error"]["message"]


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient, announced: bool) -> None:
    async def pieces() -> Any:
        for _ in range(40):
            yield b" " * 10_000

    content: Any = b" " * 400_000 if announced else pieces()
    response = await client.post("/v1/chat/completions", content=content)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")


async def test_halves_of_an_emoji_do_not_break_the_answer(api: Api, client: httpx.AsyncClient) -> None:
    body = json.dumps(api.asks(metadata={"mark": "\ud83d"}))
    response = await client.post("/v1/responses", content=body)
    assert response.status_code == 200
    assert response.json()["metadata"] == {"mark": "\ufffd"}


async def test_what_is_not_there_is_told_in_the_same_shape(client: httpx.AsyncClient) -> None:
    missing = await client.get("/v1/nothing")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    wrong = await client.put("/v1/chat/completions")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    assert "POST" in wrong.headers["allow"]


async def test_a_fault_of_ours_tells_the_client_nothing_and_the_log_no_prompt(
    api: Api, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hidden = "a " + "secret"

    async def broken(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError(hidden)

    monkeypatch.setattr(api.kept, "put_generation", broken)
    for streamed in (False, True):
        response = await client.post("/v1/chat/completions", json=api.body(stream=streamed))
        assert "internal_error" in response.text or "its log says more" in response.text
        assert "secret" not in response.text
        assert response.status_code == (200 if streamed else 500)
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text

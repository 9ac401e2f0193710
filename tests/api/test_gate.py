"""Who may enter, and how much at once: over real HTTP, with real keys in a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_house import ALPHA, ANSWER, FUSE, QUESTION, WRITER, script, serving

from fusion_graph import Resources
from fusion_graph.server.app import create_app
from fusion_graph.server.database import opened
from fusion_graph.server.keys import Key, Keys
from fusion_graph.server.settings import ServerSettings
from fusion_graph.testing import ScriptedServer, Text, Usage


@pytest.fixture
def settings(tmp_path: Path) -> ServerSettings:
    return ServerSettings(database=str(tmp_path / "server.sqlite"), max_runs=3, max_runs_per_key=2)


@pytest.fixture
def url(server: ScriptedServer, resources: Resources, settings: ServerSettings) -> Iterator[str]:
    script(server)
    with serving(create_app(settings, resources)) as address:
        yield address


async def key(settings: ServerSettings, name: str = "laptop", **limits: Any) -> dict[str, str]:
    async with opened(settings) as database:
        _, secret = await Keys(database).add(name, **limits)
    return {"authorization": f"Bearer {secret}"}


async def spent(settings: ServerSettings, name: str = "laptop") -> float:
    async with opened(settings) as database:
        keys = Keys(database)
        held: Key = next(one for one in await keys.all() if one.name == name)
        return await keys.spent(held)


def body(**facts: Any) -> dict[str, Any]:
    return {"model": WRITER, "messages": [{"role": "user", "content": QUESTION}], "plugins": [FUSE], **facts}


async def ask(url: str, headers: dict[str, str] | None = None, **facts: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        return await client.post("/v1/chat/completions", json=body(**facts), headers=headers or {})


async def test_without_any_key_this_machine_is_served(url: str):
    answered = await ask(url)
    assert answered.status_code == 200
    assert answered.json()["choices"][0]["message"]["content"] == ANSWER


async def test_from_the_first_key_on_everybody_needs_one(url: str, settings: ServerSettings, server: ScriptedServer):
    mine = await key(settings)
    for headers, code in (({}, "missing_api_key"), ({"authorization": "Bearer fg-0-0"}, "invalid_api_key")):
        refused = await ask(url, headers)
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == code
    assert server.calls == []
    assert (await ask(url, mine)).status_code == 200
    assert (await ask(url, {"x-api-key": mine["authorization"].split()[1]})).status_code == 200


async def test_a_revoked_key_is_refused_at_once(url: str, settings: ServerSettings):
    mine = await key(settings)
    assert (await ask(url, mine)).status_code == 200
    async with opened(settings) as database:
        await Keys(database).revoke("laptop")
    assert (await ask(url, mine)).json()["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:80", "origin": "http://evil.example"},
        {"x-forwarded-for": "203.0.113.7"},
        {"forwarded": "for=203.0.113.7"},
    ],
)
async def test_without_a_key_a_name_that_only_points_here_or_a_proxy_is_not_this_machine(
    url: str, headers: dict[str, str]
):
    refused = await ask(url, headers)
    assert refused.status_code == 401
    assert "fusion keys add" in refused.json()["error"]["message"]


async def test_without_a_key_a_page_from_elsewhere_cannot_spend_money(url: str, server: ScriptedServer):
    refused = await ask(url, {"origin": "https://evil.example"})
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "origin_not_allowed"
    assert server.calls == []
    assert (await ask(url, {"origin": url})).status_code == 200


async def test_a_key_s_rate_is_held_with_retry_after(url: str, settings: ServerSettings):
    mine, other = await key(settings, per_minute=2), await key(settings, "phone")
    assert [(await ask(url, mine)).status_code for _ in range(3)] == [200, 200, 429]
    refused = await ask(url, mine)
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert (await ask(url, other)).status_code == 200


async def test_a_key_spends_no_more_than_its_limit(url: str, settings: ServerSettings, server: ScriptedServer):
    mine = await key(settings, limit_usd=0.05)
    for model in (ALPHA, WRITER):
        server.on(model, Text(ANSWER, usage=Usage(cost=0.03)))
    assert (await ask(url, mine)).status_code == 200
    assert await spent(settings) == pytest.approx(0.06)
    refused = await ask(url, mine)
    assert refused.status_code == 402
    assert refused.json()["error"]["code"] == "spending_limit_reached"
    assert "0.06" in refused.json()["error"]["message"]


async def test_a_run_gets_what_is_left_as_its_own_limit(url: str, settings: ServerSettings):
    mine = await key(settings, limit_usd=0.5)
    answered = (await ask(url, mine)).json()
    assert answered["fusion"]["receipt"]["limits"]["max_cost_usd"] == 0.5


async def test_a_key_for_some_presets_opens_no_other_model(url: str, settings: ServerSettings):
    mine = await key(settings, presets=("offline",))
    assert (await ask(url, mine)).status_code == 403


async def test_runs_above_the_key_s_and_the_server_s_room_are_refused_at_once(
    url: str, settings: ServerSettings, server: ScriptedServer
):
    mine, other = await key(settings), await key(settings, "phone")
    server.on(ALPHA, Text("It does.", delay=1.5))
    under_way = [asyncio.create_task(ask(url, mine)) for _ in range(2)]
    await _reached(server, 2)
    crowded = await ask(url, mine)
    assert (crowded.status_code, crowded.json()["error"]["code"]) == (429, "too_many_runs")
    under_way.append(asyncio.create_task(ask(url, other)))
    await _reached(server, 3)
    full = await ask(url, other)
    assert (full.status_code, full.json()["error"]["code"]) == (503, "overloaded")
    assert int(full.headers["retry-after"]) >= 1
    assert [(await one).status_code for one in under_way] == [200, 200, 200]
    assert (await ask(url, mine)).status_code == 200


async def _reached(server: ScriptedServer, runs: int) -> None:
    async with asyncio.timeout(10):
        while len(server.calls_of(ALPHA)) < runs:  # noqa: ASYNC110 - another thread's list
            await asyncio.sleep(0.02)


async def test_a_run_whose_client_goes_away_is_paid_for_by_its_key(
    url: str, settings: ServerSettings, server: ScriptedServer
):
    mine = await key(settings, limit_usd=5.0)
    server.on(ALPHA, Text("It does.", usage=Usage(cost=0.04)))
    server.on(WRITER, Text(ANSWER, delay=30.0))
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await client.post("/v1/chat/completions", json=body(), headers=mine)
    await server.until(lambda: server.open_requests == 0)
    async with asyncio.timeout(10):
        while await spent(settings) < 0.04:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    assert await spent(settings) < 5.0

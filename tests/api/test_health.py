"""`/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

from pathlib import Path

import httpx
from api_house import ALPHA, FUSE, QUESTION, WRITER, Api, script, serving

from fusion_graph import Resources
from fusion_graph.server.app import create_app
from fusion_graph.server.database import opened
from fusion_graph.server.keys import Keys
from fusion_graph.server.settings import ServerSettings
from fusion_graph.testing import Fault, ScriptedServer, Text, Usage

BODY = {"model": WRITER, "messages": [{"role": "user", "content": QUESTION}], "plugins": [FUSE]}


async def test_health_and_readiness_are_told_without_a_key(api: Api, client: httpx.AsyncClient):
    for path in ("/healthz", "/readyz"):
        answered = await client.get(path)
        assert (answered.status_code, answered.json()) == (200, {"status": "ok"})


async def test_what_runs_cost_and_how_they_ended_is_counted(api: Api, client: httpx.AsyncClient):
    api.models.on(WRITER, Text("Yes.", usage=Usage(cost=0.25)))
    api.models.on(ALPHA, Fault(500))
    await client.post("/v1/chat/completions", json=BODY)
    told = (await client.get("/metrics")).text
    assert 'fusion_runs_total{graph="fusion",reason="",status="ok"} 1.0' in told
    assert 'fusion_seats_total{outcome="failed"} 1.0' in told
    assert 'fusion_cost_usd_total{for_what="models"} 0.25' in told
    assert "fusion_runs_of_unknown_cost_total 1.0" in told
    assert 'fusion_http_requests_total{route="/v1/chat/completions",status="200"} 1.0' in told
    assert "fusion_runs_in_progress 0.0" in told
    assert QUESTION not in told


async def test_a_path_that_is_no_route_is_not_kept_as_a_label(api: Api, client: httpx.AsyncClient):
    await client.get("/v1/some-secret-path")
    told = (await client.get("/v1/metrics")).text
    assert "some-secret-path" not in told
    assert 'fusion_http_requests_total{route="none",status="404"} 1.0' in told


async def test_metrics_need_a_key_where_there_are_keys(server: ScriptedServer, resources: Resources, tmp_path: Path):
    script(server)
    settings = ServerSettings(database=str(tmp_path / "s.sqlite"))
    async with opened(settings) as database:
        _, secret = await Keys(database).add("prometheus")
    with serving(create_app(settings, resources)) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/metrics")).status_code == 401
            assert (await client.get("/healthz")).status_code == 200
            allowed = await client.get("/metrics", headers={"authorization": f"Bearer {secret}"})
            assert allowed.status_code == 200


async def test_metrics_can_be_made_public(server: ScriptedServer, resources: Resources, tmp_path: Path):
    settings = ServerSettings(database=str(tmp_path / "s.sqlite"), public_metrics=True)
    async with opened(settings) as database:
        await Keys(database).add("somebody")
    with serving(create_app(settings, resources)) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/metrics")).status_code == 200


async def test_pages_of_an_allowed_origin_may_call_and_no_others(
    server: ScriptedServer, resources: Resources, tmp_path: Path
):
    script(server)
    settings = ServerSettings(database=str(tmp_path / "s.sqlite"), cors_origins=("https://ours.example",))
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    with serving(create_app(settings, resources)) as url:
        async with httpx.AsyncClient(base_url=url, timeout=20) as client:
            ours = await client.options("/v1/chat/completions", headers={"origin": "https://ours.example", **asks})
            assert ours.headers["access-control-allow-origin"] == "https://ours.example"
            theirs = await client.options("/v1/chat/completions", headers={"origin": "https://evil.example", **asks})
            assert "access-control-allow-origin" not in theirs.headers
            answered = await client.post("/v1/chat/completions", json=BODY, headers={"origin": "https://ours.example"})
            assert answered.status_code == 200

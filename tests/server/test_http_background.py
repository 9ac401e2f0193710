"""Background runs, retries and continuity inside LangGraph Server: the same behaviour, on its own threads and runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from langgraph_dev import LangGraphDev
from langgraph_sdk.client import LangGraphClient
from scripted_panel import QUESTION, Panel

from fusion_graph.testing import Fault, Text

ENDED = ("completed", "incomplete", "failed", "cancelled")


@pytest.fixture
async def http(langgraph: LangGraphDev) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=langgraph.url, timeout=30, trust_env=False) as connected:
        yield connected


def asks(panel: Panel, **more: Any) -> dict[str, Any]:
    seats = [panel.model("alpha"), panel.model("beta")]
    plugin = {"id": "fusion", "mode": "fuse", "analysis_models": seats, "model": panel.model("judge"), "tools": []}
    return {"model": panel.model("writer"), "input": QUESTION, "plugins": [plugin], **more}


async def created(http: httpx.AsyncClient, panel: Panel, **more: Any) -> dict[str, Any]:
    response = await http.post("/v1/responses", json=asks(panel, **more))
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


async def ended(http: httpx.AsyncClient, response_id: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            told: dict[str, Any] = (await http.get(f"/v1/responses/{response_id}")).json()
            if told["status"] in ENDED:
                return told
            await asyncio.sleep(0.1)


async def followed(http: httpx.AsyncClient, response_id: str, after: int = -1) -> list[dict[str, Any]]:
    params = {"stream": "true", "starting_after": after}
    async with http.stream("GET", f"/v1/responses/{response_id}", params=params) as response:
        lines = [line async for line in response.aiter_lines()]
    return [httpx.Response(200, text=line[6:]).json() for line in lines if line.startswith("data: ")]


def answer(response: dict[str, Any]) -> str:
    return str(response["output"][-1]["content"][0]["text"])


def calls(panel: Panel) -> list[int]:
    return [len(panel.calls(part)) for part in ("alpha", "beta", "judge", "writer")]


async def test_a_background_run_is_a_run_of_the_server_on_a_thread_of_its_owner(
    http: httpx.AsyncClient, client: LangGraphClient, panel: Panel
) -> None:
    panel.says("writer", Text("It does, says the panel.", chunk_delay=0.02))
    told = await created(http, panel, background=True)
    events = await followed(http, told["id"])
    done = await ended(http, told["id"])
    assert (done["status"], answer(done)) == ("completed", "It does, says the panel.")
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["response"] == done
    assert await followed(http, told["id"], 5) == events[6:]
    assert {"response.fusion_call.panel.delta", "response.output_text.delta"} <= {event["type"] for event in events}
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert len(deltas) > 2
    assert "".join(deltas) == "It does, says the panel."
    assert calls(panel) == [1, 1, 1, 1]
    found = await client.threads.search(metadata={"owner": "anonymous"}, limit=100)
    [thread] = [entry for entry in found if entry["thread_id"].replace("-", "") in told["id"]]
    [run] = await client.runs.list(thread["thread_id"])
    assert run["status"] == "success"
    await http.delete(f"/v1/responses/{told['id']}")
    assert thread["thread_id"] not in [t["thread_id"] for t in await client.threads.search(limit=200)]


async def test_a_cancelled_run_ends_on_the_server_too(http: httpx.AsyncClient, panel: Panel) -> None:
    panel.says("beta", Text("too late", delay=60))
    told = await created(http, panel, background=True)
    await panel.server.until(lambda: panel.calls("beta"))
    assert (await http.post(f"/v1/responses/{told['id']}/cancel")).json()["status"] == "cancelled"
    await panel.server.until(lambda: panel.server.open_requests == 0)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_a_stored_request_ends_its_run(
    http: httpx.AsyncClient, panel: Panel, *, stream: bool
) -> None:
    panel.says("beta", Text("too late", delay=60))
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/v1/responses", json=asks(panel, stream=stream), timeout=2)
    await panel.server.until(lambda: panel.server.open_requests == 0)


async def test_stored_requests_go_on_from_each_other(http: httpx.AsyncClient, panel: Panel) -> None:
    first = await created(http, panel)
    assert answer(first) == "It does, says the panel."
    await created(http, panel, input="Sure?", previous_response_id=first["id"])
    assert "It does, says the panel." in str(panel.calls("writer")[-1].messages)


async def test_failed_seats_are_asked_again_and_another_writer_writes(http: httpx.AsyncClient, panel: Panel) -> None:
    panel.says("beta", Fault(401), "It does, slowly.").says("zeta", "Briefly: yes.")
    first = await created(http, panel)
    second = (await http.post(f"/v1/responses/{first['id']}/retry")).json()
    assert calls(panel) == [1, 2, 2, 2], second
    assert second["retry_of"] == first["id"]
    assert len(second["output"][0]["responses"]) == 2
    third = await http.post(f"/v1/responses/{second['id']}/retry", json={"writer": panel.model("zeta")})
    assert answer(third.json()) == "Briefly: yes."
    assert calls(panel) == [1, 2, 2, 2]
    nothing = await http.post(f"/v1/responses/{second['id']}/retry")
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (409, "run_conflict")


async def test_a_run_that_cannot_start_is_a_400_before_any_model_is_asked(
    http: httpx.AsyncClient, panel: Panel
) -> None:
    config = asks(panel)
    config["plugins"][0]["max_total_tokens"] = 1
    response = await http.post("/v1/responses", json=config)
    assert response.status_code == 400, response.text
    assert calls(panel) == [0, 0, 0, 0]

"""The HTTP app behaves the same alone and inside LangGraph Server, and each with clients nobody here wrote."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from anthropic import AsyncAnthropic
from doors import Door, fusion_serve
from langgraph_dev import CORPUS, LangGraphDev
from openai import AsyncOpenAI, BadRequestError
from scripted_panel import QUESTION, Panel, comparison

from fusion_graph.testing import Fault, ReceivedCall, ScriptedServer, Text, ToolCall, Usage

WAYS = ("alone", "inside")
PATHS = ("/v1/chat/completions", "/v1/responses", "/v1/messages")
WEATHER: Any = {"name": "weather", "description": "Tells it.", "parameters": {"type": "object", "properties": {}}}
_CLOCK = {"created", "created_at", "completed_at", "started_at", "ended_at", "expires_at", "seconds", "latency"}
_HEX = re.compile(r"[0-9a-f]{8,}(?:-[0-9a-f]{4,})*")


@pytest.fixture(scope="session")
def alone(models: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`fusion serve` with the same models as LangGraph Server."""
    variables = {"FUSION_GATEWAY_URL": models.base_url, "FUSION_CORPUS": str(CORPUS)}
    with fusion_serve(tmp_path_factory.mktemp("serve"), **variables) as url:
        yield url


@pytest.fixture(params=WAYS)
def door(request: pytest.FixtureRequest, alone: str, langgraph: LangGraphDev) -> Door:
    return Door(request.param, alone if request.param == "alone" else langgraph.url, {})


@pytest.fixture
async def http(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=door.url, timeout=20, trust_env=False) as connected:
        yield connected


@pytest.fixture
async def openai(door: Door) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{door.url}/v1", api_key="none", max_retries=0) as connected:
        yield connected


def plugin(panel: Panel, **more: Any) -> dict[str, Any]:
    seats = [panel.model("alpha"), panel.model("beta")]
    settings = {"mode": "fuse", "analysis_models": seats, "model": panel.model("judge"), "tools": [], **more}
    return {"plugins": [{"id": "fusion", **settings}]}


def body(panel: Panel, path: str, **more: Any) -> dict[str, Any]:
    """The same request at each endpoint."""
    said = [{"role": "user", "content": QUESTION}]
    asked: dict[str, Any] = {"input": QUESTION} if path == "/v1/responses" else {"messages": said}
    if path == "/v1/messages":
        asked["max_tokens"] = 500
    return {"model": panel.model("writer"), **asked, **plugin(panel), **more}


async def test_openai_s_client_gets_a_completion(openai: AsyncOpenAI, panel: Panel) -> None:
    asked: Any = body(panel, PATHS[0])
    extra = {"plugins": asked.pop("plugins")}
    completion = await openai.chat.completions.create(**asked, extra_body=extra)
    assert completion.choices[0].message.content == "It does, says the panel."
    assert completion.model_extra is not None
    assert completion.model_extra["fusion"]["deliberated"] is True
    async with openai.chat.completions.stream(**asked, extra_body=extra) as stream:
        pieces = [event.delta async for event in stream if event.type == "content.delta"]
    assert "".join(pieces) == "It does, says the panel."


async def test_openai_s_client_follows_a_response_in_the_documented_order(openai: AsyncOpenAI, panel: Panel) -> None:
    asked: Any = body(panel, PATHS[1])
    extra = {"plugins": asked.pop("plugins")}
    seen = [event.type async for event in await openai.responses.create(**asked, stream=True, extra_body=extra)]
    first = list(dict.fromkeys(seen))
    told: Any = first
    assert told[:5] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.fusion_call.in_progress",
        "response.fusion_call.panel.added",
    ]
    ours = [kind for kind in told if kind.startswith("response.fusion_call.")]
    assert ours == [
        "response.fusion_call.in_progress",
        "response.fusion_call.panel.added",
        "response.fusion_call.panel.delta",
        "response.fusion_call.panel.completed",
        "response.fusion_call.analysis.in_progress",
        "response.fusion_call.analysis.completed",
        "response.fusion_call.completed",
        "response.fusion_call.writer.in_progress",
    ]
    assert told[-1] == "response.completed"


async def test_anthropic_s_client_gets_a_message(door: Door, panel: Panel) -> None:
    asked: Any = body(panel, PATHS[2])
    extra = {"plugins": asked.pop("plugins")}
    async with AsyncAnthropic(base_url=door.url, api_key="none", max_retries=0) as claude:
        whole = await claude.messages.create(**asked, extra_body=extra)
        async with claude.messages.stream(**asked, extra_body=extra) as stream:
            pieces = [text async for text in stream.text_stream]
    assert "".join(pieces) == "It does, says the panel."
    assert [block.text for block in whole.content if block.type == "text"] == ["It does, says the panel."]


async def test_a_tool_of_the_client_s_own_is_handed_back(openai: AsyncOpenAI, panel: Panel) -> None:
    panel.says("writer", ToolCall("weather", {}))
    asked: Any = body(panel, PATHS[0], **plugin(panel, mode="auto"))
    extra = {"plugins": asked.pop("plugins")}
    tools: Any = [{"type": "function", "function": WEATHER}]
    completion = await openai.chat.completions.create(**asked, tools=tools, extra_body=extra)
    assert completion.choices[0].finish_reason == "tool_calls"
    [call] = completion.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "weather"


async def test_models_are_listed(openai: AsyncOpenAI) -> None:
    listed = [model.id async for model in openai.models.list()]
    assert {"openrouter/fusion", "openrouter/fusion-flash", "fusion/general-high", "fusion/offline"} <= set(listed)


async def test_a_bad_setting_is_an_error_in_openai_s_shape_and_asks_no_model(openai: AsyncOpenAI, panel: Panel) -> None:
    asked: Any = body(panel, PATHS[0])
    del asked["plugins"]
    with pytest.raises(BadRequestError) as caught:
        await openai.chat.completions.create(**asked, extra_body=plugin(panel, max_tool_calls=99))
    assert (caught.value.param, caught.value.code) == ("plugins[0].max_tool_calls", "invalid_value")
    assert panel.calls("alpha") == []


async def test_what_is_not_there_is_a_404_in_openai_s_shape(http: httpx.AsyncClient) -> None:
    for path in ("/v1/nothing", "/v1/models/nothing", "/v1/generation?id=nothing"):
        answered = await http.get(path)
        assert answered.status_code == 404, path
        assert answered.json()["error"]["type"] == "invalid_request_error"
    assert (await http.put("/v1/chat/completions", json={})).status_code == 405


@pytest.mark.parametrize("path", PATHS)
async def test_a_panel_that_fails_is_an_error_with_its_reason(http: httpx.AsyncClient, panel: Panel, path: str) -> None:
    for part in ("alpha", "beta", "writer"):
        panel.says(part, Fault(402))
    answered = await http.post(path, json=body(panel, path))
    assert answered.status_code == 402
    assert answered.json()["error"]["failure_reason"] == "insufficient_credits"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_client_that_goes_away_takes_its_run_with_it(
    http: httpx.AsyncClient, models: ScriptedServer, panel: Panel, path: str, streamed: bool
) -> None:
    for part in ("alpha", "beta"):
        panel.says(part, Text("late", delay=30))
    request = asyncio.create_task(http.post(path, json=body(panel, path, stream=streamed)))
    await models.until(lambda: panel.calls("alpha") and panel.calls("beta"))
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    await models.until(lambda: models.open_requests == 0)
    assert all(call.disconnected for part in ("alpha", "beta") for call in panel.calls(part))


async def test_a_response_is_kept_and_gone_on_from(openai: AsyncOpenAI, panel: Panel) -> None:
    asked: Any = body(panel, PATHS[1])
    extra = {"plugins": asked.pop("plugins")}
    first = await openai.responses.create(**asked, extra_body=extra)
    assert (await openai.responses.retrieve(first.id)).output_text == first.output_text
    again = await openai.responses.create(
        model=panel.model("writer"), input="And then?", previous_response_id=first.id, extra_body=extra
    )
    assert "It does, says the panel." in panel.calls("alpha")[-1].prompt
    for each in (first, again):
        await openai.responses.delete(each.id)


async def test_a_response_in_the_background_ends_without_its_client(openai: AsyncOpenAI, panel: Panel) -> None:
    asked: Any = body(panel, PATHS[1])
    extra = {"plugins": asked.pop("plugins")}
    begun = await openai.responses.create(**asked, background=True, extra_body=extra)
    assert begun.status in ("queued", "in_progress")
    async with asyncio.timeout(15):
        while (told := await openai.responses.retrieve(begun.id)).status in ("queued", "in_progress"):  # noqa: ASYNC110 - a poll is what a client does
            await asyncio.sleep(0.05)
    assert (told.status, told.output_text) == ("completed", "It does, says the panel.")


async def test_health_is_told_in_the_same_places(http: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await http.get(path)).json() == {"status": "ok"}
    page = await http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "fusion_runs_total" in (await http.get("/v1/metrics")).text


async def test_a_page_from_elsewhere_may_not_call(http: httpx.AsyncClient, panel: Panel) -> None:
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    origin = {"origin": "https://evil.example"}
    preflight = await http.options(PATHS[0], headers={**origin, **asks})
    assert "access-control-allow-origin" not in preflight.headers
    refused = await http.post(PATHS[0], json=body(panel, PATHS[0]), headers=origin)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert panel.calls("alpha") == []


def calling(call: ReceivedCall) -> ToolCall | Text:
    """A calling model that asks the panel first."""
    return (
        Text("It does.", usage=Usage(9, 3, cost=0.01)) if call.tool_results else ToolCall("fusion", {"question": "?"})
    )


@pytest.mark.parametrize("mode", ["fuse", "analyze", "auto"])
@pytest.mark.parametrize("path", PATHS)
async def test_both_ways_answer_the_same_to_the_last_field(
    alone: str, langgraph: LangGraphDev, panel: Panel, path: str, mode: str
) -> None:
    panel.says("alpha", Text("It does, by a fifth.", usage=Usage(10, 5, cost=0.02)))
    panel.says("judge", comparison(contradictions=[], blind_spots=["Trade."]))
    if mode == "auto":
        panel.says("writer", calling)
    told = []
    for url in (alone, langgraph.url):
        async with httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as client:
            answered = await client.post(path, json=body(panel, path, **plugin(panel, mode=mode, seed=1)))
        assert answered.status_code == 200, answered.text
        told.append(json.dumps(steady(answered.json()), indent=1, sort_keys=True))
    assert told[0] == told[1]


def steady(value: Any, name: str = "") -> Any:
    """An answer without what the clock and chance put into it."""
    if isinstance(value, dict):
        return {key: steady(entry, key) for key, entry in value.items()}
    if isinstance(value, list):
        return [steady(entry, name) for entry in value]
    if isinstance(value, int | float) and (name in _CLOCK or name.endswith(("_seconds", "_at", "_ms"))):
        return 0
    return _HEX.sub("*", value) if isinstance(value, str) else value


def test_what_is_left_out_of_the_comparison_is_only_the_clock_and_chance() -> None:
    told = {"id": "resp_0123456789abcdef", "seconds": 1.5, "text": "It does.", "cost": 0.5, "label": "alpha"}
    assert steady(told) == {"id": "resp_*", "seconds": 0, "text": "It does.", "cost": 0.5, "label": "alpha"}

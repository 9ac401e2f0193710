"""Secrets are planted wherever a run could meet them, and looked for wherever a run leaves something behind."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from scripted_house import ALPHA, ANSWER, BETA, JUDGE, WRITER, House, asked, config_of

from fusion_graph import FusionConfig, Gateway, Resources, build_fusion_graph
from fusion_graph.config import Seat
from fusion_graph.errors import ConfigError
from fusion_graph.kit import Kit
from fusion_graph.models import CallSettings, Models
from fusion_graph.testing import Fault, Text, ToolCall, fingerprint
from fusion_graph.tool import fusion_tool
from fusion_graph.tools import web_search_tool

GATEWAY_KEY = "plain-gateway-key-without-a-shape-71"
SEARCH_KEY = "tvly-planted-search-key-0123456789"
PASSWORD = "correct-horse-battery-9"
ECHOED = "sk-planted0123456789abcdefXYZ"
BEARER = "planted.bearer.token.4711"
SECRETS = (GATEWAY_KEY, SEARCH_KEY, PASSWORD, ECHOED, BEARER)
ECHO = (
    f"Incorrect API key provided: {GATEWAY_KEY}. Headers: {{'authorization': 'Bearer {BEARER}'}}; also {ECHOED}, "
    f"GET https://api.example/v1?api_key={SEARCH_KEY} postgres://app:{PASSWORD}@db:5432/app"
)


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.LogCaptureFixture]:
    """Every logger at its most talkative; the keys in the environment."""
    monkeypatch.setenv("HOUSE_API_KEY", GATEWAY_KEY)
    monkeypatch.setenv("TAVILY_API_KEY", SEARCH_KEY)
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
    with caplog.at_level(logging.DEBUG):
        for name in ("openai", "httpx", "httpcore", "langgraph", "langchain", "fusion_graph"):
            caplog.set_level(logging.DEBUG, logger=name)
        yield caplog


@pytest.fixture
def keyed(house: House) -> Resources:
    return replace(house.resources, gateway=Gateway(house.server.base_url, "HOUSE_API_KEY"))


@tool
def vault(name: str) -> str:
    """Open the vault."""
    raise RuntimeError(f"login failed for {name}: {ECHO}")


def leaks(*left: Any) -> list[str]:
    """The planted secrets in what was left behind, whatever form it has."""
    everything = "\n".join(one if isinstance(one, str) else repr(one) for one in left)
    return [secret for secret in SECRETS if secret in everything]


def saved(folder: Path) -> str:
    """Every byte that the checkpointer wrote."""
    return b"".join(path.read_bytes() for path in folder.glob("runs.db*")).decode("latin-1")


SCRIPTS: dict[str, dict[str, list[Any]]] = {
    "fine": {},
    "seat echoes": {ALPHA: [Fault(401, ECHO)]},
    "seat echoes under 500": {ALPHA: [Fault(500, ECHO)]},
    "seat breaks within its stream": {ALPHA: [Text("It does, by a fifth.", cut_after=2, cut_with=Fault(502, ECHO))]},
    "all seats echo": {ALPHA: [Fault(401, ECHO)], BETA: [Fault(403, ECHO)]},
    "judge echoes": {JUDGE: [Fault(401, ECHO)]},
    "writer echoes": {WRITER: [Fault(401, ECHO)]},
    "tool echoes": {ALPHA: [ToolCall("vault", {"name": "x"}), Text("It does.")]},
}


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", SCRIPTS)
async def test_a_run_leaves_no_secret_behind_however_it_ends(
    house: House, keyed: Resources, logged: pytest.LogCaptureFixture, tmp_path: Path, case: str, streaming: bool
):
    for model, replies in SCRIPTS[case].items():
        house.server.on(model, *replies)
    file = tmp_path / "runs.db"
    async with AsyncSqliteSaver.from_conn_string(str(file)) as saver:
        resources = replace(keyed, tools=(vault,))
        graph = build_fusion_graph(config_of([vault], {}), resources=resources, checkpointer=saver)
        config = {"configurable": {"thread_id": "1"}}
        modes = ["custom", "updates", "values", "debug"] + (["messages"] if streaming else [])
        events = [event async for event in graph.astream(asked(), config, stream_mode=modes, subgraphs=True)]
        state = await graph.aget_state(config, subgraphs=True)
        history = [snapshot async for snapshot in graph.aget_state_history(config)]
    sent = {call.headers["authorization"] for call in house.server.calls}
    assert sent == {fingerprint(GATEWAY_KEY)}
    assert state.values["status"] == ("error" if case == "all seats echo" else "ok")
    kept = saved(tmp_path)
    assert ANSWER in kept or case in ("all seats echo", "writer echoes")
    assert leaks(events, state, history, json.dumps(state.values["receipt"]), logged.text, kept) == []


async def test_checkpoints_in_memory_hold_none_either(house: House, keyed: Resources):
    house.server.on(ALPHA, Fault(401, ECHO))
    saver = InMemorySaver()
    graph = build_fusion_graph(config_of((), {}), resources=keyed, checkpointer=saver)
    await graph.ainvoke(asked(), {"configurable": {"thread_id": "1"}})
    assert "seat-1" in repr(saver.storage) + repr(saver.blobs)
    assert leaks(saver.storage, saver.writes, saver.blobs) == []


async def test_a_cancelled_run_leaves_none(house: House, keyed: Resources, logged: pytest.LogCaptureFixture):
    house.server.on(ALPHA, Text("late", delay=30))
    saver = InMemorySaver()
    graph = build_fusion_graph(config_of((), {}), resources=keyed, checkpointer=saver)
    running = asyncio.create_task(graph.ainvoke(asked(), {"configurable": {"thread_id": "1"}}))
    await house.server.until(lambda: house.calls(ALPHA))
    running.cancel()
    with pytest.raises(asyncio.CancelledError) as cancelled:
        await running
    told = "".join(traceback.format_exception(cancelled.value))
    assert leaks(told, saver.storage, saver.writes, logged.text) == []


async def test_what_is_raised_before_a_run_names_the_variable_and_not_its_value(keyed: Resources):
    graph = build_fusion_graph(resources=keyed)
    broken = [
        {"panel": ["nonsense"], "tools": []},
        {"panel": [ALPHA], "tools": ["vault"]},
        {"panel": [ALPHA], "tools": [{"type": "web_search", "parameters": {"engine": "exa"}}]},
        {"panel": ["anthropic:claude"], "tools": []},
        {"panel": [ALPHA], "preset": "none such"},
    ]
    for context in broken:
        with pytest.raises(ConfigError) as refused:
            await graph.ainvoke(asked(), context=context)
        assert leaks("".join(traceback.format_exception(refused.value, chain=True))) == []


async def test_nothing_shows_a_secret_when_it_is_printed(keyed: Resources):
    hidden = f"http://app:{PASSWORD}@searx.example/"
    resources = replace(keyed, searxng_url=hidden)
    models, kit = Models(resources), Kit(FusionConfig(panel=[ALPHA]), resources)
    chat = models.get(ALPHA, CallSettings(max_tokens=5), asked_by="a test")
    search = web_search_tool(FusionConfig().search.model_copy(update={"engine": "tavily"}))
    graph = build_fusion_graph(FusionConfig(panel=[ALPHA]), resources=resources)
    shown = [
        resources,
        resources.gateway,
        models,
        kit,
        chat,
        str(chat),
        chat.model_dump(exclude={"client", "async_client", "root_client", "root_async_client", "http_async_client"}),
        chat.bind_tools([vault]),
        search,
        getattr(search, "coroutine", None),
        graph,
        Seat(model=ALPHA),
        fusion_tool(FusionConfig(panel=[ALPHA]), resources=resources),
    ]
    assert leaks(*shown) == []


def test_a_gateway_address_that_carries_a_password_is_refused_without_repeating_it():
    with pytest.raises(ConfigError, match="name the variable that holds the key in api_key_env") as refused:
        Resources.from_env({"FUSION_GATEWAY_URL": f"http://app:{PASSWORD}@gate.example/v1"})
    assert leaks("".join(traceback.format_exception(refused.value))) == []


async def test_keys_that_a_model_repeats_from_its_prompt_are_the_users_own_and_are_not_touched(house: House):
    house.server.on(WRITER, "The sample key sk-example0000000000 is not real.")
    output = await house.ask("What is sk-example0000000000?")
    assert "sk-example0000000000" in output["messages"][-1].text


async def test_a_search_engine_that_echoes_its_key_is_quoted_without_it(house: House, keyed: Resources):
    from fusion_graph.config import SearchSettings

    class Engine:
        name, secret = "made", SEARCH_KEY

        async def search(self, query: str, *, limit: int, settings: SearchSettings) -> list[Any]:
            raise RuntimeError(ECHO)

    search = web_search_tool(SearchSettings(), engine=Engine())
    said = await search.ainvoke({"type": "tool_call", "id": "1", "name": "web_search", "args": {"query": "tax"}})
    assert leaks(said.content, said.artifact) == []

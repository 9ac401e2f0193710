from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fusion_graph import detect
from fusion_graph.detect import choose
from fusion_graph.errors import ConfigError
from fusion_graph.models import Models
from fusion_graph.presets import load_catalog
from fusion_graph.resources import Gateway, Resources
from fusion_graph.testing.loopback import Loopback

NOWHERE = {"OLLAMA_HOST": "127.0.0.1:9"}
BIG, MIDDLE, TINY = 40_000_000_000, 9_000_000_000, 1_000_000_000
Show = Callable[[str], Response]


async def chosen(environ: dict[str, str], **resources: Any) -> detect.Choice:
    made = Resources(**resources)
    return await choose(Models(made, {**NOWHERE, **environ}), made)


def able(name: str) -> Response:
    return JSONResponse({"capabilities": ["completion", "tools"]})


@contextmanager
def ollama(tags: Any, show: Show = able) -> Iterator[dict[str, str]]:
    """A server that answers as Ollama does; `tags` is the list of models, or the whole answer."""

    async def listed(_: Request) -> Response:
        return tags if isinstance(tags, Response) else JSONResponse({"models": tags})

    async def shown(request: Request) -> Response:
        return show((await request.json())["model"])

    app = Starlette(
        routes=[Route("/api/tags", listed), Route("/api/show", shown, methods=["POST"])],
    )
    server = Loopback(app)
    port = server.listen()
    try:
        yield {"OLLAMA_HOST": f"127.0.0.1:{port}"}
    finally:
        server.close()


def tag(name: str, size: int | None = MIDDLE) -> dict[str, Any]:
    return {"name": name, "size": size}


EVERY_KEY = {"OPENROUTER_API_KEY": "x", "OPENAI_API_KEY": "x", "ANTHROPIC_API_KEY": "x"}


async def test_the_gateways_key_comes_first():
    with ollama([tag("qwen3")]) as host:
        choice = await chosen({**EVERY_KEY, **host}, corpus=Path())
    assert choice.config == load_catalog().preset("general-high")
    assert choice.why == "preset general-high: OPENROUTER_API_KEY is set"


async def test_a_gateway_of_ones_own_needs_no_key_to_come_first():
    choice = await chosen({"OPENAI_API_KEY": "x"}, gateway=Gateway("http://127.0.0.1:9/v1", ""))
    assert choice.config.preset is None
    assert choice.why == "preset general-high: gateway http://127.0.0.1:9/v1"


async def test_provider_keys_come_next_and_give_one_seat_each():
    with ollama([tag("qwen3")]) as host:
        choice = await chosen({"OPENAI_API_KEY": "x", "ANTHROPIC_API_KEY": "x", **host}, corpus=Path())
    assert choice.config.panel == ["anthropic:claude-opus-4-8", "openai:gpt-5.5"]
    assert choice.config.judge == "anthropic:claude-opus-4-8"
    assert choice.why == "ANTHROPIC_API_KEY, OPENAI_API_KEY set"


async def test_one_provider_alone_sits_twice():
    choice = await chosen({"OPENAI_API_KEY": "x"})
    assert choice.config.panel == ["openai:gpt-5.5", "openai:gpt-5.5"]


async def test_a_provider_whose_package_is_missing_is_left_out_and_named():
    choice = await chosen({"OPENAI_API_KEY": "x", "DEEPSEEK_API_KEY": "x"})
    assert choice.config.panel == ["openai:gpt-5.5", "openai:gpt-5.5"]
    assert choice.why == "OPENAI_API_KEY set; deepseek has a key too, but needs pip install langchain-deepseek"


async def test_where_only_packages_are_missing_the_choice_leads_to_the_error_that_names_them():
    choice = await chosen({"DEEPSEEK_API_KEY": "x"}, corpus=Path())
    assert choice.config.panel == ["deepseek:deepseek-chat"] * 2


async def test_empty_keys_and_keys_of_providers_without_a_default_choose_nothing():
    with pytest.raises(ConfigError):
        await chosen({"OPENAI_API_KEY": "", "OPENROUTER_API_KEY": "", "GROQ_API_KEY": "x"})


async def test_an_ollama_server_comes_next_with_its_largest_models():
    models = [tag("tiny", TINY), tag("big:70b", BIG), tag("middle"), tag("unsized", None), tag("other", MIDDLE + 1)]
    with ollama(models) as host:
        choice = await chosen(host, corpus=Path())
    assert choice.config.panel == ["ollama:big:70b", "ollama:other", "ollama:middle"]
    assert choice.config.judge == "ollama:big:70b"
    assert choice.why == f"Ollama at http://{host['OLLAMA_HOST']}: ollama:big:70b, ollama:other, ollama:middle"


async def test_only_models_that_say_they_can_call_tools_are_taken():
    def show(name: str) -> Response:
        return JSONResponse({"capabilities": ["completion", "tools"] if name == "can" else ["completion", "vision"]})

    with ollama([tag("cannot", BIG), tag("can")], show) as host:
        choice = await chosen(host)
    assert choice.config.panel == ["ollama:can", "ollama:can"]


async def test_small_models_are_named_as_such():
    with ollama([tag("tiny", TINY)]) as host:
        choice = await chosen(host)
    assert choice.why.endswith("ollama:tiny (small models: check what they say)")


async def test_one_model_that_cannot_be_shown_does_not_hide_the_others():
    def show(name: str) -> Response:
        return JSONResponse({"error": "gone"}, 404) if name == "broken" else able(name)

    with ollama([tag("broken", BIG), tag("fine")], show) as host:
        assert (await chosen(host)).config.panel == ["ollama:fine"] * 2


@pytest.mark.parametrize(
    "tags",
    [
        [],
        [{"size": 3}],
        ["qwen3"],
        None,
        {"name": "x"},
        JSONResponse([]),
        JSONResponse({}),
        JSONResponse({"models": [{"name": "x", "size": "huge"}]}),
        Response("<html>", media_type="text/html"),
        Response('{"models": [', media_type="application/json"),
        Response(b"\xff\xfe", media_type="application/json"),
        Response(status_code=500),
        Response(status_code=302, headers={"location": "http://127.0.0.1:9/"}),
    ],
)
async def test_a_server_that_answers_nonsense_is_no_ollama(tags):
    with ollama(tags) as host:
        choice = await chosen(host, corpus=Path())
    assert choice.config == load_catalog().preset("offline")


@pytest.mark.parametrize(
    "shown",
    [
        JSONResponse([]),
        JSONResponse({}),
        JSONResponse({"capabilities": None}),
        JSONResponse({"capabilities": "tools"}),
        Response("{", media_type="application/json"),
        Response(status_code=500),
    ],
)
async def test_a_model_that_says_nothing_of_tools_is_not_taken(shown):
    with ollama([tag("qwen3")], lambda _: shown) as host:
        choice = await chosen(host, corpus=Path())
    assert choice.config == load_catalog().preset("offline")


async def test_a_slow_server_is_not_waited_for():
    def show(name: str) -> Response:
        time.sleep(0.8)
        return able(name)

    with ollama([tag("qwen3")], show) as host:
        started = time.monotonic()
        choice = await chosen(host, corpus=Path())
    assert time.monotonic() - started < 3
    assert choice.config == load_catalog().preset("offline")


async def test_a_server_that_drips_its_answer_is_given_up_in_all(monkeypatch):
    monkeypatch.setattr(detect, "PROBE_SECONDS_IN_ALL", 0.3)

    left = asyncio.Event()

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.05)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        choice = await asyncio.wait_for(chosen({"OLLAMA_HOST": f"127.0.0.1:{port}"}, corpus=Path()), 3)
        await asyncio.wait_for(left.wait(), 3)
    finally:
        server.close()
        await server.wait_closed()
    assert choice.config == load_catalog().preset("offline")


@pytest.mark.parametrize("host", ["127.0.0.1:9", "http://", "not a host", "http://[::1", "user:pw@host"])
async def test_an_address_where_nothing_answers_is_passed_over(host):
    choice = await chosen({"OLLAMA_HOST": host}, corpus=Path())
    assert choice.config == load_catalog().preset("offline")


async def test_a_proxy_for_the_web_is_not_asked_for_the_machines_own_server(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with ollama([tag("qwen3")]) as host:
        assert (await chosen(host)).config.panel == ["ollama:qwen3"] * 2


async def test_a_corpus_comes_last_and_needs_no_model():
    choice = await chosen({}, corpus=Path())
    assert choice.config == load_catalog().preset("offline")
    assert choice.why == "preset offline: no provider key, no Ollama server with a tool-calling model"


async def test_with_nothing_at_all_the_error_says_what_was_looked_for_and_what_to_do():
    with pytest.raises(ConfigError) as caught:
        await chosen({})
    said = str(caught.value)
    for part in (
        "OPENROUTER_API_KEY",
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
        "http://127.0.0.1:9",
        "ollama pull",
        "FUSION_GATEWAY_URL=",
        "--preset offline --corpus DIR",
    ):
        assert part in said


async def test_every_choice_can_be_saved_and_read_again():
    with ollama([tag("qwen3")]) as host:
        for environ in (EVERY_KEY, {"OPENAI_API_KEY": "x"}, host):
            choice = await chosen(environ)
            saved = json.loads(json.dumps(choice.config.model_dump(mode="json", exclude_unset=True)))
            assert type(choice.config).model_validate(saved) == choice.config

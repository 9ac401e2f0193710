"""The scripted model server: scripts, records, disconnects, start and stop."""

import asyncio
import gc
import json
import socket
import sys
import threading
import time
import warnings
from contextlib import suppress

import httpx
import openai
import pytest
from langchain.agents import create_agent
from langchain_core import exceptions as lc
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool

from fusion_graph.errors import MissingPackageError
from fusion_graph.testing import (
    ReceivedCall,
    Researcher,
    ScriptedServer,
    Text,
    chat_model,
    fingerprint,
)

MODEL = "vendor/model"
ASK = [{"role": "user", "content": "Say hello."}]
TOOLS = [{"type": "function", "function": {"name": "web_search", "parameters": {"type": "object"}}}]


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


@pytest.fixture
async def client(server):
    async with openai.AsyncOpenAI(base_url=server.base_url, api_key="secret", max_retries=0) as made:
        yield made


async def create(client, **request):
    return await client.chat.completions.create(**{"model": MODEL, "messages": ASK, **request})


async def stream(client, **request):
    return [chunk async for chunk in await create(client, stream=True, **request)]


both = pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])


async def test_replies_follow_one_another_and_the_last_one_repeats(server, client):
    server.on(MODEL, "one", lambda call: f"call {call.index}", Text("last"))
    said = [(await create(client)).choices[0].message.content for _ in range(4)]
    assert said == ["one", "call 1", "last", "last"]
    server.on(MODEL, "anew")
    assert (await create(client)).choices[0].message.content == "anew"


async def test_a_script_may_be_an_async_function_of_the_call(server, client):
    async def echo(call: ReceivedCall) -> Text:
        await asyncio.sleep(0)
        return Text(call.prompt.upper())

    server.on(MODEL, echo)
    assert (await create(client)).choices[0].message.content == "SAY HELLO."


async def test_an_unscripted_model_is_not_found_and_scripted_ones_are_listed(server, client):
    server.on("vendor/known", "hi")
    with pytest.raises(openai.NotFoundError, match=r"'vendor/model' is not scripted; .*'vendor/known'") as caught:
        await create(client)
    assert caught.value.code == "model_not_found"
    assert [model.id async for model in client.models.list()] == ["vendor/known"]


async def test_what_is_no_chat_request_gets_an_error_in_the_same_shape(server):
    async with httpx.AsyncClient(base_url=server.base_url) as http:
        bad = [
            await http.post("/chat/completions", content=b"{"),
            await http.post("/chat/completions", json={"messages": ASK}),
            await http.post("/chat/completions", json={"model": MODEL}),
            await http.post("/responses", json={"model": MODEL}),
        ]
    assert [response.status_code for response in bad] == [400, 400, 400, 404]
    assert all(response.json()["error"]["message"] for response in bad)


@both
async def test_rejected_fields_are_named_and_do_not_use_up_a_reply(server, client, streaming):
    server.on(MODEL, "first", rejects={"response_format", "temperature"})
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    with pytest.raises(openai.BadRequestError, match="'response_format' is not supported") as caught:
        await create(client, response_format=schema, stream=streaming)
    assert (caught.value.param, caught.value.code) == ("response_format", "unsupported_parameter")
    assert (await create(client)).choices[0].message.content == "first"
    assert [call.index for call in server.calls] == [0, 0]


async def test_ignored_fields_are_received_but_hidden_from_the_script(server, client):
    server.on(MODEL, Researcher(["x"], "at once"), ignores="tools")
    answer = await create(client, tools=TOOLS)
    assert answer.choices[0].message.content == "at once"
    assert server.calls[0].body["tools"] == TOOLS
    assert server.calls[0].tool_names == []


async def test_a_forced_tool_choice_is_not_obeyed_by_a_text(server, client):
    server.on(MODEL, "prose")
    assert (await create(client, tools=TOOLS, tool_choice="required")).choices[0].message.tool_calls is None


async def test_a_researcher_searches_once_per_query_and_then_answers(server):
    @tool
    def web_search(query: str) -> str:
        """Search the web."""
        return f"found {query}"

    server.on(MODEL, Researcher(["carbon tax", "revenue"], lambda results: f"Because {' and '.join(results)}."))
    agent = create_agent(chat_model(server, MODEL), [web_search])
    result = await agent.ainvoke({"messages": [HumanMessage("why?")]})
    assert result["messages"][-1].content == "Because found carbon tax and found revenue."
    assert len(server.calls) == 3


async def test_a_researcher_answers_with_what_it_has_when_its_tools_are_withdrawn(server, client):
    server.on(MODEL, Researcher(["a", "b"], lambda results: f"{len(results)} results"))
    found = [*ASK, {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "first"}]}]
    searching = await create(client, messages=found, tools=TOOLS)
    assert json.loads(searching.choices[0].message.tool_calls[0].function.arguments) == {"query": "b"}
    assert (await create(client, messages=found)).choices[0].message.content == "1 results"
    refused = await create(client, messages=found, tools=TOOLS, tool_choice="none")
    assert refused.choices[0].message.content == "1 results"


@pytest.mark.parametrize("reply", [Text("late", delay=30), Text("a b c", chunk_delay=30)], ids=["first", "next"])
async def test_a_client_that_gives_up_is_noticed_at_once(server, client, reply):
    server.on(MODEL, reply)
    before = time.monotonic()
    with pytest.raises(openai.APITimeoutError):
        await stream(client.with_options(timeout=openai.Timeout(10, read=0.1)))
    await server.until(lambda: server.calls and server.calls[0].disconnected, timeout=0.3)
    call = server.calls[0]
    assert not call.completed
    await server.until(lambda: server.open_requests == 0)
    assert 0.05 < call.duration < time.monotonic() - before


async def test_a_cancelled_run_is_seen_as_a_disconnect(server):
    server.on(MODEL, Text("late", delay=30))
    running = asyncio.create_task(chat_model(server, MODEL).ainvoke("go"))
    await server.until(lambda: server.open_requests == 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await server.until(lambda: server.calls[0].disconnected, timeout=0.3)


async def test_a_slow_stream_spreads_its_chunks(server, client):
    server.on(MODEL, Text("one two three", delay=0.1, chunk_delay=0.03))
    started = time.monotonic()
    at = [time.monotonic() - started async for _ in await create(client, stream=True)]
    assert at[0] >= 0.1
    assert at[-1] - at[0] >= 0.1


async def test_calls_are_recorded_with_what_was_asked_but_not_with_the_key(server, client):
    async def together(call: ReceivedCall) -> Text:
        await server.until(lambda: server.max_parallel == 3)
        return Text("hi", delay=0.05)

    server.on(MODEL, together).on("vendor/other", together)
    await asyncio.gather(create(client, tools=TOOLS), create(client, model="vendor/other"), create(client))
    await server.until(lambda: server.open_requests == 0)
    assert len(server.calls_of(MODEL)) == 2
    call = server.calls_of("vendor/other")[0]
    assert (call.status, call.completed, call.cut, call.disconnected) == (200, True, False, False)
    assert call.duration >= 0.05
    assert call.prompt == "Say hello."
    assert call.headers["authorization"] == fingerprint("secret")
    assert "secret" not in str([received.headers for received in server.calls])


def test_waiting_in_vain_says_what_came_instead(server):
    with pytest.raises(TimeoutError, match="calls received: none"):
        server.wait_until(lambda: server.calls, timeout=0.02)


async def test_what_a_script_raises_is_raised_again_by_the_test():
    def picky(call: ReceivedCall) -> str:
        assert "goodbye" in call.prompt, "nobody said goodbye"
        return "bye"

    with pytest.raises(AssertionError, match="nobody said goodbye"):  # noqa: PT012, SIM117 - the block's end raises
        with ScriptedServer().on(MODEL, picky) as server:
            with pytest.raises(lc.ModelAPIError, match="nobody said goodbye"):
                await chat_model(server, MODEL).ainvoke("hello")


async def test_a_script_that_returns_no_reply_is_told_so(server):
    server.on(MODEL, lambda call: None)
    with pytest.raises(lc.ModelAPIError, match="must return a reply"):
        await chat_model(server, MODEL).ainvoke("hello")
    assert isinstance(server.script_errors.pop(), TypeError)


def test_a_model_needs_at_least_one_reply():
    with pytest.raises(ValueError, match="at least one reply"):
        ScriptedServer().on(MODEL)


async def test_stopping_is_quick_even_in_the_middle_of_an_answer():
    server = ScriptedServer().on(MODEL, Text("late", delay=30)).start()
    running = asyncio.create_task(chat_model(server, MODEL).ainvoke("go"))
    await server.until(lambda: server.open_requests == 1)
    before = time.monotonic()
    server.stop()
    assert time.monotonic() - before < 0.2
    with pytest.raises(lc.ModelConnectionError):
        await running
    assert (server.open_requests, server.calls[0].disconnected) == (0, False)


async def test_many_servers_live_side_by_side_and_leave_no_thread():
    before = set(threading.enumerate())
    servers = [ScriptedServer().on(MODEL, f"from {number}").start() for number in range(8)]
    replies = await asyncio.gather(*(chat_model(server, MODEL).ainvoke("go") for server in servers))
    assert [reply.content for reply in replies] == [f"from {number}" for number in range(8)]
    for server in servers:
        server.stop()
    left = set(threading.enumerate()) - before
    assert not [thread for thread in left if thread.name == "scripted-server"]


def test_a_server_has_no_address_before_it_runs_and_runs_only_once_at_a_time(server):
    with pytest.raises(RuntimeError, match="before it is started"):
        _ = ScriptedServer().base_url
    with pytest.raises(RuntimeError, match="already running"):
        server.start()


def test_a_missing_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("fusion_graph.testing.", "uvicorn"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingPackageError, match=r"'uvicorn': pip install 'fusion-graph\[testing\]'"):
        ScriptedServer().start()


def test_clients_that_knock_as_it_stops_leave_no_open_socket():
    def knock(port: int) -> None:
        with suppress(OSError):
            while True:
                socket.create_connection(("127.0.0.1", port), 0.2).close()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        for _ in range(5):
            with ScriptedServer() as stopping:
                port = int(stopping.base_url.removesuffix("/v1").rpartition(":")[2])
                clients = [threading.Thread(target=knock, args=(port,)) for _ in range(3)]
                for client in clients:
                    client.start()
            for client in clients:
                client.join()
            gc.collect()
    assert [str(warning.message) for warning in caught] == []

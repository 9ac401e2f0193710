"""Real tokens from a real GGUF file. What it says proves nothing; that it says it in this shape does."""

import asyncio
import os
import sys
import time
from pathlib import Path

import httpx
import pytest
from langchain.agents import create_agent
from langchain_core.exceptions import ContextOverflowError, ModelInvalidRequestError
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel, Field

from fusion_graph.local import local_model
from fusion_graph.local.engine import EngineSettings, locked_params

pytest.importorskip("xllamacpp")
GGUF = os.environ.get("FUSION_TEST_GGUF")
pytestmark = [
    pytest.mark.skipif(not GGUF, reason="set FUSION_TEST_GGUF to a .gguf file; .ci/fetch-test-model gets a small one"),
]


@pytest.fixture(scope="module")
def model():
    return local_model(str(GGUF), max_tokens=12, temperature=0.0, context=2048, slots=3)


def test_invoke_gives_real_tokens_with_usage(model):
    answer = model.invoke("Say hello.")
    assert answer.text
    assert 0 < answer.usage_metadata["output_tokens"] <= 12
    assert answer.usage_metadata["input_tokens"] > 0
    assert answer.response_metadata["finish_reason"] in ("stop", "length")
    assert answer.response_metadata["model_name"] == f"local:{Path(str(GGUF)).name}"


async def test_streaming_gives_several_chunks_and_the_same_text(model):
    chunks = [chunk async for chunk in model.astream("Say hello.")]
    assert sum(1 for chunk in chunks if chunk.text) > 1
    assert sum((chunk.usage_metadata or {}).get("output_tokens", 0) for chunk in chunks) > 0
    assert "".join(chunk.text for chunk in chunks) == (await model.ainvoke("Say hello.")).text


async def test_three_calls_run_side_by_side_on_one_engine(model):
    answers = await asyncio.gather(*(model.ainvoke(f"Name {number} fruits.") for number in (2, 3, 4)))
    assert all(answer.text and answer.usage_metadata["output_tokens"] > 0 for answer in answers)


class Verdict(BaseModel):
    winner: str = Field(max_length=12)
    sure: bool


async def test_structured_output_fits_the_schema(model):
    verdict = await model.with_structured_output(Verdict).ainvoke("Which is larger, 2 or 3?", max_tokens=120)
    assert isinstance(verdict, Verdict)
    assert len(verdict.winner) <= 12


async def test_a_prompt_beyond_the_context_is_a_typed_overflow(model):
    with pytest.raises(ContextOverflowError, match="2048"):
        await model.ainvoke("hello " * 4000)


async def test_a_schema_that_llama_cpp_refuses_is_a_typed_error(model):
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nonsense"}}}
    with pytest.raises(ModelInvalidRequestError):
        await model.ainvoke("hello", response_format=form)


async def test_cancelling_stops_the_real_generation(model):
    async def talk():
        async for _ in model.bind(max_tokens=1500, ignore_eos=True).astream("Write a long story."):
            started.set()

    started = asyncio.Event()
    tasks = [asyncio.create_task(talk()) for _ in range(3)]
    await started.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    begun = time.monotonic()
    await model.ainvoke("Say hello.", max_tokens=2)
    assert time.monotonic() - begun < 30


@tool
def search(query: str) -> str:
    """Search the web."""
    return "Carbon taxes raise the price of fuel."


async def test_an_agent_calls_the_tool_it_is_made_to_call(model):
    message = await model.bind_tools([search], tool_choice="search").ainvoke("Look up carbon taxes.")
    (call,) = message.tool_calls
    assert call["name"] == "search"
    assert isinstance(call["args"]["query"], str)


async def test_an_agent_with_a_tool_ends_with_an_answer_in_text(model):
    agent = create_agent(model, tools=[search])
    parts = []
    question = {"messages": [HumanMessage("Search the web for carbon taxes.")]}
    async for kind, part in agent.astream(question, stream_mode=["messages", "values"]):
        parts.append((kind, part))
    final = [part for kind, part in parts if kind == "values"][-1]["messages"]
    assert final[-1].type == "ai"
    assert not final[-1].tool_calls
    streamed = [part[0] for kind, part in parts if kind == "messages" and isinstance(part[0], AIMessageChunk)]
    assert not any('"tool"' in chunk.text for chunk in streamed)
    for message in final:
        assert message.type != "tool" or message.text == "Carbon taxes raise the price of fuel."


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_loaded_engine_listens_on_no_port_and_on_no_socket_file(model, listening_before):
    model.invoke("hi")
    server = model._engine.load()
    assert server.listening_address.startswith("unix://")
    assert not Path(server.listening_address.removeprefix("unix://")).parent.exists()
    assert not own_sockets() & listening_inodes() - listening_before


@pytest.fixture(scope="module", autouse=True)
def listening_before():
    """Ports of this process that are open before any engine is loaded: servers of other tests."""
    return own_sockets() & listening_inodes()


def own_sockets():
    links = {str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink() and link.exists()}
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def listening_inodes():
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[3] == "0A"}


def test_where_there_are_no_unix_sockets_the_port_refuses_strangers_and_web_pages():
    import xllamacpp

    server = xllamacpp.Server(locked_params(EngineSettings(Path(str(GGUF)), 512, 1), "127.0.0.1"))
    page = {"Origin": "https://example.com"}
    with httpx.Client(base_url=server.listening_address, headers=page) as stranger:
        talk = {"messages": [{"role": "user", "content": "hi"}]}
        answers = [
            stranger.post("/v1/chat/completions", json=talk),
            stranger.post("/v1/chat/completions", json=talk, headers={"Authorization": "Bearer guess"}),
            stranger.post("/completion", json={"prompt": "hi"}),
            *(stranger.get(path) for path in ("/v1/models", "/props", "/slots", "/metrics", "/tools")),
        ]
        assert [answer.status_code for answer in answers] == [401] * len(answers)
        answers += [stranger.get("/"), stranger.get("/health"), stranger.options("/v1/chat/completions")]
        origins = {answer.headers.get("access-control-allow-origin") for answer in answers}
        assert not origins & {"*", "https://example.com"}
        assert all(answer.headers.get("access-control-allow-credentials") != "true" for answer in answers)

"""Local GGUF models without weights: headers, pooling, streaming, typed errors, cancelling."""

import asyncio
import gc
import importlib.util
import struct
import threading
import time

import pytest
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    OutputParserException,
)
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import BaseModel

from fusion_graph.errors import ConfigError, MissingPackageError
from fusion_graph.local import local_model
from fusion_graph.local.engine import EngineSettings, ModelLoadError, engine_for, locked_params
from fusion_graph.local.gguf import read_header


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def field(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def gguf(*fields):
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(fields)) + b"".join(fields)


ARCHITECTURE = field("general.architecture", 8, text("llama"))
CONTEXT = field("llama.context_length", 4, struct.pack("<I", 4096))
WORDS = field("tokenizer.words", 9, struct.pack("<IQ", 8, 2) + text("a") + text("b"))
NUMBERS = field("tokenizer.scores", 9, struct.pack("<IQ", 6, 3) + struct.pack("<3f", 1, 2, 3))


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf(ARCHITECTURE, WORDS, NUMBERS, CONTEXT))
    return path


def test_the_header_tells_what_the_model_was_trained_to_read(weights):
    header = read_header(weights)
    assert (header.architecture, header.context_length) == ("llama", 4096)


def test_a_header_that_does_not_tell_leaves_it_unknown(tmp_path):
    path = tmp_path / "quiet.gguf"
    path.write_bytes(gguf(ARCHITECTURE))
    assert read_header(path).context_length is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 a zip file",
        b"GGUF",
        gguf(ARCHITECTURE, WORDS, CONTEXT)[:-3],
        b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
        gguf(field("general.architecture", 99, b"")),
        gguf(struct.pack("<Q", 2**60)),
    ],
)
def test_a_file_that_is_no_gguf_is_a_config_error_that_names_it(tmp_path, content):
    path = tmp_path / "other.gguf"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"other\.gguf.*convert"):
        local_model(str(path))


def test_a_missing_file_is_a_config_error_that_names_it_and_the_fix(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.gguf.*name an existing"):
        local_model(str(tmp_path / "nowhere.gguf"))


def test_a_missing_package_names_the_install_command(weights, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"fusion-graph\[local\]"):
        local_model(str(weights))


def test_the_profile_tells_the_context_of_a_slot(weights):
    profile = local_model(f"local:{weights}").profile
    assert (profile["max_input_tokens"], profile["structured_output"], profile["tool_calling"]) == (
        4096,
        True,
        False,
    )
    assert local_model(str(weights), context=1024).profile["max_input_tokens"] == 1024


def test_size_can_be_set_by_variables(weights, monkeypatch):
    monkeypatch.setenv("FUSION_LOCAL_CONTEXT", "2048")
    monkeypatch.setenv("FUSION_LOCAL_SLOTS", "1")
    model = local_model(str(weights))
    assert (model.context, model.slots) == (2048, 1)


@pytest.mark.parametrize("value", ["many", "0", "-1", "1.5"])
def test_a_size_out_of_range_is_a_config_error_that_names_the_variable(weights, monkeypatch, value):
    monkeypatch.setenv("FUSION_LOCAL_SLOTS", value)
    with pytest.raises(ConfigError, match="FUSION_LOCAL_SLOTS"):
        local_model(str(weights))


def test_models_of_one_file_share_an_engine_which_goes_with_the_last_of_them(weights):
    settings = EngineSettings(weights.resolve(), 4096, 3)
    judge, seat = local_model(str(weights), temperature=0), local_model(str(weights))
    engine = engine_for(settings)
    assert judge._engine is seat._engine is engine
    assert local_model(str(weights), slots=1)._engine is not engine
    known = id(engine)
    engine._server = Scripted([])
    del judge, seat, engine
    gc.collect()
    fresh = engine_for(settings)
    assert fresh._server is None or id(fresh) != known


def test_a_file_that_llama_cpp_refuses_is_typed_and_names_the_fix(weights):
    pytest.importorskip("xllamacpp")
    with pytest.raises(ModelLoadError, match=r"tiny\.gguf.*FUSION_LOCAL_CONTEXT") as caught:
        local_model(str(weights)).invoke("hello")
    assert isinstance(caught.value, ConfigError)
    assert isinstance(caught.value, ModelNotFoundError)


def test_everything_that_could_reach_beyond_the_process_is_off(weights):
    pytest.importorskip("xllamacpp")
    settings = EngineSettings(weights, 4096, 3)
    params = locked_params(settings, "127.0.0.1")
    assert params.hostnames == ["127.0.0.1"]
    assert len(params.api_keys[0]) >= 32
    assert params.api_keys != locked_params(settings, "127.0.0.1").api_keys
    assert params.cors_origins not in ("", "*")
    doors = "cors_credentials ui ui_mcp_proxy endpoint_slots endpoint_props endpoint_metrics server_tools"
    assert not [door for door in doors.split() if getattr(params, door)]
    assert not params.mcp_servers_config + params.mcp_servers_json
    assert params.offline
    assert (params.n_ctx, params.n_parallel) == (3 * 4096, 3)


class Scripted:
    """Stands in for the llama.cpp server: hands out chunks, then perhaps raises."""

    def __init__(self, chunks, error=None, pause=0.0):
        self.chunks, self.error, self.pause = chunks, error, pause
        self.requests, self.given = [], 0
        self.begun, self.ended = threading.Event(), threading.Event()

    def handle_chat_completions(self, request, callback):
        self.requests.append(request)
        try:
            for chunk in self.chunks:
                time.sleep(self.pause)
                self.given += 1
                self.begun.set()
                if callback(chunk):
                    return
            if self.error:
                raise self.error
        finally:
            self.ended.set()


def delta(reason=None, **parts):
    return {"choices": [{"delta": parts, "finish_reason": reason}]}


COUNTED = {
    "choices": [],
    "usage": {
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "total_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 3},
    },
}
ANSWER = [
    {"choices": [{"delta": {"role": "assistant", "content": None}}], "prompt_progress": {"processed": 7}},
    delta(reasoning_content="hm"),
    delta(content="Hel"),
    delta(content="lo"),
    delta("stop"),
    COUNTED,
]


@pytest.fixture
def served(weights):
    """Build a model whose engine is scripted."""

    def build(chunks, error=None, pause=0.0, **settings):
        model = local_model(str(weights), **settings)
        model._engine._server = Scripted(chunks, error, pause)
        return model, model._engine._server

    return build


async def test_an_answer_carries_usage_finish_reason_and_the_file_name(served):
    for answer in (served(ANSWER)[0].invoke("hi"), await served(ANSWER)[0].ainvoke("hi")):
        assert answer.text == "Hello"
        assert answer.response_metadata["finish_reason"] == "stop"
        assert answer.response_metadata["model_name"] == "local:tiny.gguf"
        assert answer.usage_metadata["total_tokens"] == 9
        assert answer.usage_metadata["input_token_details"] == {"cache_read": 3}
        assert answer.additional_kwargs["reasoning_content"] == "hm"


async def test_streaming_gives_the_tokens_as_they_come(served):
    assert [chunk.text for chunk in served(ANSWER)[0].stream("hi") if chunk.text] == ["Hel", "lo"]
    assert [chunk.text async for chunk in served(ANSWER)[0].astream("hi") if chunk.text] == ["Hel", "lo"]


def test_settings_reach_llama_cpp_and_what_is_unset_does_not(served):
    model, server = served(ANSWER, max_tokens=5, temperature=0.0, seed=1)
    model.invoke("hi", stop=["x"])
    request = server.requests[0]
    assert (request["max_tokens"], request["temperature"], request["seed"], request["stop"]) == (
        5,
        0.0,
        1,
        ["x"],
    )
    bare, server = served(ANSWER)
    bare.invoke("hi")
    assert not {"max_tokens", "temperature", "seed", "stop"} & server.requests[0].keys()


def test_a_history_with_tool_calls_is_told_in_plain_turns(served):
    model, server = served(ANSWER)
    call = {"name": "search", "args": {"query": "x"}, "id": "1"}
    model.invoke([HumanMessage("q"), AIMessage("", tool_calls=[call]), ToolMessage("found", tool_call_id="1")])
    (turn,) = server.requests[0]["messages"]
    assert turn["role"] == "user"
    assert "found" in turn["content"]


REFUSED = {"error": {"code": 400, "message": "bad", "type": "invalid_request_error"}}
OVERFLOW = {"error": {"code": 400, "message": "too long", "type": "exceed_context_size_error"}}
BROKEN = {"error": {"code": 500, "message": "broken", "type": "server_error"}}


@pytest.mark.parametrize(
    ("chunks", "error", "expected"),
    [
        ([OVERFLOW], None, ContextOverflowError),
        ([REFUSED], None, ModelInvalidRequestError),
        ([BROKEN], None, ModelAPIError),
        ([delta(content="Hel"), BROKEN], None, ModelAPIError),
        ([], ValueError("bad request"), ModelInvalidRequestError),
        ([], RuntimeError("broken"), ModelAPIError),
    ],
)
async def test_errors_are_typed_and_name_the_model(served, chunks, error, expected):
    with pytest.raises(expected, match=r"local:tiny\.gguf"):
        served(chunks, error)[0].invoke("hi")
    with pytest.raises(expected):
        await served(chunks, error)[0].ainvoke("hi")


async def test_cancelling_frees_the_caller_at_once_and_stops_the_generation(served):
    model, server = served([delta(content="x")] * 1000, pause=0.02)
    task = asyncio.create_task(model.ainvoke("hi"))
    assert await asyncio.to_thread(server.begun.wait, 5)
    task.cancel()
    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 0.5
    assert await asyncio.to_thread(server.ended.wait, 5)
    assert server.given < 1000


async def test_leaving_a_stream_early_stops_the_generation(served):
    model, server = served([delta(content="x")] * 1000, pause=0.005)
    stream = model.astream("hi")
    await anext(stream)
    await stream.aclose()
    assert await asyncio.to_thread(server.ended.wait, 5)
    assert server.given < 1000


async def test_the_event_loop_stays_free_while_a_model_generates(served):
    model, _ = served([delta(content="x")] * 20 + ANSWER, pause=0.01)
    ticks = 0
    task = asyncio.create_task(model.ainvoke("hi"))
    while not task.done():
        ticks += 1
        await asyncio.sleep(0.005)
    assert ticks > 10


class Verdict(BaseModel):
    winner: str


JSON_ANSWER = [delta(content='{"winner": '), delta(content='"beta"}'), delta("stop"), COUNTED]


def test_structured_output_is_asked_for_by_schema_and_parsed(served):
    model, server = served(JSON_ANSWER)
    assert model.with_structured_output(Verdict, method="function_calling").invoke("q") == Verdict(winner="beta")
    form = server.requests[0]["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["schema"]["required"] == ["winner"]
    schema = Verdict.model_json_schema()
    assert model.with_structured_output(schema).invoke("q") == {"winner": "beta"}


def test_cut_structured_output_is_an_error_and_never_half_an_object(served):
    model, _ = served([delta(content='{"winner": "be'), delta("length"), COUNTED])
    with pytest.raises(OutputParserException):
        model.with_structured_output(Verdict).invoke("q")
    told = model.with_structured_output(Verdict.model_json_schema(), include_raw=True).invoke("q")
    assert told["parsed"] is None
    assert isinstance(told["parsing_error"], OutputParserException)
    assert told["raw"].response_metadata["finish_reason"] == "length"


def test_binding_tools_makes_constrained_tool_calls(served):
    model, _ = served([delta(content='{"tool": "search", "arguments": {"query": "x"}}'), delta("stop"), COUNTED])

    def search(query: str) -> str:
        """Search the web."""
        return query

    assert model.bind_tools([search]).invoke("q").tool_calls[0]["args"] == {"query": "x"}

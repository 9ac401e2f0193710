from __future__ import annotations

import pytest
from langchain_core.tools import tool
from trace_house import ALPHA, BETA, GATEWAY_KEY, JUDGE, LANGSMITH_KEY, WRITER, config, resources, script
from trace_tree import assert_whole, named

from fusion_graph import build_fusion_agent, build_fusion_graph
from fusion_graph.testing import Fault, Text, ToolCall, fingerprint

QUESTION = {"messages": [("user", "Does it?")]}
PROVIDER_KEY = "planted-provider-key-0123456789"
ANOTHERS_KEY = "sk-proj-planted0123456789abcdef"
TOOL_TOKEN = "planted-tool-token-0123456789"
PLANTED = (GATEWAY_KEY, PROVIDER_KEY, ANOTHERS_KEY, TOOL_TOKEN, LANGSMITH_KEY)


@pytest.fixture(autouse=True)
def _planted(server, monkeypatch):
    monkeypatch.setenv("PLANTED_GATEWAY_API_KEY", GATEWAY_KEY)
    monkeypatch.setenv("PLANTED_PROVIDER_API_KEY", PROVIDER_KEY)
    monkeypatch.setenv("PLANTED_TOOL_TOKEN", TOOL_TOKEN)
    script(server)


def leaked(recorder):
    """The planted secrets that were sent, in whatever run and field."""
    assert recorder.runs
    sent = b"".join(recorder.sent).decode()
    return [secret for secret in PLANTED if secret in sent]


def echo(status):
    """A provider that quotes the keys it was given in its error."""
    return Fault(status, f"Incorrect API key provided: {ANOTHERS_KEY}; key {GATEWAY_KEY}, was {PROVIDER_KEY}")


async def test_a_run_that_goes_well_sends_no_key(server, recorder):
    await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    assert server.calls[0].headers["authorization"] == fingerprint(GATEWAY_KEY)
    assert leaked(recorder) == []


@pytest.mark.parametrize("status", [400, 401, 429, 500])
@pytest.mark.parametrize("broken", [ALPHA, JUDGE, WRITER])
async def test_keys_that_a_provider_quotes_in_an_error_are_taken_out_everywhere(server, recorder, broken, status):
    server.on(broken, echo(status))
    await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    errors = [run.error for run in recorder.runs if run.error]
    assert any("[redacted]" in error for error in errors)
    assert leaked(recorder) == []


async def test_the_providers_answer_is_still_in_the_trace_without_the_keys(server, recorder):
    server.on(BETA, echo(401))
    await build_fusion_graph(config(), resources=resources(server)).ainvoke(QUESTION)
    (call,) = [run for run in recorder.runs if run.run_type == "llm" and run.error]
    facts = call.outputs["generations"][0][0]["message"]["kwargs"]["response_metadata"]
    assert facts["status_code"] == 401
    assert facts["body"]["error"]["message"].startswith("Incorrect API key provided: [redacted]")


async def test_a_stream_that_breaks_with_a_key_in_its_error_sends_none(server, recorder):
    server.on(ALPHA, Text("It does so.", cut_after=1, cut_with=echo(502)))
    graph = build_fusion_graph(config(), resources=resources(server))
    async for _ in graph.astream(QUESTION, stream_mode="messages", subgraphs=True):
        pass
    assert named(recorder.runs, "seat-1")[0].metadata["outcome"] == "failed"
    assert leaked(recorder) == []


async def test_a_calling_models_provider_that_quotes_keys_sends_none(server, recorder):
    server.on(WRITER, echo(401))
    await build_fusion_agent(config(), resources=resources(server)).ainvoke(QUESTION)
    assert assert_whole(recorder.runs, "fusion_agent").metadata["status"] == "error"
    assert leaked(recorder) == []


async def test_a_tool_that_raises_with_a_key_in_its_address_sends_none(server, recorder):
    @tool
    def ledger(entry: str) -> str:
        """Look an entry up."""
        refused = OSError(f"proxy refused {TOOL_TOKEN}")
        raise RuntimeError(f"GET https://ledger.example/v1?api_key={ANOTHERS_KEY}") from refused

    server.on(ALPHA, ToolCall("ledger", {"entry": "1"}), Text("It does."))
    graph = build_fusion_graph(config(tools=["ledger"]), resources=resources(server, tools=[ledger]))
    await graph.ainvoke(QUESTION)
    (call,) = [run for run in recorder.runs if run.name == "ledger"]
    assert "api_key=[redacted]" in call.error
    assert "proxy refused [redacted]" in call.error
    assert leaked(recorder) == []

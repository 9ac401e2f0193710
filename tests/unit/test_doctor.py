"""`fusion doctor` says what works, and the fix for what does not; it prints no key and spends nothing."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fusion_graph import Gateway, Resources
from fusion_graph.cli import app
from fusion_graph.doctor import examine
from fusion_graph.testing import Fault, Text

CORPUS = Path(__file__).parents[2] / "examples" / "corpus"
PLANTED = "sk-planted-0123456789abcdef"


def by_name(checks):
    return {(check.group, check.name): check for check in checks}


async def test_a_bare_machine_is_told_what_to_set_up():
    found = by_name(await examine(Resources()))
    assert found["keys", "gateway"].state == "off"
    assert found["keys", "gateway"].fix == "export OPENROUTER_API_KEY=..."
    assert found["models", "default panel"].state == "problem"
    assert found["ollama", "http://127.0.0.1:9"].state == "off"
    assert found["sandbox", "shell"].state == "off"
    assert found["tracing", "LangSmith"].state == "off"


async def test_what_is_set_up_is_ok(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", PLANTED)
    monkeypatch.setenv("EXA_API_KEY", PLANTED)
    found = by_name(await examine(Resources(corpus=CORPUS)))
    assert found["keys", "openai"].state == "ok"
    assert found["models", "default panel"].state == "ok"
    assert "openai:" in found["models", "default panel"].detail
    assert found["engines", "corpus"].state == found["engines", "exa"].state == "ok"
    assert found["engines", "auto"].detail == "takes corpus"


async def test_what_is_half_set_up_is_a_problem_with_its_fix(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_API_KEY", PLANTED)
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    resources = Resources(corpus=tmp_path / "missing", local_models=tmp_path / "none")
    found = by_name(await examine(resources))
    assert found["keys", "deepseek"].state == "problem"
    assert found["keys", "deepseek"].fix == "pip install langchain-deepseek"
    assert found["tracing", "LangSmith"].fix == "export LANGSMITH_API_KEY=..."
    assert found["engines", "corpus"].state == "problem"
    assert found["local", "GGUF files"].state == "problem"


async def test_no_key_is_ever_shown(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENROUTER_API_KEY", "EXA_API_KEY", "LANGSMITH_API_KEY"):
        monkeypatch.setenv(name, PLANTED)
    checks = await examine(Resources())
    assert PLANTED not in json.dumps([check.as_dict() for check in checks])


async def test_nothing_is_asked_of_a_model_unless_live(server):
    resources = Resources(gateway=Gateway(server.base_url, ""))
    await examine(resources)
    assert server.calls == []


async def test_live_asks_each_model_once_and_reports_what_it_said(server):
    for model in ("anthropic/claude-opus-4.8", "openai/gpt-5.5"):
        server.on(model, Text("ok"))
    server.on("google/gemini-3.1-pro-preview", Fault(402))
    resources = Resources(gateway=Gateway(server.base_url, ""))
    found = by_name(await examine(resources, live=True))
    assert len(server.calls) == 3
    assert found["models", "~openai/gpt-latest"].state == "ok"
    assert found["models", "~google/gemini-pro-latest"].state == "problem"
    assert found["models", "~google/gemini-pro-latest"].detail.startswith("insufficient_credits")


@pytest.mark.parametrize("corpus", [CORPUS, None])
def test_the_command_exits_with_1_if_anything_set_up_does_not_work(monkeypatch, corpus):
    if corpus:
        monkeypatch.setenv("FUSION_CORPUS", str(corpus))
    result = CliRunner().invoke(app, ["doctor", "--json"])
    states = {check["state"] for check in json.loads(result.stdout)}
    assert result.exit_code == (0 if corpus else 1)
    assert ("problem" in states) is (corpus is None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FUSION_GATEWAY_URL", f"http://user:{PLANTED}@127.0.0.1:9/v1"),
        ("FUSION_SHELL", "jail"),
        ("FUSION_PRESETS", "/nowhere/presets.toml"),
    ],
)
def test_variables_that_cannot_be_are_a_problem_and_no_crash(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    told = CliRunner().invoke(app, ["doctor", "--json"])
    assert told.exit_code == 1
    (check,) = json.loads(told.stdout)
    assert (check["group"], check["state"]) == ("settings", "problem")
    assert "docs/config.md" in check["fix"]
    assert PLANTED not in told.output

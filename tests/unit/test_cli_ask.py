from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from cli_house import asked, seat_them
from typer.testing import CliRunner, Result

from fusion_graph.cli import app
from fusion_graph.receipt import NO_LANGUAGE_MODEL
from fusion_graph.terminal import ask
from fusion_graph.testing import ScriptedServer, Text, ToolCall

KEYS = ["answer", "analysis", "responses", "failed_models", "sources", "receipt", "status", "failure_reason"]


@pytest.fixture
def panel(server: ScriptedServer) -> ScriptedServer:
    return seat_them(server)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "leakage.md").write_text("# Leakage\n\nLeakage of industry is small: about 5 percent of emissions.\n")
    (folder / "cement.md").write_text("# Cement\n\nLeakage of industry is not small: about 25 percent of emissions.\n")
    return folder


def fusion(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


def test_answer_and_sources_go_to_standard_output_and_the_rest_to_standard_error(panel, corpus):
    done = fusion(*asked(panel, "--corpus", str(corpus)))
    assert done.exit_code == 0
    assert done.stdout.startswith("It **depends** [S1].\n")
    assert "## Sources" in done.stdout
    assert "(found by acme/alpha)" in done.stdout
    for words in ("searches “leakage”", "## Contradictions (1)", "## Receipt", "acme/beta-0425", "cost at least $0.07"):
        assert words in done.stderr
        assert words not in done.stdout


def test_json_has_every_field_and_nothing_else_on_standard_output(panel):
    done = fusion(*asked(panel, "--json", "--no-tools"))
    told = json.loads(done.stdout)
    assert list(told) == KEYS
    assert told["answer"] == "It **depends** [S1]."
    assert told["status"] == "ok"
    assert [entry["model"] for entry in told["responses"]] == ["acme/alpha", "acme/beta"]
    assert told["receipt"]["writer"]["requested_model"] == "acme/writer"
    assert "compares the drafts" in done.stderr
    assert "Receipt" not in done.stderr


def test_quiet_prints_the_result_alone(panel):
    done = fusion(*asked(panel, "--quiet", "--no-tools"))
    assert done.stdout == "It **depends** [S1].\n"
    assert done.stderr == ""


def test_self_fusion_seats_are_told_apart(panel):
    models = ["--panel", "acme/beta", "--panel", "acme/beta", "--judge", "acme/judge"]
    done = fusion(*asked(panel, "--no-tools", models=models))
    assert done.exit_code == 0
    assert "acme/beta #1" in done.stderr
    assert "acme/beta #2" in done.stderr
    assert len(panel.calls_of("acme/beta")) == 2


def test_a_failed_seat_is_reported_and_the_run_still_answers(panel):
    models = ["--panel", "acme/beta,acme/broke", "--judge", "acme/judge", "--writer", "acme/writer"]
    done = fusion(*asked(panel, "--no-tools", models=models))
    assert done.exit_code == 0
    assert "Degraded: acme/broke: seat failed" in done.stderr
    assert "Insufficient credits" in done.stderr


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_a_run_without_any_draft_ends_with_1(panel, extra):
    done = fusion(*asked(panel, "--no-tools", *extra, models=["--panel", "acme/broke"]))
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
    if extra:
        told = json.loads(done.stdout)
        assert (told["status"], told["failure_reason"], told["answer"]) == ("error", "insufficient_credits", None)
    else:
        assert done.stdout == ""
        assert "No result: insufficient credits" in done.stderr
        assert "(HTTP 402)" in done.stderr


def test_analyze_prints_the_analysis_as_the_result_and_asks_no_writer(panel):
    done = fusion(*asked(panel, "--mode", "analyze", "--no-tools"))
    assert done.exit_code == 0
    assert "## Contradictions (1)" in done.stdout
    assert "Hardly any does." in done.stdout
    assert "depends" not in done.stdout
    assert panel.calls_of("acme/writer") == []
    told = json.loads(fusion(*asked(panel, "--mode", "analyze", "--no-tools", "--json")).stdout)
    assert told["answer"] is None
    assert told["analysis"]["blind_spots"] == ["Nobody speaks of aviation."]


def test_auto_says_that_it_answered_without_a_panel(panel):
    done = fusion(*asked(panel, "--mode", "auto", "--no-tools"))
    assert done.exit_code == 0
    assert done.stdout.startswith("It **depends**")
    assert "answered without a panel" in done.stderr
    assert panel.calls_of("acme/alpha") == []


def test_auto_says_that_it_convened_the_panel(panel):
    panel.on("acme/writer", ToolCall("fusion", {"question": "Why?"}), Text("The panel says yes."))
    done = fusion(*asked(panel, "--mode", "auto", "--no-tools"))
    assert done.exit_code == 0
    assert done.stdout.startswith("The panel says yes.")
    assert "caller      convenes the panel" in done.stderr
    assert "the calling model convened the panel" in done.stderr
    assert "## Contradictions (1)" in done.stderr


def test_the_question_may_be_piped_in(panel):
    arguments = asked(panel, "--no-tools", "--quiet", question="-")
    assert fusion(*arguments, stdin="Where does it\nall come from?\n").exit_code == 0
    assert "Where does it\nall come from?" in panel.calls_of("acme/beta")[0].prompt


def test_text_of_models_cannot_act_on_the_terminal(panel):
    panel.on("acme/writer", Text("\x1b[2JAll \x1b]0;owned\x07good \u202edoog [bold]x[/bold]"))
    done = fusion(*asked(panel, "--no-tools", "--quiet"))
    assert done.stdout == "All good doog [bold]x[/bold]\n"


def test_nothing_configured_finds_the_folder_and_says_first_that_no_model_is_called(corpus):
    done = fusion("ask", "--corpus", str(corpus), "Is leakage of industry small?")
    assert done.exit_code == 0
    assert done.output.splitlines()[0] == done.stdout.splitlines()[0] == NO_LANGUAGE_MODEL
    assert done.stderr.splitlines()[0].startswith("Models: preset offline: no provider key")
    assert "no language model, so no tokens and no cost" in done.stderr


def test_the_notice_is_never_silenced(corpus):
    quiet = fusion("ask", "--quiet", "--preset", "offline", "--corpus", str(corpus), "Is leakage of industry small?")
    assert quiet.stdout.splitlines()[0] == NO_LANGUAGE_MODEL
    as_json = fusion("ask", "--json", "--preset", "offline", "--corpus", str(corpus), "Is leakage of industry small?")
    assert as_json.stderr.splitlines()[0] == NO_LANGUAGE_MODEL
    assert json.loads(as_json.stdout)["receipt"]["notice"] == NO_LANGUAGE_MODEL


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--preset", "nope"], ["preset", "nope", "general-high"]),
        (["--panel", "acme/alpha"], ["seat-1", "OPENROUTER_API_KEY", "export"]),
        (["--panel", "foo"], ["seat-1", "foo", "provider:model"]),
        (["--gateway-url", "http://127.0.0.1:9/v1", "--panel", "a/b", "--tools", "clok"], ["clok", "web_search"]),
        (["--gateway-url", "http://127.0.0.1:9/v1", "--panel", "a/b", "--engine", "exa"], ["exa", "EXA_API_KEY"]),
        (["--presets-file", "/none.toml", "--preset", "x"], ["/none.toml", "cannot be read"]),
        (["--corpus", "/none"], ["--corpus", "/none"]),
        (["--mode", "guess"], ["--mode", "guess", "analyze"]),
        ([], ["OPENROUTER_API_KEY", "Ollama", "--preset offline"]),
    ],
)
def test_bad_input_ends_with_2_and_a_sentence(arguments, words):
    done = fusion("ask", *arguments, "Why?")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert all(word in " ".join(done.stderr.split()) for word in words)


def test_a_key_named_by_a_variable_is_sent_and_never_printed(panel, monkeypatch):
    monkeypatch.setenv("MY_GATEWAY_KEY", "sk-very-secret")
    done = fusion(*asked(panel, "--no-tools", "--gateway-key-env", "MY_GATEWAY_KEY"))
    assert done.exit_code == 0
    assert "sk-very-secret" not in done.output
    assert panel.calls[0].headers["authorization"].startswith("sha256:")


def test_options_reach_the_models(panel):
    fusion(*asked(panel, "--no-tools", "--temperature", "0.25", "--max-completion-tokens", "77"))
    body = panel.calls_of("acme/beta")[0].body
    assert body["temperature"] == 0.25
    assert 77 in (body.get("max_tokens"), body.get("max_completion_tokens"))


class _Broken:
    """A graph that breaks off with an error nobody turned into an outcome."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def astream(self, *_: object, **__: object):
        raise self.error
        yield


def test_a_provider_s_failure_that_breaks_the_run_off_is_one_sentence(monkeypatch):
    broken = _Broken(httpx.ConnectError("no route to it"))
    monkeypatch.setattr(ask, "_BUILDERS", {"fuse": lambda config, resources: broken})
    done = fusion("ask", "--panel", "a/b", "Why?")
    assert done.exit_code == 1
    assert "Broke off after" in done.stderr
    assert "Error: the run broke off (connection): no route to it" in done.stderr


def test_a_defect_keeps_its_traceback(monkeypatch):
    broken = _Broken(ZeroDivisionError("a defect"))
    monkeypatch.setattr(ask, "_BUILDERS", {"fuse": lambda config, resources: broken})
    assert isinstance(fusion("ask", "--panel", "a/b", "Why?").exception, ZeroDivisionError)

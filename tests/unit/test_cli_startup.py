from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
import time
from typing import get_args

import pytest
from cli_house import FUSION

from fusion_graph import cli, config
from fusion_graph.terminal import options

HEAVY = ("langgraph", "langchain", "langchain_core", "openai", "rich", "httpx")


def _loaded_after(code: str) -> list[str]:
    script = f"import sys\n{code}\nprint('LOADED', *[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize(
    "code",
    [
        "import fusion_graph",
        "import fusion_graph.cli",
        "from fusion_graph.cli import app\ntry: app(['ask', '--help'])\nexcept SystemExit: pass",
        "from fusion_graph.cli import app\ntry: app(['--version'])\nexcept SystemExit: pass",
    ],
)
def test_nothing_heavy_is_loaded_before_a_command_runs(code):
    assert _loaded_after(code) == []


@pytest.mark.parametrize("command", [["--help"], ["ask", "--help"]])
def test_help_answers_in_under_half_a_second(command):
    def seconds() -> float:
        started = time.perf_counter()
        subprocess.run([*FUSION, *command], capture_output=True, check=True)
        return time.perf_counter() - started

    assert min(seconds() for _ in range(4)) < 0.5


def test_help_names_the_commands_and_the_exit_codes():
    done = subprocess.run([*FUSION, "--help"], capture_output=True, text=True, check=True)
    said = " ".join(done.stdout.split())
    for words in ("ask", "presets", "graph", "0 a result", "1 the run ended without one", "2 an option", "130 interr"):
        assert words in said


def test_version_is_the_package_s():
    import fusion_graph

    done = subprocess.run([*FUSION, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"fusion-graph {fusion_graph.__version__}\n"


def test_choices_are_those_of_the_config():
    """They are written twice because the config is too heavy to load for help."""
    assert get_args(options.Mode) == get_args(config.Mode)
    assert get_args(options.EngineName) == get_args(config.Engine)
    assert get_args(options.EffortName) == get_args(config.Effort)


def test_defaults_in_the_help_are_those_of_the_config():
    plain = config.FusionConfig()
    done = subprocess.run([*FUSION, "ask", "--help"], capture_output=True, text=True, check=True)
    said = " ".join(done.stdout.split())
    for value in (plain.max_tool_calls, plain.max_completion_tokens, f"{plain.seat_timeout:g}"):
        assert f"[default: {value}]" in said


def test_every_option_of_ask_is_handed_on():
    taken = set(inspect.signature(cli.ask).parameters) - {"ctx"}
    assert taken == {field.name for field in dataclasses.fields(options.AskOptions)}

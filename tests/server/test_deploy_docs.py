"""What the pages on deploying say can be run as it stands."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
import typer
from langgraph_dev import REPOSITORY, LangGraphDev, process_environment
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from fusion_graph.cli import app
from fusion_graph.server.settings import ServerSettings

PAGES = {name: (REPOSITORY / "docs" / f"{name}.md").read_text("utf-8") for name in ("deploy", "mcp", "server")}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    lines = [line for page in PAGES for block in blocks(page, "") for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("fusion ")]


def test_there_are_commands_to_check() -> None:
    assert {words[0] for words in commands()} == {"serve", "keys"}


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_fusion_command_is_one_that_the_command_line_takes(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    with command.make_context("fusion", words):
        pass


def test_every_option_of_serve_and_every_variable_is_on_its_page() -> None:
    command: Any = typer.main.get_command(app)
    options = {opt for param in command.commands["serve"].params for opt in param.opts if opt.startswith("--")}
    assert {opt for opt in options if f"`{opt}`" not in PAGES["server"]} - {"--help"} == set()
    for name in ServerSettings.__dataclass_fields__:
        assert f"`FUSION_SERVER_{name.upper()}`" in PAGES["server"], name


@pytest.mark.parametrize("number", [0, 1])
def test_the_clients_of_a_fresh_server_get_an_answer(langgraph: LangGraphDev, number: int, tmp_path: Any) -> None:
    block = blocks("deploy", "python")[number].replace("http://127.0.0.1:2024", langgraph.url)
    command, env = [sys.executable, "-c", block], process_environment(tmp_path)
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "carbon" in done.stdout.lower()


def test_the_other_python_blocks_can_be_read() -> None:
    for block in blocks("deploy", "python"):
        compile(block, "deploy.md", "exec")


async def test_the_editors_configurations_start_the_server(tmp_path: Any) -> None:
    configurations = [json.loads(block) for block in blocks("mcp", "json")]
    servers = [next(iter((each.get("mcpServers") or each["servers"]).values())) for each in configurations]
    started = [each for each in servers if "command" in each]
    assert len(started) == 2
    assert all(each["headers"]["Authorization"].startswith("Bearer ") for each in servers if "url" in each)
    for each in started:
        assert each["command"] == "fusion"
        arguments = [str(REPOSITORY / word) if word == "docs" else word for word in each["args"]]
        process = StdioServerParameters(
            command=sys.executable, args=["-m", "fusion_graph.cli", *arguments], env=process_environment(tmp_path)
        )
        async with stdio_client(process) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            assert [tool.name for tool in (await session.list_tools()).tools] == ["fusion"]

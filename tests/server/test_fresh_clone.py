"""What a fresh clone needs to serve the graphs: no key, no `.env`, and an `.env.example` that names everything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields

from dotenv import dotenv_values
from langgraph_dev import REPOSITORY

from fusion_graph.presets import load_catalog
from fusion_graph.server.settings import PREFIX, ServerSettings
from fusion_graph.tools.engine_choice import KEYS

EXAMPLE = REPOSITORY / ".env.example"


def test_the_served_graphs_load_without_any_key() -> None:
    code = "from fusion_graph.served import fusion, deliberation, fusion_agent; print(fusion.name, fusion_agent.name)"
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["fusion", "fusion_agent"]), done.stderr


def test_the_example_names_every_variable_and_sets_none() -> None:
    source = "\n".join(file.read_text("utf-8") for file in (REPOSITORY / "fusion_graph").rglob("*.py"))
    ours = set(re.findall(r"\bFUSION_(?!TEST_|ID\b)[A-Z]+(?:_[A-Z]+)*\b", source))
    settings = {PREFIX + each.name.upper() for each in fields(ServerSettings)}
    providers = {key for provider in load_catalog().providers.values() for key in provider.keys}
    tracing = {"LANGSMITH_TRACING", "LANGSMITH_API_KEY", "LANGSMITH_PROJECT"}

    text = EXAMPLE.read_text("utf-8")
    named = set(re.findall(r"^# ([A-Z_]+)=", text, re.MULTILINE))
    assert {*ours, *settings, *providers, *KEYS.values(), *tracing, "OPENROUTER_API_KEY", "OLLAMA_HOST"} <= named
    assert dict(dotenv_values(EXAMPLE)) == {}

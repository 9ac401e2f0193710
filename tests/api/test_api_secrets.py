"""Keys and prompts reach no log line of the server at any level, no error, no metric, and keys no file in clear."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_house import ALPHA, BETA, FUSE, JUDGE, WRITER, script

from fusion_graph.server.commands.keys import add
from fusion_graph.testing import Fault, ScriptedServer, Text

PROVIDER = "sk-or-v1-" + "5ecretprovider" * 3
PROMPT = "xylophone-plans-of-tomorrow"
SAID = "marimba-is-the-answer"
_DEBUG = """
import logging, runpy, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
import uvicorn
config = uvicorn.Config.__init__
def loud(self, *args, **options):
    config(self, *args, **{**options, "log_level": "trace", "access_log": True})
uvicorn.Config.__init__ = loud
sys.argv = ["fusion", *sys.argv[1:]]
runpy.run_module("fusion_graph.cli", run_name="__main__")
"""
"""`fusion serve` with every logger at its most talkative."""


@dataclass
class Loud:
    """A server process that logs all that it can.

    Attributes:
        url: Its address.
        key: The client's key.
        folder: Where it stores.
        log: The file of its log.
    """

    url: str
    key: str
    folder: Path
    log: Path


@pytest.fixture
def loud(server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Loud]:
    script(server)
    folder, log = tmp_path / "kept", tmp_path / "log"
    folder.mkdir()
    database = str(folder / "server.sqlite")
    assert add(database, "laptop", as_json=True, presets=None) == 0
    key = json.loads(capsys.readouterr().out)["key"]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "VIRTUAL_ENV") if name in os.environ}
    env = {**kept, "TEST_GATEWAY_KEY": PROVIDER, "OLLAMA_HOST": "127.0.0.1:9", "PYTHONASYNCIODEBUG": "1"}
    options = ["--port", "0", "--database", database, "--gateway-url", server.base_url]
    options += ["--gateway-key-env", "TEST_GATEWAY_KEY"]
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", _DEBUG, "serve", *options], env=env, stdout=out, stderr=out)
    try:
        yield Loud(_address(process, log), key, folder, log)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and process.poll() is None:
        told = log.read_text("utf-8", "replace")
        if "Application startup complete" in told:
            return "http://" + told.partition("listens on http://")[2].split()[0]
        time.sleep(0.05)
    raise RuntimeError(f"the server did not come up:\n{log.read_text('utf-8', 'replace')}")


def _requests() -> list[tuple[str, dict[str, Any]]]:
    said = [{"role": "user", "content": PROMPT}]
    run = {"model": WRITER, "plugins": [FUSE]}
    return [
        ("/v1/chat/completions", {**run, "messages": said}),
        ("/v1/chat/completions", {**run, "messages": said, "stream": True}),
        ("/v1/responses", {**run, "input": PROMPT}),
        ("/v1/responses", {**run, "input": PROMPT, "background": True}),
        ("/v1/messages", {**run, "messages": said, "max_tokens": 100, "stream": True}),
        ("/v1/estimate", {**run, "messages": said}),
        ("/v1/chat/completions", {**run, "messages": said, "temperature": PROMPT}),
        ("/v1/chat/completions", {**run, "messages": [{"role": PROMPT}]}),
        ("/v1/conversations", {"items": [{"role": "user", "content": PROMPT}]}),
    ]


async def test_keys_and_prompts_are_told_to_nobody(loud: Loud, server: ScriptedServer) -> None:
    server.on(WRITER, Text(SAID))
    answers: list[str] = []
    async with httpx.AsyncClient(base_url=loud.url, timeout=60) as client:
        mine = {"authorization": f"Bearer {loud.key}"}
        for broken in (False, True):
            if broken:
                for model in (ALPHA, BETA, JUDGE):
                    server.on(model, Fault(400, f"you said {PROMPT} with Bearer {PROVIDER}"))
                server.on(WRITER, Fault(500, f"you said {PROMPT} with Bearer {PROVIDER}"))
            for path, body in _requests():
                answers.append((await client.post(path, json=body, headers=mine)).text)
        wrong = {"authorization": f"Bearer {loud.key[:-4]}zzzz"}
        answers.append((await client.get("/v1/models", headers=wrong)).text)
        metrics = (await client.get("/metrics", headers=mine)).text
    log = loud.log.read_text("utf-8", "replace")
    assert "DEBUG" in log, "it was talkative"
    assert "POST /v1/responses" in log
    for secret in (loud.key, loud.key[:-4] + "zzzz", PROVIDER):
        assert not any(secret in answer for answer in answers)
        assert secret not in log, _around(log, secret)
        assert secret not in metrics
        assert not any(secret.encode() in file.read_bytes() for file in loud.folder.iterdir())
    for words in (PROMPT, SAID):
        assert words not in log, _around(log, words)
        assert words not in metrics


def _around(log: str, words: str) -> str:
    at = log.index(words)
    return log[max(0, at - 500) : at + 100]

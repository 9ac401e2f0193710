from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
from trace_house import ALPHA, BETA, GATEWAY_KEY, JUDGE, WRITER, config, resources, script
from trace_recorder import Recorder
from trace_tree import assert_whole

from fusion_graph import build_fusion_graph
from fusion_graph.terminal.traces import PATIENCE

QUESTION = {"messages": [("user", "Does it?")]}
DEAD = "http://127.0.0.1:9"
LONG = 30.0


@pytest.fixture(autouse=True)
def _scripted(server, monkeypatch):
    monkeypatch.setenv("PLANTED_GATEWAY_API_KEY", GATEWAY_KEY)
    script(server)


async def fastest(graph, runs=3):
    """Seconds of the fastest of some runs; every one must end well."""
    took = []
    for _ in range(runs):
        start = time.monotonic()
        output = await graph.ainvoke(QUESTION)
        took.append(time.monotonic() - start)
        assert output["status"] == "ok"
    return min(took)


@pytest.mark.parametrize("endpoint", ["dead", "slow", "failing"])
async def test_an_endpoint_that_does_not_answer_slows_no_run(server, send_to, monkeypatch, endpoint):
    monkeypatch.setenv("LANGSMITH_DISABLE_RUN_COMPRESSION", "true")
    graph = build_fusion_graph(config(), resources=resources(server))
    untraced = await fastest(graph)
    with ExitStack() as stack:
        url = DEAD
        if endpoint != "dead":
            answers = Recorder(delay=LONG) if endpoint == "slow" else Recorder(status=500)
            url = stack.enter_context(answers).url
        send_to(url)
        assert await fastest(graph) < untraced + 0.5


async def test_a_command_sends_its_trace_before_it_ends(server, recorder):
    await asked(server, recorder.url)
    assert assert_whole(recorder.runs, "fusion").metadata["cost_usd"] == 0.1


async def test_a_command_ends_although_nobody_takes_its_trace(server):
    with Recorder(delay=LONG) as slow, Recorder(status=500) as failing:
        addresses = [None, DEAD, slow.url, failing.url]
        untraced, *traced = await asyncio.gather(*[asked(server, address) for address in addresses])
        assert slow.requests
        assert failing.requests
    assert max(traced) < untraced + PATIENCE + LONG / 3


async def asked(server, url):
    """Run `fusion ask`, traced towards an address or not at all; returns the seconds it took."""
    models = ["--panel", f"{ALPHA},{BETA}", "--judge", JUDGE, "--writer", WRITER]
    gateway = ["--gateway-url", server.base_url, "--gateway-key-env", "PLANTED_GATEWAY_API_KEY"]
    towards = {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": url, "LANGSMITH_API_KEY": "lsv2_pt_0"} if url else {}
    start = time.monotonic()
    command = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "fusion_graph.cli", "ask", *models, *gateway, "--no-tools", "--quiet", "Does it?"],
        env={**os.environ, **towards},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    async with asyncio.timeout(40):
        assert await command.wait() == 0
    return time.monotonic() - start

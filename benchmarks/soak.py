"""Many runs with random faults: every run ends in a documented state, none hangs, no finished draft is lost.

Faults are drawn from the scripted server's whole menu for seats, judge and writer alike. After the runs, memory
and open connections are compared with where they were after a first batch that warms everything up.

    .venv/bin/python benchmarks/soak.py [--runs 2000] [--at-once 32] [--seed 1]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from model_server import ANALYSIS, DRAFT, model_server

from fusion_graph import FusionConfig, Gateway, Resources, build_fusion_graph
from fusion_graph.http import close_http_client
from fusion_graph.middleware import retry
from fusion_graph.testing import Fault, Malformed, Reply, ScriptedServer, Text

OUTCOMES = {"ok", "failed", "timed_out", "refused", "empty", "truncated", "cancelled"}
REASONS = {"all_panels_failed", "insufficient_credits", "rate_limited", "invalid_model", "cancelled"}
PATIENCE = 60.0


def menu(good: str) -> list[Reply]:
    """Every kind of reply, the good one as often as all faults together."""
    faults: list[Reply] = [
        Fault(401),
        Fault(402),
        Fault(404),
        Fault(429, retry_after=0.02),
        Fault(500),
        Fault(503),
        Fault.context_length(),
        Malformed(),
        Text(""),
        Text(good, finish_reason="length"),
        Text(good, finish_reason="content_filter"),
        Text(good, delay=3),
        Text(good, cut_after=1),
        Text("{not json"),
        Text('{"wrong": "schema"}'),
    ]
    return [*faults, *[Text(good)] * len(faults)]


def open_sockets() -> int:
    """Count this process's open sockets."""
    links = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))  # noqa: PTH208
    return sum(1 for link in links if link.is_symlink() and os.readlink(link).startswith("socket:"))  # noqa: PTH115


def memory() -> float:
    """Return resident memory in MiB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def faults_in(output: dict[str, Any]) -> list[str]:
    """Say what about a run is not as documented."""
    receipt, wrong = output["receipt"], []
    outcomes = {seat["seat_id"]: seat["outcome"] for seat in receipt["seats"]}
    if len(outcomes) != 3 or not set(outcomes.values()) <= OUTCOMES:
        wrong.append(f"outcomes {outcomes}")
    good = {seat for seat, outcome in outcomes.items() if outcome in ("ok", "truncated")}
    if {response["seat_id"] for response in output["responses"]} != good:
        wrong.append("a finished draft was lost")
    if output["status"] == "ok":
        if not good or not str(output["messages"][-1].text).strip() or len(output["messages"]) != 2:
            wrong.append("ok without an answer")
    elif output["failure_reason"] not in REASONS or good or len(output["messages"]) != 1:
        wrong.append(f"error {output['failure_reason']} with {good}")
    return wrong


def faulty(server: ScriptedServer, seed: float) -> None:
    """Let every call draw from the menu."""
    dice = random.Random(seed)
    for name in ("vendor/a", "vendor/b", "vendor/c", "vendor/writer"):
        server.on(name, lambda _call: dice.choice(menu(DRAFT)))
    server.on("vendor/judge", lambda _call: dice.choice(menu(ANALYSIS)))


class Soak:
    """Makes runs and keeps count of what became of them."""

    def __init__(self, base_url: str, at_once: int) -> None:
        panel = ["vendor/a", "vendor/b", "vendor/c"]
        config = FusionConfig(panel=panel, judge="vendor/judge", writer="vendor/writer", tools=[], seat_timeout=1.0)
        self.graph = build_fusion_graph(config, resources=Resources(gateway=Gateway(base_url, "")))
        self.at_once = at_once
        self.states: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()

    async def runs(self, count: int) -> tuple[float, int, int]:
        """Make runs, a number of them at once.

        Returns:
            Resident memory in MiB, open sockets and tasks afterwards.
        """
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                await self._one()

        await asyncio.gather(*[work() for _ in range(self.at_once)])
        await close_http_client()
        await asyncio.sleep(0.2)
        return memory(), open_sockets(), len(asyncio.all_tasks())

    async def _one(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                output = await self.graph.ainvoke({"messages": [HumanMessage("Why?")]})
        except TimeoutError:
            self.wrong["hung"] += 1
            return
        self.states[output["status"]] += 1
        self.states.update(f"seat {seat['outcome']}" for seat in output["receipt"]["seats"])
        self.wrong.update(faults_in(output))


async def soak(base_url: str, runs: int, at_once: int) -> int:
    """Make the runs and print what came of them.

    Returns:
        How many runs were not as documented.
    """
    many = Soak(base_url, at_once)
    before = await many.runs(max(200, at_once * 4))
    many.states.clear()
    started = time.perf_counter()
    after = await many.runs(runs)
    made = many.states["ok"] + many.states["error"]
    print(f"{made} runs in {time.perf_counter() - started:.0f} s: {dict(many.states)}")
    print(f"not as documented: {dict(many.wrong) or 'none'}")
    print(f"memory {before[0]:.0f} -> {after[0]:.0f} MiB, ", end="")
    print(f"sockets {before[1]} -> {after[1]}, tasks {before[2]} -> {after[2]}")
    return sum(many.wrong.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    retry._BACKOFF = retry.wait_random_exponential(multiplier=0.02, max=0.1)  # noqa: SLF001 - pauses are not what is soaked
    with model_server(faulty, arguments.seed) as base_url:
        wrong = asyncio.run(soak(base_url, arguments.runs, arguments.at_once))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()

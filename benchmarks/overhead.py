"""What a run costs beyond its model calls: wall time over the critical path, CPU over the same calls made barely.

Three arms make the same calls - a panel in parallel, then a judge, then a writer - against a scripted server in
another process: our graph, bare `create_agent` agents in a gather (what the stack itself costs), and the bare
`openai` client in a gather.

    .venv/bin/python benchmarks/overhead.py [--delay 0.5] [--panels 3 8] [--at-once 1 16 64 256]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from model_server import ANALYSIS, DRAFT, model_server
from openai import AsyncOpenAI

from fusion_graph import FusionConfig, Gateway, Resources, build_fusion_graph
from fusion_graph.gateway import GatewayChat
from fusion_graph.http import http_client
from fusion_graph.testing import ScriptedServer, Text

QUESTION = "What are the strongest arguments for and against carbon taxes?"
Run = Callable[[], Awaitable[object]]


def steady(server: ScriptedServer, delay: float) -> None:
    """Let every call take the same time."""
    for at in range(8):
        server.on(f"vendor/seat-{at}", Text(DRAFT, delay=delay))
    server.on("vendor/judge", Text(ANALYSIS, delay=delay))
    server.on("vendor/writer", Text("The answer.", delay=delay))


def ours(base_url: str, seats: int) -> Run:
    """The whole graph."""
    config = FusionConfig(
        panel=[f"vendor/seat-{at}" for at in range(seats)], judge="vendor/judge", writer="vendor/writer", tools=[]
    )
    graph = build_fusion_graph(config, resources=Resources(gateway=Gateway(base_url, "")))

    async def run() -> object:
        output = await graph.ainvoke({"messages": [HumanMessage(QUESTION)]})
        if output["receipt"]["totals"]["calls"] != seats + 2:
            raise SystemExit(f"calls went wrong: {output['receipt']['degraded']}")
        return output

    return run


def agents(base_url: str, seats: int) -> Run:
    """Bare agents, made anew for every run as a panel's are."""

    def agent(name: str) -> Awaitable[object]:
        model = models.setdefault(
            name,
            GatewayChat(
                model=name,
                base_url=base_url,
                api_key="x",
                max_retries=0,
                http_async_client=http_client(),
                max_tokens=16_000,
            ),
        )
        return create_agent(model, [], system_prompt="Answer.").ainvoke({"messages": [HumanMessage(QUESTION)]})

    models: dict[str, GatewayChat] = {}

    async def run() -> object:
        await asyncio.gather(*[agent(f"vendor/seat-{at}") for at in range(seats)])
        await agent("vendor/judge")
        return await agent("vendor/writer")

    return run


def bare(base_url: str, seats: int) -> Run:
    """The bare client."""
    client = AsyncOpenAI(base_url=base_url, api_key="x", max_retries=0)

    async def call(name: str) -> object:
        messages = [{"role": "system", "content": "Answer."}, {"role": "user", "content": QUESTION}]
        return await client.chat.completions.create(model=name, messages=messages, max_tokens=16_000)  # type: ignore[arg-type]

    async def run() -> object:
        await asyncio.gather(*[call(f"vendor/seat-{at}") for at in range(seats)])
        await call("vendor/judge")
        return await call("vendor/writer")

    return run


async def measure(run: Run, at_once: int, runs: int) -> tuple[float, float]:
    """Make runs side by side.

    Args:
        run: Makes one.
        at_once: How many at a time.
        runs: How many in all.

    Returns:
        Seconds of wall time per batch, and of CPU per run.
    """
    await run()
    batches = max(1, runs // at_once)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(batches):
        await asyncio.gather(*[run() for _ in range(at_once)])
    return (time.perf_counter() - wall) / batches, (time.process_time() - cpu) / (batches * at_once)


async def compare(base_url: str, delay: float, seats: int, at_once: int, runs: int) -> None:
    """Measure the arms and print one line of ratios."""
    arms = {"ours": ours(base_url, seats), "agents": agents(base_url, seats), "bare": bare(base_url, seats)}
    found = {name: await measure(run, at_once, runs) for name, run in arms.items()}
    wall = found["ours"][0] / (3 * delay)
    cpu = {name: seconds for name, (_, seconds) in found.items()}
    print(
        f"{seats:5} {at_once:8} {wall:10.3f} "
        f"{found['agents'][0] / (3 * delay):10.3f} {found['bare'][0] / (3 * delay):8.3f}"
        f" {cpu['ours'] / cpu['agents']:10.2f} {cpu['ours'] / cpu['bare']:8.2f} {cpu['ours'] * 1000:9.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay", type=float, default=0.5)
    parser.add_argument("--panels", type=int, nargs="+", default=[3, 8])
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--runs", type=int, default=64, help="runs per arm and line, at least one batch")
    arguments = parser.parse_args()
    print("                wall over critical path         CPU of ours over      ms CPU")
    print("seats  at once       ours     agents     bare     agents     bare   per run")
    with model_server(steady, arguments.delay) as base_url:
        for seats in arguments.panels:
            for at_once in arguments.at_once:
                runs = min(arguments.runs, 8) if at_once == 1 else arguments.runs
                asyncio.run(compare(base_url, arguments.delay, seats, at_once, runs))


if __name__ == "__main__":
    main()

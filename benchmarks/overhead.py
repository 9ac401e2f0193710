"""What a run costs beyond its model calls: wall time over the critical path, CPU over the same calls made barely.

Four arms make the same calls - a panel in parallel, then a judge, then a writer - against a scripted server in
another process: our graph, bare `create_agent` agents in a gather (what the stack itself costs), compiled once and
compiled for every run, and the bare `openai` client in a gather. The bare arms send what our graph sent: its requests
are recorded first. Nobody streams, and the arms take turns.

    .venv/bin/python benchmarks/overhead.py [--delay 0.5] [--panels 3 8] [--at-once 1 16 64 256]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from model_server import ANALYSIS, DRAFT, model_server
from openai import AsyncOpenAI

from fusion_graph import FusionConfig, Gateway, Resources, build_fusion_graph
from fusion_graph.http import http_client
from fusion_graph.testing import ScriptedServer, Text

QUESTION = "What are the strongest arguments for and against carbon taxes?"
JUDGE, WRITER = "vendor/judge", "vendor/writer"
ROUNDS = 4
Run = Callable[[], Awaitable[object]]
Bodies = dict[str, dict[str, Any]]
Arm = Callable[[str, Bodies], Run]


def panel(seats: int) -> list[str]:
    """Name the seats' models."""
    return [f"vendor/seat-{at}" for at in range(seats)]


def steady(server: ScriptedServer, delay: float) -> None:
    """Let every call take the same time."""
    for name in panel(8):
        server.on(name, Text(DRAFT, delay=delay))
    server.on(JUDGE, Text(ANALYSIS, delay=delay))
    server.on(WRITER, Text("The answer.", delay=delay))


def recorded(seats: int) -> Bodies:
    """Run our graph once and return the request that it sent to each model."""
    with ScriptedServer() as server:
        steady(server, 0.0)
        asyncio.run(_once(ours(server.base_url, {name: {} for name in [*panel(seats), JUDGE, WRITER]})))
        return {call.model: dict(call.body) for call in server.calls}


async def _once(run: Run) -> None:
    await run()


def ours(base_url: str, bodies: Bodies) -> Run:
    """The whole graph."""
    seats = [name for name in bodies if name not in (JUDGE, WRITER)]
    config = FusionConfig(panel=list(seats), judge=JUDGE, writer=WRITER, tools=[])
    graph = build_fusion_graph(config, resources=Resources(gateway=Gateway(base_url, "")))

    async def run() -> object:
        output = await graph.ainvoke({"messages": [HumanMessage(QUESTION)]})
        if output["receipt"]["totals"]["calls"] != len(bodies) or output["receipt"]["degraded"]:
            raise SystemExit(f"calls went wrong: {output['receipt']['degraded']}")
        return output

    return run


def agents(base_url: str, bodies: Bodies) -> Run:
    """Bare agents with LangChain's own model, compiled once."""
    return in_turn({name: call() for name, call in _agents(base_url, bodies).items()})


def compiled_anew(base_url: str, bodies: Bodies) -> Run:
    """The same, compiled for every run; the models are made once."""
    made = _agents(base_url, bodies)

    def call(name: str) -> Callable[[], Awaitable[object]]:
        async def compiled_and_called() -> object:
            return await made[name]()()

        return compiled_and_called

    return in_turn({name: call(name) for name in bodies})


def _agents(base_url: str, bodies: Bodies) -> dict[str, Callable[[], Callable[[], Awaitable[object]]]]:
    """Return what compiles each agent; what that returns makes its call."""

    def agent(body: dict[str, Any]) -> Callable[[], Callable[[], Awaitable[object]]]:
        (system, asked), extra = body["messages"], body.get("response_format")
        model = ChatOpenAI(
            model=body["model"],
            base_url=base_url,
            api_key="x",
            max_retries=0,
            http_async_client=http_client(),
            max_tokens=body["max_tokens"],
            temperature=body.get("temperature"),
            use_responses_api=False,
            extra_body={"response_format": extra} if extra else None,
        )

        def compiled() -> Callable[[], Awaitable[object]]:
            made = create_agent(model, [], system_prompt=system["content"])
            return lambda: made.ainvoke({"messages": [HumanMessage(asked["content"])]})

        return compiled

    return {name: agent(body) for name, body in bodies.items()}


def bare(base_url: str, bodies: Bodies) -> Run:
    """The bare client."""
    client = AsyncOpenAI(base_url=base_url, api_key="x", max_retries=0)

    def call(body: dict[str, Any]) -> Callable[[], Awaitable[object]]:
        return lambda: client.chat.completions.create(**body)

    return in_turn({name: call(body) for name, body in bodies.items()})


def in_turn(calls: dict[str, Callable[[], Awaitable[object]]]) -> Run:
    """Make the calls of a run: the seats side by side, then the judge, then the writer."""

    async def run() -> object:
        await asyncio.gather(*[call() for name, call in calls.items() if name not in (JUDGE, WRITER)])
        await calls[JUDGE]()
        return await calls[WRITER]()

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
    batches = max(1, runs // at_once)
    gc.collect()
    gc.freeze()  # no arm is to pay for the garbage and the imports of another
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(batches):
        await asyncio.gather(*[run() for _ in range(at_once)])
    return (time.perf_counter() - wall) / batches, (time.process_time() - cpu) / (batches * at_once)


async def compare(base_url: str, bodies: Bodies, delay: float, at_once: int, runs: int) -> None:
    """Measure the arms in turn and print one line of ratios."""
    made: dict[str, Arm] = {"ours": ours, "agents": agents, "anew": compiled_anew, "bare": bare}
    arms = {name: arm(base_url, bodies) for name, arm in made.items()}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in arms}
    for run in arms.values():
        await run()
    for _ in range(ROUNDS):
        for name, run in arms.items():
            found[name].append(await measure(run, at_once, max(1, runs // ROUNDS)))
    wall = {name: median(entry[0] for entry in entries) / (3 * delay) for name, entries in found.items()}
    cpu = {name: [entry[1] for entry in entries] for name, entries in found.items()}
    walls = " ".join(f"{wall[name]:7.3f}" for name in wall)
    ratios = " ".join(ratio(*pair) for pair in ((cpu["ours"], cpu[name]) for name in ("agents", "anew", "bare")))
    print(
        f"{len(bodies) - 2:5} {at_once:7}   {walls}   {ratios}   {ratio(cpu['agents'], cpu['bare'])}"
        f"   {ratio(cpu['anew'], cpu['bare'])} {median(cpu['ours']) * 1000:8.1f}",
        flush=True,
    )


def ratio(above: list[float], below: list[float]) -> str:
    """Say how two arms compare: the median of the rounds' ratios, and the lowest and highest of them."""
    found = [one / other for one, other in zip(above, below, strict=True)]
    return f"{median(found):5.2f} ({min(found):.2f} to {max(found):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay", type=float, default=0.5)
    parser.add_argument("--panels", type=int, nargs="+", default=[3, 8])
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--runs", type=int, default=96, help="runs per arm and line, at least a batch a round")
    arguments = parser.parse_args()
    print("wall: over the critical path; CPU: median of the rounds' ratios, and the range of these; ms: CPU of a run")
    print("seats, at once; wall: ours, agents, compiled anew, bare   ours over agents   over compiled anew   over bare")
    print("   agents over bare   compiled anew over bare   ms of ours")
    with model_server(steady, arguments.delay) as base_url:
        for seats in arguments.panels:
            bodies = recorded(seats)
            for at_once in arguments.at_once:
                runs = min(arguments.runs, 12) if at_once == 1 else arguments.runs
                asyncio.run(compare(base_url, bodies, arguments.delay, at_once, runs))


if __name__ == "__main__":
    main()

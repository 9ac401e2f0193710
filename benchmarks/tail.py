"""What a quorum does to the slowest runs, when seats are as slow as models are: mostly quick, sometimes stuck.

A seat takes a log-normal time, and one call in fifty stalls for a minute; judge and writer take a fixed time. Every
run is made twice with the same latencies: waiting for all seats, and with a quorum and a grace period. Times are
scaled down while they are run and printed as they would have been; what the package itself costs is scaled up by it.

    .venv/bin/python benchmarks/tail.py [--runs 200] [--seats 5] [--quorum 3] [--grace 2] [--scale 0.04]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import HumanMessage
from model_server import ANALYSIS, DRAFT, model_server

from fusion_graph import FusionConfig, Gateway, Resources, build_fusion_graph
from fusion_graph.graph import Graph
from fusion_graph.http import close_http_client
from fusion_graph.testing import ReceivedCall, ScriptedServer, Text

MEDIAN, SIGMA = 10.0, 0.5
STALL, ONE_IN = 60.0, 50
READER = 5.0
MAX_SEATS = 8
GOAL = 1.3


def prepare(server: ScriptedServer, scale: float) -> None:
    """Script the seats by the number in the question, so that both ways of running meet the same latencies."""

    def seat(call: ReceivedCall) -> Text:
        number = re.search(r"Question \d+ of \d+", call.prompt)
        drawn = random.Random(f"{number and number[0]} to {call.model}")
        seconds = STALL if drawn.random() < 1 / ONE_IN else drawn.lognormvariate(0.0, SIGMA) * MEDIAN
        return Text(DRAFT, delay=seconds * scale)

    for at in range(MAX_SEATS):
        server.on(f"vendor/seat-{at}", seat)
    server.on("vendor/judge", Text(ANALYSIS, delay=READER * scale))
    server.on("vendor/writer", Text("The answer.", delay=READER * scale))


@dataclass(frozen=True)
class Times:
    """Wall times of many runs, in seconds as they would have been, and how many drafts they had.

    Attributes:
        seconds: One entry per run.
        drafts: One entry per run.
    """

    seconds: list[float]
    drafts: list[int]

    def at(self, percent: int) -> float:
        """Return a percentile."""
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[percent - 1]

    def line(self, name: str) -> str:
        """Describe them."""
        shown = "  ".join(f"p{percent} {self.at(percent):6.1f} s" for percent in (50, 95, 99))
        return f"{name:34}{shown}   drafts per run {statistics.mean(self.drafts):.2f}"


async def measure(graph: Graph, questions: Sequence[str], at_once: int, scale: float) -> Times:
    """Run the graph on every question.

    Args:
        graph: The graph.
        questions: The questions.
        at_once: Runs side by side.
        scale: Seconds of a run per second printed.

    Returns:
        The times.
    """
    free = asyncio.Semaphore(at_once)

    async def once(question: str) -> tuple[float, int]:
        async with free:
            started = time.perf_counter()
            output = await graph.ainvoke({"messages": [HumanMessage(question)]})
            seconds = (time.perf_counter() - started) / scale
        if output["status"] != "ok" or str(output["messages"][-1].text) != "The answer.":
            raise SystemExit(f"a run without an answer: {output['receipt']}")
        return seconds, len(output["responses"])

    runs = await asyncio.gather(*(once(question) for question in questions))
    return Times([seconds for seconds, _ in runs], [drafts for _, drafts in runs])


async def compare(arguments: argparse.Namespace, url: str) -> float:
    """Measure both ways and print them.

    Args:
        arguments: The command line's.
        url: The model server.

    Returns:
        p99 with the quorum over p50 of waiting for all.
    """
    panel = [f"vendor/seat-{at}" for at in range(arguments.seats)]
    config = FusionConfig(panel=panel, judge="vendor/judge", writer="vendor/writer", tools=[])
    early = config.model_copy(update={"quorum": arguments.quorum, "grace": arguments.grace * arguments.scale})
    resources = Resources(gateway=Gateway(url, ""))
    questions = [f"Question {at} of {arguments.seed}?" for at in range(arguments.runs)]
    warm = build_fusion_graph(config, resources=resources)
    await measure(warm, questions[: arguments.at_once], arguments.at_once, arguments.scale)
    found = []
    for name, settings in (
        (f"waiting for all {arguments.seats} seats", config),
        (f"quorum {arguments.quorum}, grace {arguments.grace:g} s", early),
    ):
        graph = build_fusion_graph(settings, resources=resources)
        found.append(await measure(graph, questions, arguments.at_once, arguments.scale))
        print(found[-1].line(name), flush=True)
    await close_http_client()
    return found[1].at(99) / found[0].at(50)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seats", type=int, default=5, choices=range(1, MAX_SEATS + 1))
    parser.add_argument("--quorum", type=int, default=3)
    parser.add_argument("--grace", type=float, default=2.0)
    parser.add_argument("--scale", type=float, default=0.04)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(f"{arguments.runs} runs, {arguments.at_once} at once, times scaled down by {1 / arguments.scale:g}")
    print(f"seats: log-normal, median {MEDIAN:g} s, sigma {SIGMA:g}; 1 call in {ONE_IN} stalls for {STALL:g} s")
    print(f"judge and writer: {READER:g} s each")
    with model_server(prepare, arguments.scale) as url:
        ratio = asyncio.run(compare(arguments, url))
    print(f"p99 with the quorum over p50 of waiting for all: {ratio:.2f} (goal: at most {GOAL})")


if __name__ == "__main__":
    main()

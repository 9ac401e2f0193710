"""How much a whole run takes beyond its critical path: the slowest seat, the judge, the writer.

Every model call waits a fixed time at a scripted server in a thread of its own; each seat searches its folder
once and then writes, so the path is two calls of a seat, one of the judge, one of the writer.

    .venv/bin/python benchmarks/critical_path.py [--delay 0.5] [--seats 3] [--runs 5]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from langchain_core.messages import HumanMessage

from fusion_graph import FusionConfig, Gateway, Resources, build_fusion_graph
from fusion_graph.testing import Researcher, ScriptedServer, Text

CORPUS = Path(__file__).parents[1] / "examples" / "corpus"
CALLS_ON_PATH = 4
ANALYSIS = json.dumps(
    {"consensus": [], "contradictions": [], "partial_coverage": [], "unique_insights": [], "blind_spots": ["all"]}
)


async def measure(delay: float, seats: int, runs: int) -> list[float]:
    """Run the graph several times.

    Args:
        delay: Seconds that every model call takes.
        seats: Size of the panel.
        runs: Measured runs, after one that warms up.

    Returns:
        Wall time of each run over its critical path.
    """
    with ScriptedServer() as server:
        names = [f"vendor/seat-{at}" for at in range(seats)]
        for name in names:
            server.on(name, Researcher(["carbon tax leakage"], "A report.", delay=delay))
        server.on("vendor/judge", Text(ANALYSIS, delay=delay))
        server.on("vendor/writer", Text("The answer.", delay=delay))
        resources = Resources(gateway=Gateway(server.base_url, ""), corpus=CORPUS)
        config = FusionConfig(panel=names, judge="vendor/judge", writer="vendor/writer")
        graph = build_fusion_graph(config, resources=resources)
        ratios = []
        for _ in range(runs + 1):
            started = time.perf_counter()
            output = await graph.ainvoke({"messages": [HumanMessage("What about carbon taxes?")]})
            ratios.append((time.perf_counter() - started) / (CALLS_ON_PATH * delay))
            if output["receipt"]["totals"]["calls"] != 2 * seats + 2:
                raise SystemExit(f"expected {2 * seats + 2} calls: {output['receipt']['totals']}")
    return ratios[1:]


def import_seconds(module: str) -> float:
    """Return the median time of importing a module in a fresh interpreter, beyond the interpreter's own start."""

    def once(code: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603
        return time.perf_counter() - started

    return statistics.median(once(f"import {module}") for _ in range(5)) - statistics.median(
        once("pass") for _ in range(5)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay", type=float, default=0.5)
    parser.add_argument("--seats", type=int, default=3)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    ratios = asyncio.run(measure(arguments.delay, arguments.seats, arguments.runs))
    print(f"wall time over critical path, {arguments.seats} seats at {arguments.delay} s a call:")
    print(f"  median {statistics.median(ratios):.3f}, worst {max(ratios):.3f} of {len(ratios)} runs")
    print(f"import fusion_graph: {import_seconds('fusion_graph'):.2f} s; of its graphs: ", end="")
    print(f"{import_seconds('fusion_graph.graph'):.2f} s")
    print(f"peak memory, server included: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()

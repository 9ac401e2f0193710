"""`kill -9` at random moments, then resume: what is called twice, and which answers are lost.

A run lives in a process of its own and is kept in SQLite, or with `--postgres` in a PostgreSQL cluster that this script
starts. It is killed at a moment drawn from its whole length, then taken up by a second process. A part - a seat, the
judge, the writer - is finished once its result is saved; what was under way must be done again.

    .venv/bin/python benchmarks/resume.py [--kills 50] [--seats 3] [--delay 0.15] [--seed 1] [--postgres]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fusion_graph.testing import ReceivedCall, Reply, ScriptedServer, Text, ToolCall

REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(REPOSITORY / "tests" / "durable"), str(REPOSITORY / "tests")]

from mortal import Keep, Life, Mortal  # noqa: E402 - how a run is killed is the tests' own
from postgres import MISSING, binaries, cluster  # noqa: E402

CORPUS = REPOSITORY / "examples" / "corpus"
ANSWER = "The answer."
ANALYSIS = json.dumps(
    {"consensus": [], "contradictions": [], "partial_coverage": [], "unique_insights": [], "blind_spots": ["all"]}
)
JUDGE, WRITER = "vendor/judge", "vendor/writer"


@dataclass
class Tally:
    """What all kills came to.

    Attributes:
        when: How far runs had come when they were killed.
        repeated: Calls of parts whose result was saved.
        again: Calls made again that had been answered, but whose part was not saved yet.
        cut: Calls that the kill itself cut off.
        lost: Runs that ended without their answer, their analysis or a draft.
    """

    when: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    again: int = 0
    cut: int = 0
    lost: int = 0


def script(server: ScriptedServer, panel: list[str], delay: float, rng: random.Random) -> None:
    """Make seats that search once and then write, a judge and a writer; every call takes a random time."""

    def waits() -> float:
        return rng.uniform(0.2, 1.8) * delay

    def seat(call: ReceivedCall) -> Reply:
        if call.tool_results:
            return Text("A report.", delay=waits())
        return ToolCall("web_search", {"query": "carbon tax"}, delay=waits())

    for model in panel:
        server.on(model, seat)
    server.on(JUDGE, lambda _: Text(ANALYSIS, delay=waits()))
    server.on(WRITER, lambda _: Text(ANSWER, delay=waits()))


async def finished(keep: Keep, panel: list[str]) -> set[str] | None:
    """Read from the checkpoints whose results are saved: models, or `None` where not even the question is."""
    async with keep.opened() as saver:
        saved = await saver.aget_tuple(keep.config)
    if saved is None:
        return None
    writes: dict[str, Any] = dict(saved.checkpoint["channel_values"])
    seats = set(writes.get("outcomes") or {})
    receipt = writes.get("receipt") or {}
    for _, channel, value in saved.pending_writes or []:
        if channel == "outcomes" and isinstance(value, dict):
            seats |= set(value)
        elif channel == "receipt":
            receipt = value
    done = {model for at, model in enumerate(panel) if f"seat-{at + 1}" in seats}
    return done | {model for model, part in ((JUDGE, "judge"), (WRITER, "writer")) if receipt.get(part)}


def stage(done: set[str] | None, panel: list[str]) -> str:
    """Name how far a run had come."""
    if done is None:
        return "before it was saved"
    if WRITER in done:
        return "after the writer"
    if JUDGE in done:
        return "in the writer"
    return "in the judge" if set(panel) <= done else "in the panel"


async def once(server: ScriptedServer, life: Life, panel: list[str], after: float, tally: Tally) -> None:
    """Kill one run, take it up, and count."""
    seen = len(server.calls)
    doomed = Mortal(life)
    await asyncio.sleep(after)
    doomed.kill()
    await server.until(lambda: server.open_requests == 0)
    before = server.calls[seen:]
    done = await finished(life.keep, panel)
    output = await Mortal(
        Life(life.keep, life.gateway, life.config, act="resume" if done is not None else "ask", corpus=life.corpus)
    ).output()
    later = server.calls[seen + len(before) :]
    tally.when[stage(done, panel)] += 1
    tally.repeated += sum(1 for call in later if call.model in (done or set()))
    tally.cut += sum(1 for call in before if call.disconnected)
    needed = {**dict.fromkeys(panel, 2), JUDGE: 1, WRITER: 1}
    answered = Counter(call.model for call in (*before, *later) if call.completed)
    tally.again += sum(answered[model] - calls for model, calls in needed.items())
    whole = len(output["responses"]) == len(panel) and output["analysis"] is not None
    tally.lost += not (output["status"] == "ok" and whole and output["messages"][-1] == ["ai", ANSWER])


async def measure(arguments: argparse.Namespace, address: str) -> Tally:
    """Kill as many runs as asked for.

    Args:
        arguments: The command line's.
        address: Where runs are kept.

    Returns:
        What they came to.
    """
    rng, tally = random.Random(arguments.seed), Tally()
    panel = [f"vendor/seat-{at}" for at in range(arguments.seats)]
    config = {"panel": panel, "judge": JUDGE, "writer": WRITER, "tools": ["web_search"]}
    with ScriptedServer() as server:
        script(server, panel, arguments.delay, rng)

        def life() -> Life:
            return Life(Keep.at(address), server.base_url, config, corpus=str(CORPUS))

        await Mortal(life()).output()
        started = time.perf_counter()
        await Mortal(life()).output()
        length = time.perf_counter() - started
        for _ in range(arguments.kills):
            await once(server, life(), panel, rng.uniform(0.0, 1.1 * length), tally)
    return tally


@contextmanager
def kept(arguments: argparse.Namespace) -> Iterator[str]:
    """Provide the address under which runs are kept."""
    if not arguments.postgres:
        with tempfile.TemporaryDirectory() as folder:
            yield str(Path(folder) / "runs.db")
        return
    programs = binaries()
    if programs is None:
        raise SystemExit(MISSING)
    with cluster(programs) as address:
        yield address


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seats", type=int, default=3)
    parser.add_argument("--delay", type=float, default=0.15, help="seconds of a model call, on average")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", action="store_true", help="keep runs in PostgreSQL instead of SQLite")
    arguments = parser.parse_args()
    with kept(arguments) as address:
        tally = asyncio.run(measure(arguments, address))
    where = ", ".join(f"{count} {name}" for name, count in tally.when.most_common())
    print(f"{arguments.kills} runs killed ({'PostgreSQL' if arguments.postgres else 'SQLite'}): {where}")
    print(f"calls of finished parts repeated: {tally.repeated} (goal 0)")
    print(f"answers lost: {tally.lost} (goal 0)")
    print(f"calls cut off by the kill: {tally.cut}; answered, not yet saved and made again: {tally.again}")
    if tally.repeated or tally.lost:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

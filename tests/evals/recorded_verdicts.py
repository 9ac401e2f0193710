"""Reads the recorded verdicts of real fusion runs into an `Experiment`.

Six configurations answered DRACO's tasks; Gemini 3.1 Pro judged each answer once, three criteria to a call, with high
effort (Lore-Hex/TrustedRouter-Fusion-Draco, Apache-2.0). The files hold no costs and no times: those stay unknown.

Two files are as real data is. In `fusion-client-budget-opus-full100` ten tasks have two rows: a judging that failed
and, at the end of the file, its repetition; the repetition counts. In `selffusion-opus-2run` five tasks are absent and
one has a failed judging that nobody repeated: that row is incomplete, since the answer did not fail.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fusion_graph.evals.results import Configuration, Experiment, Grading, Row, Verdict
from fusion_graph.evals.schema import Criterion, Rubric, Section
from fusion_graph.evals.scorers.rubric import score_verdicts

SHARED = Path(__file__).parents[3] / "shared"
DRACO_FILE = SHARED / "draco" / "test.jsonl"
VERDICTS = SHARED / "recorded" / "verdicts"
RUNS = SHARED / "recorded" / "runs"
JUDGE = "google/gemini-3.1-pro-preview"

_FRONTIER = [
    "openai/gpt-5.5",
    "anthropic/claude-opus-4.8",
    "google/gemini-3-flash-preview",
    "moonshotai/kimi-k2.6",
    "deepseek/deepseek-v4-pro",
]
_BUDGET = ["google/gemini-3-flash-preview", "moonshotai/kimi-k2.6", "deepseek/deepseek-v4-pro"]
CONFIGURATIONS = {
    name: Configuration(name=name, kind="panel", label=label, seats=seats, judge=JUDGE, writer=writer)
    for name, label, seats, writer in (
        ("frontier-minimax-fuser", "five models, M3 writes", _FRONTIER, "minimax/minimax-m3"),
        ("frontier-kimi-fuser", "five models, Kimi writes", _FRONTIER, "moonshotai/kimi-k2.6"),
        ("frontier-deepseek-fuser", "five models, DeepSeek writes", _FRONTIER, "deepseek/deepseek-v4-pro"),
        ("selffusion-m3-x10", "M3 ten times", ["minimax/minimax-m3"] * 10, "minimax/minimax-m3"),
        ("fusion-client-budget-opus-full100", "budget panel, Opus writes", _BUDGET, "anthropic/claude-opus-4.8"),
        ("selffusion-opus-2run", "Opus twice", ["anthropic/claude-opus-4.8"] * 2, "anthropic/claude-opus-4.8"),
    )
}
"""By the file's name; seats and writers as the source's report names them."""

needs_recorded = pytest.mark.skipif(
    not (VERDICTS.is_dir() and DRACO_FILE.is_file()),
    reason=f"no recorded verdicts in {VERDICTS}: they are not part of the repository",
)


def recorded_experiment(names: Sequence[str] | None = None) -> Experiment:
    """Read recorded configurations.

    Args:
        names: File names without `.jsonl`, in the wanted order; all six when unset.

    Returns:
        An experiment of one judge run, with one row for each task that a file has.
    """
    chosen = list(CONFIGURATIONS) if names is None else list(names)
    return Experiment(
        name="recorded",
        dataset="draco",
        revision="ce076749809027649ebd331bcb70f42bf720d387",
        sha256=hashlib.sha256(DRACO_FILE.read_bytes()).hexdigest(),
        tasks=100,
        grading=Grading(scorer="rubric", protocol="chunk-of-3", judge=JUDGE, runs=1, effort="high"),
        configurations=[CONFIGURATIONS[name] for name in chosen],
        rows=[row for name in chosen for row in _rows(name)],
    )


def recorded_lines(name: str) -> list[dict[str, Any]]:
    """Read one file as it is, duplicates included."""
    return [json.loads(line) for line in (VERDICTS / f"{name}.jsonl").read_text("utf-8").splitlines()]


def _rows(name: str) -> Iterator[Row]:
    chosen: dict[str, dict[str, Any]] = {}
    for line in recorded_lines(name):
        before = chosen.get(line["task_id"])
        if before is not None and before["judges"] and line["judges"]:
            raise ValueError(f"{name}: task {line['task_id']} was judged twice, and nothing says which one counts")
        if before is None or line["judges"]:
            chosen[line["task_id"]] = line
    for line in chosen.values():
        yield _row(name, line)


def _row(name: str, line: dict[str, Any]) -> Row:
    facts = {"configuration": name, "task_id": line["task_id"], "domain": line["domain"]}
    if not line["judges"]:
        return Row(**facts, outcome="incomplete", error="the recorded judging failed", coverage=0.0)
    verdicts = [
        Verdict(criterion_id=entry["id"], run=run, met=entry["met"])
        for run, judged in enumerate(line["judges"])
        for entry in judged["criteria"]
    ]
    scored = score_verdicts(draco_rubrics()[line["task_id"]], verdicts, len(line["judges"]))
    return Row(**facts, outcome="ok", scores=scored.scores, verdicts=verdicts, coverage=scored.coverage)


@cache
def draco_rubrics() -> dict[str, Rubric]:
    """The rubrics of DRACO by task id, read here without the loader, so that each checks the other."""
    found = {}
    for line in DRACO_FILE.read_text("utf-8").splitlines():
        task = json.loads(line)
        found[task["id"]] = Rubric(sections=list(map(_section, json.loads(task["answer"])["sections"])))
    return found


def _section(raw: dict[str, Any]) -> Section:
    return Section(id=raw["id"], title=raw["title"], criteria=[Criterion(**entry) for entry in raw["criteria"]])

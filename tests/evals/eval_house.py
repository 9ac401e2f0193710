"""Scripted seats, judges, writers and graders, and small evaluations of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fusion_graph import Gateway, Resources
from fusion_graph.evals.bench import Bench, opened
from fusion_graph.evals.eval_file import read_eval_file
from fusion_graph.evals.results import Row
from fusion_graph.testing import ReceivedCall, ScriptedServer, Text, Usage

ALPHA, BETA, JUDGE, WRITER, OTHER = "acme/alpha", "bolt/beta", "dune/judge", "echo/writer", "fern/writer"
GRADER, SECOND = "gray/grader", "hale/grader"
COMPARED = json.dumps(
    {
        "consensus": [{"point": "It does.", "drafts": ["A", "B"], "sources": []}],
        "contradictions": [],
        "partial_coverage": [],
        "unique_insights": [],
        "blind_spots": [],
    }
)
FUSED = {"panel": [ALPHA, BETA], "judge": JUDGE, "writer": WRITER}
NEVER = Text("too late", delay=60)
"""What hangs until its client is gone."""


def verdict(met: bool = True) -> str:
    return json.dumps({"verdict": "MET" if met else "UNMET", "justification": "It says so."})


def rubric(*weights: float) -> dict[str, Any]:
    criteria = [
        {"id": f"c{at}", "weight": weight, "requirement": f"Names the number {at}."}
        for at, weight in enumerate(weights)
    ]
    return {"sections": [{"id": "facts", "criteria": criteria}]}


def graded_tasks(count: int = 1, *weights: float) -> list[dict[str, Any]]:
    return [
        {"id": f"t{at}", "input": f"Question {at}?", "domain": "d", "rubric": rubric(*(weights or (1, 1)))}
        for at in range(count)
    ]


def exact_tasks(count: int = 1, expected: str = "42") -> list[dict[str, Any]]:
    return [{"id": f"t{at}", "input": f"Question {at}?", "expected": expected} for at in range(count)]


@dataclass
class EvalHouse:
    """One folder with an eval file, its tasks and its results, and the models that it is about."""

    server: ScriptedServer
    folder: Path
    resources: Resources = field(init=False)

    def __post_init__(self) -> None:
        self.resources = Resources(gateway=Gateway(self.server.base_url, ""))
        for model in (ALPHA, BETA):
            self.server.on(model, Text(f"{model} says 42", usage=Usage(100, 10, cost=0.01)))
        self.server.on(JUDGE, Text(COMPARED, usage=Usage(100, 10, cost=0.02)))
        for model in (WRITER, OTHER):
            self.server.on(model, Text("42", usage=Usage(100, 10, cost=0.03)))
        for model in (GRADER, SECOND):
            self.server.on(model, Text(verdict(), usage=Usage(100, 10, cost=0.001)))

    def file(
        self, configurations: dict[str, Any], tasks: Sequence[dict[str, Any]] | None = None, **sections: Any
    ) -> Path:
        """Write an eval file and its tasks."""
        lines = "".join(json.dumps(task) + "\n" for task in (exact_tasks() if tasks is None else tasks))
        (self.folder / "tasks.jsonl").write_text(lines, "utf-8")
        whole = {
            "name": "try",
            "dataset": {"path": "tasks.jsonl"},
            "grading": {"judge": GRADER, "runs": 2},
            "defaults": {"tools": []},
            "configurations": configurations,
            **sections,
        }
        path = self.folder / "eval.json"
        path.write_text(json.dumps(whole), "utf-8")
        return path

    @property
    def results(self) -> Path:
        return self.folder / "results" / "try"

    @asynccontextmanager
    async def bench(self, path: Path, **more: Any) -> AsyncIterator[Bench]:
        async with opened(read_eval_file(path), self.results, resources=self.resources, **more) as bench:
            yield bench

    async def rows(self, path: Path, **more: Any) -> dict[tuple[str, str, int], Row]:
        """Make every row of an eval file, one after another."""
        async with self.bench(path, **more) as bench:
            return {
                (plan.name, task.id, generation): await bench.live.row(plan, task, generation)
                for generation in range(bench.file.generations)
                for task in bench.dataset.tasks
                for plan in bench.file.plans
            }

    async def row(self, path: Path, name: str = "it", **more: Any) -> Row:
        return (await self.rows(path, **more))[name, "t0", 0]

    @property
    def counts(self) -> dict[str, int]:
        """Calls by model."""
        return dict(Counter(call.model for call in self.server.calls))

    def calls(self, model: str) -> list[ReceivedCall]:
        return self.server.calls_of(model)

"""Scripted models of known skill and price, and a search for the best panel of them."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
import sys
import warnings
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from eval_house import COMPARED, NEVER
from rich.console import Console

from fusion_graph import Gateway, Resources
from fusion_graph.evals.optimize.session import Options, work
from fusion_graph.evals.optimize.standings import Found
from fusion_graph.terminal.consoles import Screen
from fusion_graph.testing import ReceivedCall, Reply, ScriptedServer, Text, Usage

CHEAP, DEAR, DEAD = "acme/cheap", "bolt/dear", "dead/weight"
SKILLS = {CHEAP: (0.55, 0.01), DEAR: (0.8, 0.05), DEAD: (0.2, 0.2)}
"""How often each model is right, and US dollars for a call of it. Nobody should ever take the third one."""
_QUESTION = re.compile(r"Question \d+\?")
MORTALS = get_context("forkserver")
MORTALS.set_forkserver_preload(["fusion_graph.evals.optimize.session", "langchain_openai"])


def right(model: str, question: str, how_often: float) -> bool:
    """Whether a model knows the answer to a question: always the same."""
    drawn = hashlib.sha256(f"{model} {question}".encode()).digest()
    return int.from_bytes(drawn[:4], "big") / 2**32 < how_often


def question_of(call: ReceivedCall) -> str:
    found = _QUESTION.search(json.dumps(call.body))
    assert found is not None
    return found[0]


def answer(call: ReceivedCall) -> Reply:
    """Judge if asked to; answer better with drafts at hand."""
    skill, price = SKILLS[call.model]
    usage = Usage(100, 10, cost=price)
    if "response_format" in call.body:
        return Text(COMPARED, usage=usage)
    writes = "<draft label" in json.dumps(call.body)
    known = right(call.model + (" writes" if writes else ""), question_of(call), min(1.0, skill + 0.2 * writes))
    return Text("42" if known else "no idea", usage=usage)


@dataclass
class SearchHouse:
    """One folder with a search file, its tasks and its results, and the models that it is about."""

    server: ScriptedServer
    folder: Path
    resources: Resources = field(init=False)

    def __post_init__(self) -> None:
        self.resources = Resources(gateway=Gateway(self.server.base_url, ""))
        for model in SKILLS:
            self.server.on(model, answer)

    def file(self, tasks: int = 12, **sections: Any) -> Path:
        """Write a search file and its tasks."""
        lines = [
            {"id": f"t{at}", "input": f"Question {at}?", "domain": "ab"[at % 2], "expected": "42"}
            for at in range(tasks)
        ]
        (self.folder / "tasks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        whole = {
            "name": "try",
            "dataset": "tasks.jsonl",
            "defaults": {"tools": []},
            "space": {"models": [CHEAP, DEAR], "panel_sizes": [2]},
            "search": {"first_block": 4},
            **sections,
        }
        path = self.folder / "search.json"
        path.write_text(json.dumps(whole), "utf-8")
        return path

    @property
    def results(self) -> Path:
        return self.folder / "results" / "try"

    async def run(self, path: Path, action: str = "run", **more: Any) -> tuple[int, str]:
        """Do what a subcommand does; gives exit code and what was printed."""
        out, err = (Console(file=io.StringIO(), width=200) for _ in range(2))
        given = {"resources": self.resources, "yes": True, "out": self.folder / "results", **more}
        code = await work(action, Options(path, **given), Screen(out, err))  # type: ignore[arg-type]
        return code, out.file.getvalue() + err.file.getvalue()  # type: ignore[attr-defined]

    @property
    def found(self) -> Found:
        """What the last search wrote."""
        return Found.model_validate_json((self.results / "report.json").read_text("utf-8"))

    @property
    def counts(self) -> Counter[str]:
        """Calls by model."""
        return Counter(call.model for call in self.server.calls)

    def hang(self, model: str, at: int) -> None:
        """Let one call of a model hang, counted from now on; all others are answered."""
        self.server.on(model, *[answer] * at, NEVER, answer)


def _live(file: Path, out: Path, gateway: str, said: Path) -> None:
    warnings.simplefilter("error")
    sys.stdout = sys.stderr = said.open("w", encoding="utf-8")
    options = Options(file, out, yes=True, resources=Resources(gateway=Gateway(gateway, "")))
    sys.exit(asyncio.run(work("run", options, Screen.open(color=False))))


class MortalSearch:
    """A process that runs `fusion optimize run`, and can be killed at any moment.

    Args:
        house: The search.
        file: The search file.
    """

    def __init__(self, house: SearchHouse, file: Path) -> None:
        self._said = house.folder / "said.log"
        self._process = MORTALS.Process(
            target=_live, args=(file, house.folder / "results", house.server.base_url, self._said)
        )
        self._process.start()

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        self._process.join()

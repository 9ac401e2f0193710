"""`fusion eval` as it is typed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from eval_house import ALPHA, BETA, FUSED, SECOND, EvalHouse, exact_tasks, graded_tasks
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from typer.testing import CliRunner

from fusion_graph.cli import app
from fusion_graph.evals.session import Options, work
from fusion_graph.terminal.consoles import Screen
from fusion_graph.testing import Text
from fusion_graph.testing.loopback import Loopback

FUSION = (sys.executable, "-m", "fusion_graph.cli", "eval")
HEAVY = ("langgraph", "langchain_core", "httpx", "rich", "numpy", "yaml", "sqlite3")


def typed(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*FUSION, *arguments], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120,
        env={**os.environ, "NO_COLOR": "1", **variables}, check=False,
    )  # fmt: skip


def test_help_names_the_subcommands_and_loads_nothing_heavy() -> None:
    script = (
        "import sys\nfrom fusion_graph.cli import app\n"
        "try: app(['eval', '--help'])\nexcept SystemExit: pass\n"
        f"print('LOADED', *[name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for name in ("init", "run", "estimate", "status", "regrade"):
        assert f"  {name} " in done.stdout
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_init_writes_a_file_that_can_be_estimated_by_name_and_overwrites_none(tmp_path: Path) -> None:
    done = typed(tmp_path, "init")
    assert done.returncode == 0, done.stderr
    assert "fusion eval estimate eval.yaml" in done.stdout
    text = (tmp_path / "eval.yaml").read_text("utf-8")
    again = typed(tmp_path, "init")
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert (tmp_path / "eval.yaml").read_text("utf-8") == text


def test_a_run_without_a_terminal_needs_consent_and_then_runs(house: EvalHouse) -> None:
    path = house.file({"alone": {"solo": ALPHA}, "it": FUSED}, exact_tasks(2))
    given = (str(path), "--gateway-url", house.server.base_url)
    refused = typed(house.folder, "run", *given)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert house.counts == {}

    done = typed(house.folder, "run", *given, "--max-cost", "5")
    assert done.returncode == 0, done.stderr
    assert "fusion report results/try" in done.stdout
    assert "alone" in done.stdout
    assert "4 of 4 rows" in done.stderr
    experiment = json.loads((house.results / "experiment.json").read_text("utf-8"))
    assert len(experiment["rows"]) == 4


def test_a_mistake_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    done = typed(tmp_path, "run", "nowhere.yaml")
    assert done.returncode == 2
    assert "fusion eval init" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("sum_of_money", ["0", "-1", "nan", "inf"])
@pytest.mark.parametrize("command", ["eval", "optimize"])
def test_a_cap_that_is_none_is_refused(house: EvalHouse, command: str, sum_of_money: str) -> None:
    file = house.file({"it": {"solo": ALPHA}})
    if command == "optimize":
        file.write_text(json.dumps({"dataset": "invoices", "space": {"models": [ALPHA]}}), "utf-8")
    done = CliRunner().invoke(app, [command, "run", str(file), "--max-cost", sum_of_money])
    assert done.exit_code == 2
    assert f"--max-cost: {sum_of_money} is no cap" in done.output
    assert house.counts == {}


def test_more_tasks_than_there_are_cannot_be_sampled(house: EvalHouse) -> None:
    file = house.file({"it": {"solo": ALPHA}}, exact_tasks(2), dataset={"path": "tasks.jsonl", "sample": 3})
    done = CliRunner().invoke(app, ["eval", "estimate", str(file), "--out", str(house.folder / "results")])
    assert done.exit_code == 2
    assert "dataset.sample: 3 is more than the 2 tasks there are" in done.output


def test_a_missing_key_is_said_before_anything_is_spent(house: EvalHouse) -> None:
    path = house.file({"it": {"solo": "openai:gpt-5.5"}})
    done = typed(house.folder, "run", str(path), "--yes")
    assert done.returncode == 2
    assert "configurations.it" in done.stderr
    assert "OPENAI_API_KEY" in done.stderr


async def test_a_seat_that_refused_leaves_nothing_missing_and_its_panel_is_asked_about_before_it_is_graded_again(
    house: EvalHouse,
) -> None:
    house.server.on(BETA, Text(refusal="I will not."))
    path = house.file(
        {"it": FUSED, "nobody": {**FUSED, "panel": [BETA, BETA]}, "alone": {"solo": BETA}}, graded_tasks()
    )

    async def did(action: Any, **more: Any) -> tuple[int, str]:
        shown = [Console(file=io.StringIO(), width=150) for _ in range(2)]
        options = Options(path, house.folder / "results", resources=house.resources, **more)
        code = await work(action, options, Screen(*shown))
        return code, "".join(console.file.getvalue() for console in shown)  # type: ignore[attr-defined]

    assert (await did("run", yes=True))[0] == 0
    before = house.counts
    assert "Nothing is missing." in (await did("status"))[1]
    code, said = await did("run")
    assert (code, house.counts) == (0, before), "nothing is missing, so nobody need be asked"
    assert "3 of 3 answers are there" in said

    code, said = await did("regrade", judge=SECOND)
    assert (code, house.counts) == (2, before), "verdicts cost money, and nobody could be asked"
    assert "give --yes" in said
    code, said = await did("regrade", judge=SECOND, yes=True)
    assert code == 0
    assert "3 of 3 rows, 4 of 4 stages" in said
    assert house.counts == {**before, SECOND: 4}


async def test_results_are_uploaded_with_one_command_and_what_is_missing_for_that_is_said(house: EvalHouse) -> None:
    path = house.file({"alone": {"solo": ALPHA}, "it": FUSED}, exact_tasks(2))
    nothing = typed(house.folder, "upload", str(path))
    assert nothing.returncode == 2
    assert "no results are there yet; `fusion eval run" in nothing.stderr

    out = house.folder / "results"
    shown = Screen(*(Console(file=io.StringIO()) for _ in range(2)))
    assert await work("run", Options(path, out, yes=True, resources=house.resources), shown) == 0
    keyless = typed(house.folder, "upload", str(path))
    assert keyless.returncode == 2
    assert keyless.stderr.startswith("Error: LangSmith needs a key: set LANGSMITH_API_KEY")
    assert len(keyless.stderr.splitlines()) == 1

    bodies: list[dict[str, object]] = []

    async def take(request: Request) -> JSONResponse:
        bodies.append(json.loads(await request.body()))
        return JSONResponse({"experiment": {"id": f"e{len(bodies)}"}})

    http = Loopback(Starlette(routes=[Route("/datasets/upload-experiment", take, methods=["POST"])]))
    endpoint = f"http://127.0.0.1:{http.listen()}"
    try:
        done = typed(
            house.folder, "upload", str(path), LANGSMITH_ENDPOINT=endpoint, LANGSMITH_API_KEY="lsv2_pt_abcdefabcdef"
        )
    finally:
        http.close()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["alone: 2 rows, experiment e1", "it: 2 rows, experiment e2"]
    assert [len(body["results"]) for body in bodies] == [2, 2]  # type: ignore[arg-type]
    assert done.stderr == ""

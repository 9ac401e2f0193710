"""Uploads to LangSmith: the real client, a local server that keeps what arrives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from langsmith import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fusion_graph.errors import MissingKeyError
from fusion_graph.evals.langsmith.upload import UploadError, upload
from fusion_graph.evals.results import Configuration, Experiment, Grading, Row, Score
from fusion_graph.evals.schema import Criterion, Dataset, Rubric, Scorer, Section, Task
from fusion_graph.testing.loopback import Loopback

RUBRIC = Rubric(sections=[Section(id="facts", criteria=[Criterion(id="c", weight=1, requirement="says THE-KEY")])])
TASKS = [Task(id=f"t{n}", input=f"question {n}", domain="law", rubric=RUBRIC, expected=None) for n in range(3)]
DATASET = Dataset(name="mine", sha256="ab" * 32, scorer=Scorer(kind="rubric"), tasks=TASKS)


class Recorder:
    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status = 200

    async def take(self, request: Request) -> Response:
        self.paths.append(f"{request.method} {request.url.path}")
        if request.url.path.endswith("/info"):
            return JSONResponse({})
        if self.status != 200:
            return JSONResponse({"detail": "no, lsv2_pt_abcdefabcdef"}, self.status)
        self.bodies.append(json.loads(await request.body()))
        return JSONResponse({"dataset": {"id": "d"}, "experiment": {"id": f"e{len(self.bodies)}"}})


@pytest.fixture
def recorder() -> Iterator[tuple[Recorder, Client]]:
    held = Recorder()
    http = Loopback(Starlette(routes=[Route("/{path:path}", held.take, methods=["GET", "POST"])]))
    client = Client(
        api_url=f"http://127.0.0.1:{http.listen()}", api_key="lsv2_pt_abcdefabcdef", auto_batch_tracing=False
    )
    yield held, client
    client.session.close()
    http.close()


def row(configuration: str, task: int, **facts: Any) -> Row:
    return Row(**{"configuration": configuration, "task_id": f"t{task}", "domain": "law", "outcome": "ok", **facts})


def scored(value: float, **facts: Any) -> dict[str, Any]:
    receipt = {"started_at": 1_700_000_000.0 + value, "seconds": 5.0}
    score = Score(run=0, raw=1, value=value, pass_rate=50.0, axes={"facts": value, "style": None})
    return {"scores": [score], "receipt": receipt, "answer": "because", "cost_usd": 0.25, **facts}


def experiment(**facts: Any) -> Experiment:
    rows = [
        row("solo", 0, **scored(40.0)),
        row("solo", 1, outcome="refused", error="it would not"),
        row("panel", 0, **scored(80.0)),
        row("panel", 1, **scored(60.0, contaminated=["saw the key"], cost_usd=None)),
    ]
    held = {
        "name": "first",
        "dataset": "mine",
        "sha256": DATASET.sha256,
        "tasks": 3,
        "grading": Grading(scorer="rubric", runs=1, judge="vendor/judge"),
        "configurations": [
            Configuration(name="solo", kind="solo"),
            Configuration(name="panel", kind="panel", label="The panel"),
            Configuration(name="never-run", kind="solo"),
        ],
        "rows": rows,
    }
    return Experiment(**{**held, **facts})


def test_each_configuration_becomes_one_experiment_on_the_same_dataset(recorder: tuple[Recorder, Client]):
    held, client = recorder
    sent = upload(experiment(), DATASET, client=client)
    assert [(one.configuration, one.experiment_id, one.rows) for one in sent] == [("solo", "e1", 2), ("panel", "e2", 2)]
    assert held.paths.count("POST /datasets/upload-experiment") == 2
    solo, panel = held.bodies
    assert solo["dataset_name"] == panel["dataset_name"] == "mine abababababab"
    assert panel["experiment_name"] == "first: The panel"
    assert [one["row_id"] for one in solo["results"]] == [one["row_id"] for one in panel["results"]]
    assert solo["results"][0]["row_id"] != solo["results"][1]["row_id"]


def test_unknown_is_left_out_and_never_zero(recorder: tuple[Recorder, Client]):
    held, client = recorder
    upload(experiment(), DATASET, client=client)
    solo, panel = held.bodies
    refused = solo["results"][1]
    assert refused["evaluation_scores"] == []
    assert refused["error"] == "it would not"
    keys = {entry["key"]: entry["score"] for entry in panel["results"][0]["evaluation_scores"]}
    assert keys == {"score": 80.0, "pass_rate": 50.0, "facts": 80.0, "cost_usd": 0.25}
    unpriced = {entry["key"] for entry in panel["results"][1]["evaluation_scores"]}
    assert "cost_usd" not in unpriced
    summary = {entry["key"]: entry for entry in panel["summary_experiment_scores"]}
    assert summary["score"]["score"] == 80.0
    assert summary["contaminated"]["score"] == 1
    assert summary["cost_usd"]["comment"].startswith("at least")


def test_the_times_of_rows_lie_within_the_experiment(recorder: tuple[Recorder, Client]):
    held, client = recorder
    upload(experiment(), DATASET, client=client)
    for body in held.bodies:
        begin, end = (datetime.fromisoformat(body[f"experiment_{edge}_time"]) for edge in ("start", "end"))
        for one in body["results"]:
            assert begin <= datetime.fromisoformat(one["start_time"]) <= datetime.fromisoformat(one["end_time"]) <= end


def test_the_answer_key_is_sent_only_when_asked_for(recorder: tuple[Recorder, Client]):
    held, client = recorder
    upload(experiment(), DATASET, client=client)
    assert "THE-KEY" not in json.dumps(held.bodies)
    held.bodies.clear()
    upload(experiment(), DATASET, client=client, rubrics=True)
    assert held.bodies[0]["results"][0]["expected_outputs"]["rubric"]["sections"][0]["criteria"][0]["id"] == "c"


def test_a_refused_upload_names_the_configuration_and_no_key(recorder: tuple[Recorder, Client]):
    held, client = recorder
    held.status = 422
    with pytest.raises(UploadError, match="'solo'") as caught:
        upload(experiment(), DATASET, client=client)
    assert "lsv2_pt" not in str(caught.value)


def test_another_dataset_is_refused_before_anything_is_sent(recorder: tuple[Recorder, Client]):
    held, client = recorder
    with pytest.raises(ValueError, match="give the file that was answered"):
        upload(experiment(sha256="cd" * 32), DATASET, client=client)
    assert held.bodies == []


def test_without_a_key_the_error_says_what_to_set():
    with pytest.raises(MissingKeyError, match="LANGSMITH_API_KEY"):
        upload(experiment(), DATASET, client=Client(api_url="http://127.0.0.1:9", auto_batch_tracing=False))

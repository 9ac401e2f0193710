"""LangSmith's own evaluation with our rubrics, and without LangSmith."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langsmith import Client, aevaluate
from langsmith.schemas import Example
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fusion_graph import FusionConfig, Resources, build_fusion_agent
from fusion_graph.evals.grading import GradingModel
from fusion_graph.evals.langsmith import local
from fusion_graph.evals.langsmith.evaluator import as_langsmith_evaluator
from fusion_graph.evals.langsmith.local import evaluate_locally
from fusion_graph.evals.schema import Criterion, Rubric, Section
from fusion_graph.kit import Kit
from fusion_graph.testing import ReceivedCall, ScriptedServer
from fusion_graph.testing.loopback import Loopback

JUDGE = "vendor/judge"
RUBRIC = Rubric(
    sections=[
        Section(
            id="facts",
            criteria=[
                Criterion(id="right", weight=10, requirement="Says CANBERRA."),
                Criterion(id="since", weight=10, requirement="Says 1913."),
                Criterion(id="wrong", weight=-5, requirement="Says SYDNEY."),
            ],
        )
    ]
)


def by_the_words(call: ReceivedCall) -> str:
    """A judge that looks for the word in capitals in the answer."""
    word = next(one for one in ("CANBERRA", "1913", "SYDNEY") if f"Says {one}." in call.prompt)
    answer = call.prompt.replace(f"Says {word}.", "")
    met = word.lower() in answer.lower()
    return json.dumps({"verdict": "MET" if met else "UNMET", "justification": "Looked."})


@pytest.fixture
def grading(server: ScriptedServer, resources: Resources) -> GradingModel:
    server.on(JUDGE, by_the_words)
    kit = Kit(resources=resources)
    return GradingModel(kit.models, JUDGE, prices=kit.prices)


async def test_an_answer_is_graded_criterion_by_criterion_in_every_judge_run(
    server: ScriptedServer, grading: GradingModel
):
    evaluate = as_langsmith_evaluator(grading, RUBRIC, runs=2)
    found = await evaluate({"input": "Capital?"}, {"answer": "It is Canberra, not Sydney."}, None)
    scores = {entry["key"]: entry["score"] for entry in found["results"]}
    assert scores == {"coverage": 1.0, "score": 25.0, "pass_rate": pytest.approx(100 / 3), "facts": 25.0}
    assert "since, wrong" in next(entry for entry in found["results"] if entry["key"] == "score")["comment"]
    assert len(server.calls) == 6


async def test_each_example_may_bring_its_own_rubric_and_a_conversation(grading: GradingModel):
    evaluate = as_langsmith_evaluator(grading, runs=1)
    asked = {"messages": [HumanMessage("Capital?")]}
    for answer in (AIMessage("Canberra, since 1913."), {"role": "assistant", "content": "Canberra, since 1913."}):
        found = await evaluate(asked, {"messages": [answer]}, {"rubric": RUBRIC.model_dump()})
        assert {entry["key"]: entry["score"] for entry in found["results"]}["score"] == 100.0


async def test_what_could_not_be_graded_is_no_score(server: ScriptedServer, resources: Resources):
    server.on(JUDGE, "I would rather not say.")
    grader = GradingModel(Kit(resources=resources).models, JUDGE)
    found = await as_langsmith_evaluator(grader, RUBRIC, runs=1)({"input": "Capital?"}, {"answer": "Canberra."}, None)
    (only,) = found["results"]
    assert (only["key"], only["score"]) == ("coverage", 0.0)
    assert "right, run 0" in only["comment"]


@pytest.mark.parametrize(
    ("outputs", "reference", "said"),
    [
        ({"text": "x"}, {"rubric": RUBRIC.model_dump()}, "answer: there is no such text"),
        ({"answer": "x"}, None, "there is no 'rubric'"),
        ({"answer": "x"}, {"rubric": {"sections": []}}, "reference_outputs.rubric"),
    ],
)
async def test_what_is_missing_is_named(grading: GradingModel, outputs: dict[str, Any], reference: Any, said: str):
    with pytest.raises(ValueError, match=said):
        await as_langsmith_evaluator(grading, runs=1)({"input": "Capital?"}, outputs, reference)


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch):
    """Requests that a LangSmith at the configured address would have got."""
    heard: list[str] = []

    async def take(request: Request) -> Response:
        heard.append(f"{request.method} {request.url.path}")
        return JSONResponse({})

    http = Loopback(Starlette(routes=[Route("/{path:path}", take, methods=["GET", "POST", "PATCH", "PUT"])]))
    url = f"http://127.0.0.1:{http.listen()}"
    monkeypatch.setenv("LANGSMITH_ENDPOINT", url)
    monkeypatch.setenv("LANGSMITH_API_KEY", "lsv2_pt_nobody")
    monkeypatch.setattr("fusion_graph.evals.langsmith.local._NOWHERE", url)
    by_variables = Client(auto_batch_tracing=False)  # what a graph's own tracing would send by, at once
    monkeypatch.setattr("langsmith.run_trees._CLIENT", by_variables)
    yield heard
    by_variables.session.close()
    http.close()


@pytest.mark.filterwarnings("ignore:'upload_results' parameter is in beta")
@pytest.mark.parametrize("tracing", [None, "false", "true"])
async def test_a_local_evaluation_posts_nothing_whatever_the_environment_says(
    server: ScriptedServer,
    resources: Resources,
    grading: GradingModel,
    posted: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tracing: str | None,
):
    made: list[Client] = []
    monkeypatch.setattr(local, "Client", lambda **given: made.append(Client(**given)) or made[-1])
    if tracing is not None:
        monkeypatch.setenv("LANGSMITH_TRACING", tracing)
    server.on("vendor/writer", "Canberra, since 1913.")
    graph = build_fusion_agent(FusionConfig(writer="vendor/writer", may_deliberate=False), resources=resources)

    async def target(inputs: dict[str, Any]) -> dict[str, Any]:
        output = await graph.ainvoke({"messages": [HumanMessage(inputs["input"])]})
        return {"answer": output["messages"][-1].text}

    example = Example(id=uuid4(), inputs={"input": "Capital?"}, outputs={}, created_at=datetime.now(UTC))
    results = await evaluate_locally(
        target, [example], evaluators=[as_langsmith_evaluator(grading, RUBRIC, runs=1)], max_concurrency=1
    )
    (row,) = [row async for row in results]
    scores = {one.key: one.score for one in row["evaluation_results"]["results"]}
    assert scores["score"] == 100.0
    assert row["run"].outputs == {"answer": "Canberra, since 1913."}
    (client,) = made
    client.flush()
    client.close()
    client.session.close()
    assert [one for one in posted if not one.startswith("GET")] == []


@pytest.mark.parametrize("option", ["client", "upload_results", "experiment"])
async def test_a_local_evaluation_refuses_what_would_send(option: str):
    with pytest.raises(ValueError, match=f"^{option}: a local evaluation"):
        await evaluate_locally(aevaluate, [], **{option: True})

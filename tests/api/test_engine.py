"""The engine: what it tells, how it goes on, and what it says of runs that cannot start."""

from __future__ import annotations

import pytest
from api_house import AGREED, ALPHA, ANSWER, BETA, DRAFTS, JUDGE, QUESTION, WRITER, script
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from fusion_graph import FusionConfig, Resources
from fusion_graph.server.engine import LocalEngine
from fusion_graph.server.errors import ApiError
from fusion_graph.server.plan import GraphName, RunPlan
from fusion_graph.server.render.responses_stream import ResponsesStream
from fusion_graph.server.run_events import Ended, RunEvent, SeatCompleted, SeatDelta, WriterStarted
from fusion_graph.testing import ScriptedServer, Text


def plan(graph: GraphName = "fusion", **settings: object) -> RunPlan:
    base = {"panel": [ALPHA, BETA], "judge": JUDGE, "writer": WRITER, "tools": []}
    config = FusionConfig.model_validate({**base, **settings})
    return RunPlan(graph, config, [HumanMessage(QUESTION)], WRITER, "plugin", "anonymous")


async def told(engine: LocalEngine, asked: RunPlan, **how: object) -> list[RunEvent]:
    return [event async for event in engine.stream(asked, **how)]  # type: ignore[arg-type]


async def test_a_plan_runs_the_same_after_it_was_written_down(server: ScriptedServer, resources: Resources) -> None:
    script(server)
    events = await told(LocalEngine(resources), RunPlan.from_json(plan().as_json()))
    assert isinstance(events[-1], Ended)
    assert events[-1].output["messages"][-1].text == ANSWER
    drafts = {event.seat_id: event.content for event in events if isinstance(event, SeatCompleted)}
    assert drafts == {"seat-1": DRAFTS[ALPHA], "seat-2": DRAFTS[BETA]}


async def test_a_run_that_was_broken_off_is_taken_up_and_its_stream_goes_on(
    server: ScriptedServer, resources: Resources
) -> None:
    script(server)
    server.on(WRITER, Text(ANSWER, delay=30), ANSWER)
    engine, asked = LocalEngine(resources, InMemorySaver()), plan()
    wire = ResponsesStream(asked, "resp_1", 1, background=True)
    sent = []
    stream = engine.stream(asked, thread_id="resp_1")
    async for event in stream:
        sent += wire.feed(event)
        if isinstance(event, WriterStarted):
            break
    await server.until(lambda: server.calls_of(WRITER))
    await stream.aclose()
    restored = ResponsesStream(asked, "resp_1", 1, background=True, restored=sent)
    for event in await told(engine, asked, thread_id="resp_1", resume=True):
        sent += restored.feed(event)
    assert [event["sequence_number"] for event in sent] == list(range(len(sent)))
    response = restored.response()
    assert response["status"] == "completed"
    assert [item["type"] for item in response["output"]] == ["openrouter:fusion", "message"]
    assert response["output"][1]["content"][0]["text"] == ANSWER
    assert len(response["output"][0]["responses"]) == 2
    assert [len(server.calls_of(model)) for model in (ALPHA, BETA, JUDGE)] == [1, 1, 1]


async def test_a_run_never_waits_for_its_reader_and_the_reader_loses_nothing(
    server: ScriptedServer, resources: Resources
) -> None:
    script(server)
    long = " ".join(str(number) for number in range(3_000))
    server.on(ALPHA, long).on(JUDGE, AGREED)
    stream = LocalEngine(resources).stream(plan())
    events = [await anext(stream)]
    await server.until(lambda: server.calls_of(WRITER) and server.open_requests == 0, timeout=20)
    events += [event async for event in stream]
    deltas = [event for event in events if isinstance(event, SeatDelta) and event.seat_id == "seat-1"]
    assert "".join(delta.text for delta in deltas) == long
    assert len(deltas) == 1, "what waited was joined"
    assert isinstance(events[-1], Ended)


@pytest.mark.parametrize(
    ("settings", "code", "param"),
    [
        ({"max_total_tokens": 50}, "limit_too_low", "max_total_tokens"),
        ({"judge": "openai:gpt-5.5"}, "model_not_available", "judge"),
        ({"tools": ["no_such_tool"]}, "invalid_value", "tools"),
        ({"preset": "no-such-preset"}, "invalid_value", "preset"),
    ],
)
async def test_a_run_that_cannot_start_is_an_error_that_names_its_field(
    server: ScriptedServer, resources: Resources, settings: dict[str, object], code: str, param: str
) -> None:
    with pytest.raises(ApiError) as refused:
        await told(LocalEngine(resources), plan(**settings))
    assert (refused.value.status, refused.value.code) == (400, code)
    assert refused.value.param == param
    assert server.calls == []

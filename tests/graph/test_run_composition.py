"""A graph inside another, and many runs on one graph at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from scripted_house import ALPHA, ANSWER, BETA, GAMMA, JUDGE, WRITER, House, ask, asked, user_texts

from fusion_graph import FusionConfig
from fusion_graph.fence import unfence
from fusion_graph.testing import ReceivedCall, Reply, Text


@dataclass
class HostContext:
    """What the host's own nodes need; the fusion inside takes its `fusion` field."""

    user: str
    fusion: FusionConfig | None = None


class PlainContext(TypedDict):
    """A host's context in plain data."""

    user: str
    fusion: dict[str, Any]


class HostState(MessagesState):
    """The host's state: messages, the analysis that the fusion leaves, and a field of its own."""

    analysis: dict[str, Any]
    greeted: str


def host(house: House, context: type[Any], **settings: Any) -> Any:
    """A graph that greets, fuses and signs."""

    def greet(state: HostState, runtime: Runtime[Any]) -> dict[str, Any]:
        user = runtime.context["user"] if isinstance(runtime.context, dict) else runtime.context.user
        return {"greeted": user}

    def sign(state: HostState) -> dict[str, Any]:
        return {"messages": [AIMessage(f"{state['messages'][-1].text} Yours, {state['greeted']}.")]}

    builder = StateGraph(HostState, context_schema=context)
    builder.add_node("greet", greet)
    builder.add_node("fuse", house.fusion(**settings))
    builder.add_node("sign", sign)
    builder.add_edge(START, "greet")
    builder.add_edge("greet", "fuse")
    builder.add_edge("fuse", "sign")
    builder.add_edge("sign", END)
    return builder.compile(checkpointer=InMemorySaver())


THREAD: Any = {"configurable": {"thread_id": "host"}}


@pytest.mark.parametrize(
    ("kind", "context", "models"),
    [
        (HostContext, HostContext("Ann"), {ALPHA, BETA}),
        (HostContext, HostContext("Ann", FusionConfig(panel=[GAMMA])), {GAMMA}),
        (PlainContext, {"user": "Ann", "fusion": {"panel": [GAMMA]}}, {GAMMA}),
    ],
    ids=["without fusion settings", "with fusion settings", "a plain dict"],
)
async def test_the_graph_works_as_a_subgraph_under_a_context_of_the_host_s(
    house: House, kind: type[Any], context: Any, models: set[str]
) -> None:
    output = await host(house, kind).ainvoke(asked(), THREAD, context=context)
    assert output["messages"][-1].text == f"{ANSWER} Yours, Ann."
    assert output["analysis"]["consensus"] == ["It does."]
    assert {call.model for call in house.server.calls} - {JUDGE, WRITER} == models


async def test_a_subgraph_s_seats_stream_through_the_host(house: House) -> None:
    seats, completed = set(), 0
    graph = host(house, HostContext)
    stream = graph.astream(
        asked(), THREAD, context=HostContext("Ann"), stream_mode=["messages", "custom"], subgraphs=True
    )
    async for _namespace, mode, data in stream:
        if mode == "messages" and "seat_id" in data[1]:
            seats.add(data[1]["seat_id"])
        completed += mode == "custom" and data["type"] == "panel.completed"
    assert seats == {"seat-1", "seat-2"}
    assert completed == 2


async def test_a_host_s_second_turn_fuses_afresh(house: House) -> None:
    graph = host(house, HostContext)
    await graph.ainvoke(asked("First?"), THREAD, context=HostContext("Ann"))
    await graph.ainvoke(asked("Second?"), THREAD, context=HostContext("Ann"))
    second = user_texts(house.calls(JUDGE)[1])[0]
    assert unfence(second, "question")[0].text == "Second?"
    assert len(house.calls(ALPHA)) == 2


@dataclass
class Echo:
    """Answers with the mark that stands in what it is asked, after a moment."""

    delays: list[float] = field(default_factory=lambda: [0.02, 0.0, 0.05, 0.01])

    def __call__(self, call: ReceivedCall) -> Reply:
        mark = call.prompt.split("MARK-")[1][:3]
        return Text(f"MARK-{mark} from {call.model}", delay=self.delays[call.index % len(self.delays)])


async def test_twenty_runs_at_once_on_one_graph_do_not_mix(house: House) -> None:
    for model in (ALPHA, BETA, JUDGE, WRITER):
        house.server.on(model, Echo())
    graph = house.fusion(checkpointer=InMemorySaver())

    async def run(number: int) -> dict[str, Any]:
        thread: Any = {"configurable": {"thread_id": str(number)}}
        return await ask(graph, f"MARK-{number:03} why?", thread, context={"seed": number})

    outputs = await asyncio.gather(*[run(number) for number in range(20)])
    for number, output in enumerate(outputs):
        mark = f"MARK-{number:03}"
        assert [entry["content"] for entry in output["responses"]] == [f"{mark} from {m}" for m in (ALPHA, BETA)]
        assert output["messages"][-1].text == f"{mark} from {WRITER}"
        assert output["receipt"]["seed"] == number
        assert output["receipt"]["totals"]["calls"] == 5  # the judge, who answers no JSON, is asked twice
    assert house.server.max_parallel > 4
    for call in house.server.calls:
        assert len({part[:3] for part in call.prompt.split("MARK-")[1:]}) == 1


async def test_different_panels_at_once_on_one_graph_do_not_mix(house: House) -> None:
    graph = house.fusion()
    panels = [[ALPHA], [BETA, GAMMA], [GAMMA] * 3, [ALPHA, BETA]] * 3
    outputs = await asyncio.gather(*[ask(graph, context={"panel": panel}) for panel in panels])
    for panel, output in zip(panels, outputs, strict=True):
        assert [entry["model"] for entry in output["responses"]] == panel
        assert len(output["receipt"]["seats"]) == len(panel)


def test_one_graph_serves_runs_in_several_event_loops_one_after_the_other(house: House) -> None:
    graph = house.fusion()

    async def run() -> dict[str, Any]:
        from fusion_graph.http import close_http_client

        try:
            return await ask(graph, [HumanMessage("Why?")])
        finally:
            await close_http_client()

    for _ in range(2):
        assert asyncio.run(run())["messages"][-1].text == ANSWER


async def test_one_failing_run_leaves_its_neighbours_alone(house: House) -> None:
    graph = house.fusion()
    contexts: list[dict[str, Any]] = [{}, {"panel": ["no/such"]}, {"panel": ["anthropic:x"]}, {}]
    outputs = await asyncio.gather(*[ask(graph, context=context) for context in contexts], return_exceptions=True)
    good, dead, refused, also_good = outputs
    assert isinstance(good, dict)
    assert isinstance(also_good, dict)
    assert good["messages"][-1].text == also_good["messages"][-1].text == ANSWER
    assert isinstance(dead, dict)
    assert dead["failure_reason"] == "invalid_model"
    assert isinstance(refused, ValueError)

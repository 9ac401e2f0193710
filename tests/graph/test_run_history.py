"""Conversations: what the panel sees of earlier turns, threads that go on, and runs that are resumed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.event_hooks import register_serde_event_listener
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from scripted_house import ALPHA, ANSWER, BETA, JUDGE, WRITER, House, analysis, ask, asked, draft_of, user_texts

from fusion_graph import Receipt
from fusion_graph.fence import unfence
from fusion_graph.nodes import judge as judge_module
from fusion_graph.testing import Fault, ReceivedCall, Researcher, Text, ToolCall

TALK: list[AnyMessage] = [
    SystemMessage("You are the house's own assistant."),
    HumanMessage("What is a carbon tax?"),
    AIMessage("", tool_calls=[{"name": "find", "args": {}, "id": "c1"}]),
    ToolMessage("a page", tool_call_id="c1"),
    AIMessage("A price on emissions."),
    HumanMessage("Does it work?"),
]
THREAD: RunnableConfig = {"configurable": {"thread_id": "one"}}


def roles(call: ReceivedCall) -> list[tuple[str, str]]:
    """Who says what in a request, without our own system prompt."""
    return [(m["role"], m["content"]) for m in call.messages[1:]]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ("question", [("user", "Does it work?")]),
        (
            "conversation",
            [("user", "What is a carbon tax?"), ("assistant", "A price on emissions."), ("user", "Does it work?")],
        ),
        (
            "full",
            [
                ("system", "You are the house's own assistant."),
                ("user", "What is a carbon tax?"),
                ("assistant", "A price on emissions."),
                ("user", "Does it work?"),
            ],
        ),
    ],
)
async def test_a_panelist_sees_as_much_of_the_conversation_as_history_says(
    house: House, history: str, expected: list[tuple[str, str]]
) -> None:
    await house.ask(TALK, history=history)
    assert roles(house.calls(ALPHA)[0]) == expected
    block = user_texts(house.calls(JUDGE)[0])[0]
    assert unfence(block, "question")[0].text == "Does it work?"
    shown = [fenced.text for fenced in unfence(block, "conversation")]
    assert ("".join(shown) != "") == (history != "question")
    assert ("the house's own assistant" in block) == (history == "full")


async def test_the_conversation_is_seen_by_default(house: House) -> None:
    await house.ask(TALK)
    assert len(roles(house.calls(ALPHA)[0])) == 3


@asynccontextmanager
async def in_memory(_folder: Path) -> AsyncIterator[Any]:
    yield InMemorySaver()


@asynccontextmanager
async def in_sqlite(folder: Path) -> AsyncIterator[Any]:
    async with AsyncSqliteSaver.from_conn_string(str(folder / "runs.sqlite")) as saver:
        yield saver


SAVERS = pytest.mark.parametrize("saving", [in_memory, in_sqlite])


@SAVERS
async def test_a_second_turn_on_a_thread_starts_clean(house: House, saving: Any, tmp_path: Path) -> None:
    async with saving(tmp_path) as saver:
        graph = house.fusion(checkpointer=saver, panel=[ALPHA, BETA])
        house.server.on(BETA, "Beta's first draft.", Fault(401))
        first = await ask(graph, "First question?", THREAD)
        house.server.on(ALPHA, "Alpha's second draft.").on(JUDGE, "prose")
        second = await ask(graph, "Second question?", THREAD)
    assert first["failed_models"] == []
    assert first["analysis"] is not None
    assert [entry["content"] for entry in second["responses"]] == ["Alpha's second draft."]
    assert [entry["seat_id"] for entry in second["failed_models"]] == ["seat-2"]
    assert second["analysis"] is None
    assert [message.text for message in second["messages"]] == ["First question?", ANSWER, "Second question?", ANSWER]
    judged = user_texts(house.calls(JUDGE)[1])[0]
    assert [draft.text for draft in unfence(judged, "draft")] == ["Alpha's second draft."]
    assert ("assistant", ANSWER) in roles(house.calls(ALPHA)[1])
    assert second["receipt"]["started_at"] >= first["receipt"]["started_at"]


@SAVERS
async def test_a_smaller_panel_on_the_same_thread_leaves_no_old_seat_behind(
    house: House, saving: Any, tmp_path: Path
) -> None:
    async with saving(tmp_path) as saver:
        graph = house.fusion(checkpointer=saver)
        await ask(graph, "First?", THREAD, context={"panel": [ALPHA] * 4})
        second = await ask(graph, "Second?", THREAD, context={"panel": [BETA]})
        held = (await graph.aget_state(THREAD)).values
    assert [entry["model"] for entry in second["responses"]] == [BETA]
    assert list(held["outcomes"]) == ["seat-1"]


@SAVERS
async def test_a_run_that_broke_in_the_middle_resumes_without_paying_twice(
    house: House, saving: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with saving(tmp_path) as saver:
        graph = house.fusion(checkpointer=saver)
        with monkeypatch.context() as patch:
            patch.setattr(judge_module, "judge_prompt", lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                await ask(graph, "Why?", THREAD)
        assert (await graph.aget_state(THREAD)).next == ("judge",)
        output = dict(await graph.ainvoke(None, THREAD))
    assert output["messages"][-1].text == ANSWER
    assert len(house.calls(ALPHA)) == len(house.calls(BETA)) == len(house.calls(JUDGE)) == 1
    assert [entry["seat_id"] for entry in output["receipt"]["seats"]] == ["seat-1", "seat-2"]


@SAVERS
async def test_a_run_cancelled_while_one_seat_works_resumes_with_that_seat_alone(
    house: House, saving: Any, tmp_path: Path
) -> None:
    house.server.on(BETA, Text("never sent", delay=30), "late")
    async with saving(tmp_path) as saver:
        graph = house.fusion(checkpointer=saver)
        finished = asyncio.Event()

        async def run() -> None:
            async for event in graph.astream(asked(), THREAD, stream_mode="custom"):
                if event["type"] == "panel.completed":
                    finished.set()

        task = asyncio.create_task(run())
        await finished.wait()
        await house.server.until(lambda: house.calls(BETA))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        output = dict(await graph.ainvoke(None, THREAD))
    assert [entry["content"] for entry in output["responses"]] == [draft_of(ALPHA), "late"]
    assert len(house.calls(ALPHA)) == 1
    assert len(house.calls(BETA)) == 2


@tool
def find(query: str) -> str:
    """Find a page."""
    return f"https://example.org/{query}"


@SAVERS
async def test_all_of_the_state_but_messages_is_plain_json_and_is_read_back_without_a_warning(
    house: House, saving: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Any] = []
    stop = register_serde_event_listener(told.append)  # LangGraph's own warning comes once per process
    house.server.on(ALPHA, Researcher(["a"], "See https://example.org/a", tool="find"))
    house.server.on(JUDGE, analysis(consensus=[{"point": "p", "drafts": ["A"], "sources": ["S1"]}]))
    with caplog.at_level(logging.WARNING):
        async with saving(tmp_path) as saver:
            graph = house.fusion(tools=[find], checkpointer=saver)
            await ask(graph, "Why?", THREAD, context={"search": {"max_results": 3}})
            held = [snapshot.values async for snapshot in graph.aget_state_history(THREAD)]
    for values in held:
        json.dumps({key: value for key, value in values.items() if key != "messages"})
    final = held[0]
    assert Receipt.model_validate(final["receipt"]).status == "ok"
    assert final["outcomes"]["seat-1"]["sources"]
    stop()
    assert caplog.messages == []
    assert told == []


async def test_the_agent_s_turns_are_kept_on_a_thread_and_every_turn_may_fuse(house: House) -> None:
    graph = house.agent(checkpointer=InMemorySaver())
    house.server.on(
        WRITER, ToolCall("fusion", {"question": "Q1"}), "One.", ToolCall("fusion", {"question": "Q2"}), "Two."
    )
    first = await ask(graph, "First?", THREAD)
    second = await ask(graph, "Second?", THREAD)
    assert first["messages"][-1].text == "One."
    assert second["messages"][-1].text == "Two."
    assert second["receipt"]["deliberated"] is True
    assert [user_texts(call) for call in house.calls(ALPHA)] == [["Q1"], ["Q2"]]
    assert [type(m).__name__ for m in second["messages"]] == [
        "HumanMessage", "AIMessage", "ToolMessage", "AIMessage",
        "HumanMessage", "AIMessage", "ToolMessage", "AIMessage",
    ]  # fmt: skip


async def test_an_input_in_plain_tuples_or_dicts_is_taken_too(house: House) -> None:
    for message in (("user", "Why?"), {"role": "user", "content": "Why?"}):
        output = dict(await house.fusion().ainvoke({"messages": [message]}))
        assert output["messages"][-1].text == ANSWER


async def test_a_picture_in_the_question_reaches_the_panel(house: House) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    await house.ask([HumanMessage([{"type": "text", "text": "What is this?"}, picture])])
    sent = house.calls(ALPHA)[0].messages[-1]["content"]
    assert {part["type"] for part in sent} == {"text", "image_url"}
    assert unfence(user_texts(house.calls(JUDGE)[0])[0], "question")[0].text == "What is this?"

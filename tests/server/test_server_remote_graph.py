"""The server's graph as a `RemoteGraph`: alone, and as a node of a local graph."""

from __future__ import annotations

import json
import runpy

import pytest
from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.pregel.remote import RemoteGraph
from langgraph_dev import REPOSITORY, LangGraphDev
from langgraph_sdk.client import LangGraphClient
from scripted_panel import QUESTION, Panel


async def test_the_example_asks_alone_and_as_a_node(
    langgraph: LangGraphDev, panel: Panel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUSION_SERVER_URL", langgraph.url)
    main = runpy.run_path(str(REPOSITORY / "examples" / "remote_graph.py"))["main"]

    await main("Is it?", json.dumps(panel.context()))

    assert capsys.readouterr().out.splitlines() == [
        "alone: It does, says the panel.",
        f"seats: {[panel.model('alpha'), panel.model('beta')]}",
        "as a node: It does, says the panel.",
    ]


async def test_a_remote_assistant_is_a_node_by_itself(client: LangGraphClient, panel: Panel) -> None:
    assistant_id = (await client.assistants.create("fusion", context=panel.context()))["assistant_id"]
    try:
        builder = StateGraph(MessagesState)
        builder.add_node("panel", RemoteGraph(assistant_id, client=client, name="panel"))
        builder.add_edge(START, "panel")
        builder.add_edge("panel", END)
        state = await builder.compile().ainvoke(MessagesState(messages=[HumanMessage(QUESTION)]))
    finally:
        await client.assistants.delete(assistant_id)

    assert state["messages"][-1].text == "It does, says the panel."

"""Streams of a real LangGraph Server: every token and every event has a seat."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.schema import StreamPart
from scripted_panel import Panel, asked

from fusion_graph.testing import Fault, Researcher, Text

_MODES: Any = ["custom", "messages-tuple", "updates"]


def streaming(client: LangGraphClient, context: dict[str, Any]) -> AsyncIterator[StreamPart]:
    return client.runs.stream(None, "fusion", input=asked(), context=context, stream_mode=_MODES, stream_subgraphs=True)


async def streamed(client: LangGraphClient, context: dict[str, Any]) -> list[StreamPart]:
    return [part async for part in streaming(client, context)]


def of_mode(parts: list[StreamPart], mode: str) -> list[tuple[str, Any]]:
    """The parts of one mode: their namespace, empty for the graph itself, and their data."""
    split = [(*part.event.partition("|")[::2], part.data) for part in parts]
    return [(namespace, data) for name, namespace, data in split if name == mode]


async def test_every_token_has_its_seat_or_part(client: LangGraphClient, panel: Panel) -> None:
    panel.says("alpha", "Alpha has four words.", "Not those four words.")
    same = {"model": panel.model("alpha")}
    context = panel.context({"id": "left", **same}, {"id": "right", "label": "The other", "role": "critic", **same})

    parts = await streamed(client, context)

    texts: dict[str, str] = defaultdict(str)
    labels = {}
    for _, (chunk, metadata) in of_mode(parts, "messages"):
        texts[metadata["fusion_part"]] += chunk["content"]
        labels[metadata["fusion_part"]] = tuple(metadata.get(f"seat_{name}") for name in ("id", "label", "role"))
        assert f"fusion:{metadata['fusion_part']}" in metadata["tags"]
    assert {texts["left"], texts["right"]} == {"Alpha has four words.", "Not those four words."}
    assert texts["writer"] == "It does, says the panel."
    assert set(texts) == {"left", "right", "judge", "writer"}
    assert labels["left"] == ("left", panel.model("alpha"), None)
    assert labels["right"] == ("right", "The other", "critic")
    assert labels["writer"] == (None, None, None)


async def test_events_come_in_order_and_name_their_seat(client: LangGraphClient, panel: Panel) -> None:
    panel.says("alpha", Researcher(["carbon tax"], "It does.")).says("beta", Fault(401))
    seats = [{"id": part, "model": panel.model(part)} for part in ("alpha", "beta")]

    parts = await streamed(client, panel.context(*seats, tools=["web_search"]))
    events = [data for _, data in of_mode(parts, "custom")]

    types = [event["type"] for event in events]
    assert types[:3] == ["fusion.started", "panel.added", "panel.added"]
    assert types[-4:] == ["analysis.in_progress", "analysis.completed", "writer.in_progress", "fusion.completed"]
    of_alpha = [event["type"] for event in events if event.get("seat_id") == "alpha"]
    assert of_alpha == ["panel.added", "panel.tool_call", "panel.tool_result", "panel.completed"]
    of_beta = [event for event in events if event.get("seat_id") == "beta"]
    assert [event["type"] for event in of_beta] == ["panel.added", "panel.failed"]
    assert of_beta[-1]["status_code"] == 401
    result = next(event for event in events if event["type"] == "panel.tool_result")
    assert result["status"] == "success"
    assert result["sources"][0]["url"].startswith("corpus:")


async def test_updates_of_a_sub_agent_carry_the_namespace_of_its_seat(client: LangGraphClient, panel: Panel) -> None:
    parts = await streamed(client, panel.context())

    events = [data for _, data in of_mode(parts, "custom") if data["type"] == "panel.added"]
    seat_of = {event["namespace"]: event["seat_id"] for event in events}
    drafts = {
        seat_of[namespace]: update["model"]["messages"][-1]["content"]
        for namespace, update in of_mode(parts, "updates")
        if namespace in seat_of
    }
    assert drafts == {"seat-1": "It does, by a fifth.", "seat-2": "It does, slowly."}
    nodes = [name for namespace, update in of_mode(parts, "updates") if not namespace for name in update]
    assert nodes == ["fan_out", "panelist", "panelist", "join", "judge", "writer"]


async def test_tokens_arrive_while_the_model_still_speaks(client: LangGraphClient, panel: Panel) -> None:
    panel.says("alpha", Text("one two three four", chunk_delay=0.15))
    order: list[tuple[str, Any]] = []
    async for part in streaming(client, panel.context()):
        name = part.event.partition("|")[0]
        if name == "messages" and part.data[1].get("seat_id") == "seat-1" and part.data[0]["content"]:
            order.append(("token", part.data[0]["content"]))
        elif name == "custom" and part.data["type"] == "panel.completed":
            order.append(("completed", part.data["seat_id"]))

    assert order[-1] == ("completed", "seat-1")
    assert order.index(("completed", "seat-2")) < order.index(("token", "four"))

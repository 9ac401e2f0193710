"""Runs on a real LangGraph Server, started and waited for by its own client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langgraph_sdk.client import LangGraphClient
from scripted_panel import QUESTION, Panel, asked, comparison

from fusion_graph import Receipt
from fusion_graph.receipt import NO_LANGUAGE_MODEL
from fusion_graph.state import FusionOutput
from fusion_graph.testing import Fault, ReceivedCall, Reply, Researcher, Text, ToolCall


async def test_a_run_answers_with_analysis_and_receipt(client: LangGraphClient, panel: Panel) -> None:
    output: Any = await client.runs.wait(None, "fusion", input=asked(), context=panel.context())

    assert set(output) == set(FusionOutput.__annotations__)
    assert output["status"] == "ok"
    assert [message["type"] for message in output["messages"]] == ["human", "ai"]
    assert output["messages"][-1]["content"] == "It does, says the panel."
    assert output["analysis"]["consensus"] == ["It does."]
    receipt = Receipt.model_validate(output["receipt"])
    assert [seat.outcome for seat in receipt.seats] == ["ok", "ok"]
    assert receipt.judge is not None
    assert receipt.writer is not None
    assert receipt.totals.calls == 4


async def test_deliberation_compares_and_adds_no_message(client: LangGraphClient, panel: Panel) -> None:
    output: Any = await client.runs.wait(None, "deliberation", input=asked(), context=panel.context())

    assert [message["type"] for message in output["messages"]] == ["human"]
    assert output["analysis"]["consensus"] == ["It does."]
    assert panel.calls("writer") == []


async def test_the_agent_convenes_the_panel_when_it_must(client: LangGraphClient, panel: Panel) -> None:
    panel.says("writer", ToolCall("fusion", {"question": QUESTION}), "It does, I am told.")

    context = panel.context(tool_choice="required")
    output: Any = await client.runs.wait(None, "fusion_agent", input=asked(), context=context)

    assert output["messages"][-1]["content"] == "It does, I am told."
    assert output["receipt"]["deliberated"] is True
    assert output["analysis"]["consensus"] == ["It does."]


async def test_the_same_model_in_two_seats_has_two_entries_in_the_thread(client: LangGraphClient, panel: Panel) -> None:
    panel.says("alpha", "It does, by a fifth.", "Hardly at all.")
    thread = await client.threads.create()

    context = panel.context(panel.model("alpha"), panel.model("alpha"))
    await client.runs.wait(thread["thread_id"], "fusion", input=asked(), context=context)

    values: Any = (await client.threads.get_state(thread["thread_id"]))["values"]
    assert set(values["outcomes"]) == {"seat-1", "seat-2"}
    contents = {outcome["content"] for outcome in values["outcomes"].values()}
    assert contents == {"It does, by a fifth.", "Hardly at all."}
    assert {outcome["model"] for outcome in values["outcomes"].values()} == {panel.model("alpha")}


async def test_a_second_turn_starts_clean(client: LangGraphClient, panel: Panel) -> None:
    panel.says("gamma", Fault(401))
    thread_id = (await client.threads.create())["thread_id"]
    seats = [panel.model("alpha"), panel.model("beta"), panel.model("gamma")]
    first: Any = await client.runs.wait(thread_id, "fusion", input=asked(), context=panel.context(*seats))
    assert [failed["seat_id"] for failed in first["failed_models"]] == ["seat-3"]

    panel.says("alpha", "A ton or two.").says("judge", comparison(blind_spots=["Which year?"]))
    context = panel.context({"id": "solo", "model": panel.model("alpha")})
    second: Any = await client.runs.wait(thread_id, "fusion", input=asked("How much?"), context=context)

    assert [message["type"] for message in second["messages"]] == ["human", "ai", "human", "ai"]
    assert second["failed_models"] == []
    assert [response["seat_id"] for response in second["responses"]] == ["solo"]
    assert second["analysis"]["consensus"] == []
    values: Any = (await client.threads.get_state(thread_id))["values"]
    assert set(values["outcomes"]) == {"solo"}
    assert "by a fifth" not in panel.calls("judge")[-1].prompt


async def test_searching_and_fetching_block_nobody(client: LangGraphClient, panel: Panel, page: str) -> None:
    def fetcher(call: ReceivedCall) -> Reply:
        urls = [page, "corpus:new-machines.pdf"]
        done = len(call.tool_results)
        return ToolCall("web_fetch", {"url": urls[done]}) if done < len(urls) else Text("Read.")

    panel.says("alpha", Researcher(["carbon tax emissions"], "Searched.")).says("beta", fetcher)

    context = panel.context(tools=["web_search", "web_fetch"])
    output: Any = await client.runs.wait(None, "fusion", input=asked(), context=context)

    assert [seat["tool_calls"] for seat in output["receipt"]["seats"]] == [1, 2]
    assert {page, "corpus:new-machines.pdf"} <= {source["url"] for source in output["sources"]}
    assert "40 dollars a tonne" in panel.calls("beta")[-1].tool_results[0]


async def test_the_offline_preset_quotes_the_folder(client: LangGraphClient) -> None:
    output: Any = await client.runs.wait(None, "fusion", input=asked(), context={"preset": "offline"})

    assert output["status"] == "ok"
    assert output["receipt"]["notice"] == NO_LANGUAGE_MODEL
    assert output["receipt"]["language_model_called"] is False
    cited = [mark["url"] for mark in output["messages"][-1]["additional_kwargs"]["annotations"]]
    assert cited
    assert all(url.startswith("corpus:") for url in cited)
    folder = Path(__file__).parents[2] / "examples" / "corpus"
    assert {url.removeprefix("corpus:") for url in cited} <= {file.name for file in folder.iterdir()}

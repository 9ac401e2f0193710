"""Citations of answers in chat completions and Responses."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from api_house import ALPHA, AUTO, BETA, DRAFTS, FUSE, QUESTION, WRITER, Api
from openai.types.responses import ResponseOutputText

from fusion_graph import Gateway, Resources
from fusion_graph.testing import Researcher, ScriptedServer, Text, ToolCall


@pytest.fixture
def resources(server: ScriptedServer, tmp_path: Path) -> Resources:
    (tmp_path / "tax.md").write_text("# Carbon tax\n\nA carbon tax cut emissions by a fifth.\n")
    return Resources(gateway=Gateway(server.base_url, ""), corpus=tmp_path)


def research(api: Api, before: str = "") -> None:
    api.models.on(ALPHA, Researcher(["carbon tax"], "It cuts a fifth (corpus:tax.md)."))
    cited = "It does [S1], says the panel."
    ask = ToolCall("fusion", {"question": QUESTION}, content=before)
    api.models.on(WRITER, lambda call: ask if "fusion" in call.tool_names and not call.tool_results else Text(cited))


PANEL = {**FUSE, "tools": [{"type": "openrouter:web_search"}]}


async def test_a_citation_stands_where_the_answer_has_it(api: Api, client: httpx.AsyncClient) -> None:
    research(api)
    told = (await client.post("/v1/chat/completions", json=api.body(plugins=[PANEL]))).json()
    message = told["choices"][0]["message"]
    [one] = message["annotations"]
    cited = one["url_citation"]
    assert (one["type"], cited["url"], cited["title"]) == ("url_citation", "corpus:tax.md", "Carbon tax")
    assert message["content"][cited["start_index"] : cited["end_index"]] == "[S1]"
    usage = told["usage"]["server_tool_use_details"]
    assert usage == {"tool_calls_requested": 1, "tool_calls_executed": 1, "web_search_requests": 1}


async def test_its_place_counts_what_was_said_before(api: Api, client: httpx.AsyncClient) -> None:
    research(api, before="I ask a panel.")
    body = api.body(plugins=[{**PANEL, "mode": "auto"}])
    message = (await client.post("/v1/chat/completions", json=body)).json()["choices"][0]["message"]
    cited = message["annotations"][0]["url_citation"]
    assert message["content"].startswith("I ask a panel.\n\n")
    assert message["content"][cited["start_index"] : cited["end_index"]] == "[S1]"


async def test_responses_have_it_flat_on_the_text_and_the_sources_on_the_item(
    api: Api, client: httpx.AsyncClient
) -> None:
    research(api)
    told = (await client.post("/v1/responses", json=api.asks(plugins=[PANEL]))).json()
    item, message = told["output"]
    assert [(source["url"], source["title"]) for source in item["sources"]] == [("corpus:tax.md", "Carbon tax")]
    part = message["content"][0]
    [cited] = part["annotations"]
    assert (cited["type"], cited["url"]) == ("url_citation", "corpus:tax.md")
    assert part["text"][cited["start_index"] : cited["end_index"]] == "[S1]"
    ResponseOutputText.model_validate(part)


async def test_the_drafts_on_the_item_are_as_their_seats_wrote_them(api: Api, client: httpx.AsyncClient) -> None:
    research(api)
    told = (await client.post("/v1/responses", json=api.asks(plugins=[PANEL]))).json()
    contents = {entry["model"]: entry["content"] for entry in told["output"][0]["responses"]}
    assert contents == {ALPHA: "It cuts a fifth (corpus:tax.md).", BETA: DRAFTS[BETA]}


async def test_a_search_of_the_calling_model_itself_is_an_item_of_its_own(api: Api, client: httpx.AsyncClient) -> None:
    api.models.on(WRITER, Researcher(["carbon tax"], "A fifth."))
    body = api.asks(plugins=[{**AUTO}], tools=[{"type": "openrouter:web_search"}])
    told = (await client.post("/v1/responses", json=body)).json()
    search = told["output"][0]
    assert (search["type"], search["status"]) == ("openrouter:web_search", "completed")
    assert search["action"]["query"] == "carbon tax"
    assert search["action"]["sources"] == [{"type": "url", "url": "corpus:tax.md"}]
    assert told["output"][1]["content"][0]["text"] == "A fifth."
    json.dumps(told)

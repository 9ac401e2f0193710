"""Long drafts fit the window without anybody being dropped; addresses become ids that a tool stands behind."""

from __future__ import annotations

import json

import pytest
from langchain_core.tools import tool
from scripted_house import ALPHA, BETA, GAMMA, JUDGE, WRITER, House, analysis, reasons, user_texts

from fusion_graph.fence import unfence
from fusion_graph.packing import CHARS_PER_TOKEN
from fusion_graph.sources import UNREGISTERED
from fusion_graph.testing import ReceivedCall, Researcher

LONG = "The tax cut emissions by a fifth over ten years, says one study. "
WINDOW = 12_000


@tool
def find(query: str) -> str:
    """Find pages, as a tool that is not ours does: in plain text."""
    return f"Results: https://example.org/{query} (see also https://example.com/{query}?utm_source=x)."


@tool(response_format="content_and_artifact")
def ours(query: str) -> tuple[str, dict[str, list[dict[str, str]]]]:
    """Find pages, as our own tools do: with an artifact that names them."""
    return "https://not-a-source.example/ad", {
        "sources": [{"url": f"https://real.example/{query}", "title": "A [real] page"}]
    }


def tokens_of(call: ReceivedCall) -> int:
    """The prompt's tokens, estimated as the packing does, the schema in the body included."""
    return (len(call.prompt) + len(json.dumps(call.body.get("response_format", "")))) // CHARS_PER_TOKEN


@pytest.mark.parametrize("size", [3, 8])
async def test_drafts_far_over_the_window_are_all_kept_and_visibly_cut(house: House, size: int) -> None:
    house.server.on(ALPHA, *[f"Begin {n}. " + LONG * 2_000 + f" End {n}." for n in range(size)])
    output = await house.ask(panel=[ALPHA] * size, context_window=WINDOW, max_completion_tokens=1_000)
    for model in (JUDGE, WRITER):
        call = house.calls(model)[0]
        drafts = unfence(user_texts(call)[0], "draft")
        assert len(drafts) == size
        assert {d.text.split(".")[0] for d in drafts} == {f"Begin {n}" for n in range(size)}
        assert all(d.text.endswith(f"End {d.text.split('.')[0][-1]}.") for d in drafts)
        assert all("characters of this draft were cut here" in d.text for d in drafts)
        assert tokens_of(call) <= WINDOW - 1_000
    assert all(len(entry["content"]) > 100_000 for entry in output["responses"])


async def test_a_short_draft_stays_whole_beside_endless_ones(house: House) -> None:
    house.server.on(ALPHA, LONG * 2_000).on(BETA, "Short and whole.").on(GAMMA, LONG * 3_000)
    await house.ask(panel=[ALPHA, BETA, GAMMA], context_window=WINDOW)
    texts = [d.text for d in unfence(user_texts(house.calls(JUDGE)[0])[0], "draft")]
    assert "Short and whole." in texts
    assert sum("were cut here" in text for text in texts) == 2


@pytest.mark.parametrize("window", [8_000, 32_000])
async def test_prompt_and_output_cap_together_fit_the_window(house: House, window: int) -> None:
    house.server.on(ALPHA, LONG * 5_000)
    await house.ask(panel=[ALPHA] * 8, context_window=window)
    for model in (JUDGE, WRITER):
        call = house.calls(model)[0]
        assert tokens_of(call) + call.body["max_tokens"] <= window


async def test_drafts_that_fit_are_shown_unchanged(house: House) -> None:
    house.server.on(ALPHA, LONG * 100)
    await house.ask(panel=[ALPHA], context_window=WINDOW)
    (draft,) = unfence(user_texts(house.calls(JUDGE)[0])[0], "draft")
    assert draft.text == (LONG * 100).strip()


async def test_what_was_cut_is_said_on_the_receipt(house: House) -> None:
    house.server.on(ALPHA, LONG * 2_000)
    output = await house.ask(context_window=WINDOW)
    assert reasons(output) == [("seat-1", "draft_cut")]


async def test_sources_are_registered_in_the_panel_order_with_the_seats_that_found_them(house: House) -> None:
    house.server.on(ALPHA, Researcher(["a", "both"], "draft", tool="find"))
    house.server.on(BETA, Researcher(["both"], "draft", tool="find"))
    output = await house.ask(tools=[find])
    assert [(s["id"], s["url"].split("?")[0], s["seat_ids"]) for s in output["sources"]] == [
        ("S1", "https://example.org/a", ["seat-1"]),
        ("S2", "https://example.com/a", ["seat-1"]),
        ("S3", "https://example.org/both", ["seat-1", "seat-2"]),
        ("S4", "https://example.com/both", ["seat-1", "seat-2"]),
    ]


async def test_of_our_own_tools_only_what_they_name_is_a_source(house: House) -> None:
    house.server.on(
        ALPHA, Researcher(["a"], "See https://real.example/a and https://not-a-source.example/ad", tool="ours")
    )
    output = await house.ask(tools=[ours], panel=[ALPHA])
    assert output["sources"] == [
        {"id": "S1", "url": "https://real.example/a", "title": "A [real] page", "seat_ids": ["seat-1"]}
    ]
    block = user_texts(house.calls(JUDGE)[0])[0]
    assert unfence(block, "draft")[0].text == f"See [S1] and {UNREGISTERED}"
    assert unfence(block, "sources")[0].text == "[S1] A (real) page — https://real.example/a"


async def test_addresses_in_drafts_become_ids_and_invented_ones_are_marked(house: House) -> None:
    draft = (
        "It does [a study](https://example.org/a), says <https://example.com/a>. "
        "Others differ ([made up](https://invented.example/x)). My own [S7] is none."
    )
    house.server.on(ALPHA, Researcher(["a"], draft, tool="find"))
    output = await house.ask(tools=[find], panel=[ALPHA])
    (shown,) = unfence(user_texts(house.calls(JUDGE)[0])[0], "draft")
    assert "a study [S1]" in shown.text
    assert "[S2]" in shown.text
    assert f"made up {UNREGISTERED}" in shown.text
    assert "[S7]" not in shown.text
    assert "https://" not in shown.text
    assert output["responses"][0]["content"] == draft


async def test_the_source_ids_of_the_analysis_are_registered_ones_only(house: House) -> None:
    house.server.on(ALPHA, Researcher(["a"], "See https://example.org/a.", tool="find"))
    item = {"point": "p", "drafts": ["A"], "sources": ["S1", "[S2]", "S3", "https://example.org/a", "s1"]}
    house.server.on(JUDGE, analysis(consensus=[item]))
    output = await house.ask(tools=[find], panel=[ALPHA])
    assert output["analysis"]["consensus_support"][0]["source_ids"] == ["S1", "S2"]


async def test_a_failing_tool_leaves_no_sources(house: House) -> None:
    @tool
    def fails(query: str) -> str:
        """Fail."""
        raise RuntimeError("could not reach https://example.org/down")

    house.server.on(ALPHA, Researcher(["a"], "See https://example.org/down", tool="fails"))
    output = await house.ask(tools=[fails], panel=[ALPHA])
    assert output["sources"] == []
    assert UNREGISTERED in unfence(user_texts(house.calls(JUDGE)[0])[0], "draft")[0].text

"""Answers of models that are built to hurt whoever reads them: the judge's JSON, tool arguments, slow texts."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from langchain_core.tools import tool
from scripted_house import AGREED, ALPHA, JUDGE, House, analysis, ask, reasons, seat

from fusion_graph.fence import fence, unfence
from fusion_graph.ladder import read_json
from fusion_graph.redaction import redact
from fusion_graph.sources import Registry, canonical
from fusion_graph.terminal.clean import clean
from fusion_graph.testing import ToolCall, ToolCalls
from fusion_graph.visible import visible

LISTS = ("consensus", "contradictions", "partial_coverage", "unique_insights", "blind_spots")


def nested(depth: int) -> str:
    return '{"consensus": ' + "[" * depth + "]" * depth + "}"


BOMBS = {
    "deep": nested(200_000),
    "open braces": '{"a":' * 200_000,
    "braces": "{" * 500_000,
    "thoughts": "<think>{" * 100_000,
    "huge number": analysis(consensus=[{"point": 0, "drafts": ["A"], "sources": []}]).replace(
        " 0,", " 1" + "0" * 9_000 + ","
    ),
    "too long": json.dumps({**{name: [] for name in LISTS}, "blind_spots": ["x" * 10_000_000]}),
}


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_judge_that_sends_a_bomb_costs_its_analysis_and_not_the_run(house: House, bomb: str):
    house.server.on(JUDGE, BOMBS[bomb])
    begun = time.monotonic()
    output = await house.ask()
    assert output["status"] == "ok"
    assert output["analysis"] is None
    assert reasons(output)[0][1] in ("judge_not_valid_json", "judge_schema_mismatch")
    assert len(json.dumps(output["receipt"])) < 20_000
    assert time.monotonic() - begun < 40


async def test_of_odd_values_what_can_be_used_is_used(house: House):
    house.server.on(JUDGE, '{"consensus": "\\ud800 so", "contradictions": NaN, "blind_spots": 1e999, "x": "\\udfff"}')
    output = await house.ask()
    assert output["analysis"]["consensus"] == ["\ufffd so"]
    assert output["analysis"]["contradictions"] == output["analysis"]["blind_spots"] == []
    assert json.dumps(output["analysis"]).encode()


async def test_keys_said_twice_count_once_and_too_much_of_everything_is_cut(house: House):
    entries = [{"point": "p" * 9_000, "drafts": ["A"] * 90, "sources": ["S1"] * 90}] * 60
    crowded = analysis(consensus=entries, blind_spots=["b" * 2_500] * 60)
    house.server.on(JUDGE, crowded[:-1] + ', "blind_spots": ["the last one"], "extra": {"x": 1}}')
    output = await house.ask()
    assert output["analysis"]["blind_spots"] == ["the last one"]
    assert len(output["analysis"]["consensus"]) == 40
    assert max(map(len, output["analysis"]["consensus"])) == 2_000


@pytest.mark.parametrize(
    "arguments",
    [
        '{"text": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"text": ' * 50_000,
        "[" * 50_000,
        '{"text": 1e999}',
        '"text"',
    ],
    ids=["deep", "open", "no object", "infinite", "a string"],
)
async def test_arguments_that_are_bombs_end_as_a_message_or_as_the_seats_failure(house: House, arguments: str):
    @tool
    def echo(text: str) -> str:
        """Say it again."""
        return text

    house.server.on(ALPHA, ToolCall("echo", raw_arguments=arguments), "It does.")
    output = await house.ask(tools=[echo])
    assert output["status"] == "ok"
    assert seat(output, "seat-1")["outcome"] in ("ok", "failed")


async def test_large_arguments_are_refused_by_our_tools_without_an_echo_of_them(house: House):
    address = "http://" + "a" * 500_000
    calls = [ToolCall("web_search", {"query": "x" * 1_000_000}), ToolCall("web_fetch", {"url": address})]
    house.server.on(ALPHA, ToolCalls(calls), "It does.")
    context = {"tools": ["web_search", "web_fetch"], "search": {"engine": "duckduckgo"}}
    output = await ask(house.fusion(), context=context)
    assert seat(output, "seat-1")["outcome"] == "ok"
    for result in house.calls(ALPHA)[1].tool_results:
        assert len(result) < 5_000


async def test_a_message_with_a_thousand_tool_calls_runs_a_few(house: House):
    ran: list[int] = []

    @tool
    def count(number: int) -> str:
        """Count."""
        ran.append(number)
        return "counted"

    house.server.on(ALPHA, ToolCalls([ToolCall("count", {"number": n}) for n in range(1_000)]), "It does.")
    output = await house.ask(tools=[count])
    assert output["status"] == "ok"
    assert len(ran) == 8


async def test_an_endless_draft_holds_nobody_up(house: House):
    house.server.on(ALPHA, "[a](http://x.example/ (" * 100_000)
    gaps: list[float] = []

    async def watch() -> None:
        while True:
            begun = time.monotonic()
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - begun)

    watching = asyncio.create_task(watch())
    output = await house.ask()
    watching.cancel()
    assert output["status"] == "ok"
    assert max(gaps) < 4


SLOW = [
    *("[", "[a", "[[a]", "[](", "[](http://a", "[x](http://(a", '[x](http://a "', "[S1 ", "[S1, ", "<http://a"),
    *("http://(", "http://a()", "http://a'b", "http://[:", "corpus:", "![](", "![a](", "]: ", "src=", "href =  "),
    *("://a:", "-eyJaaaaaaaa.", "sk-", "bearer ", "api_key provided", "?key=", "<think>", "{", '{"a":', '{"'),
    *("\x1b[", "\x1b]", "\x9d", "\x1b  ", "\u200d", "\r", "\ud800"),
    *('<draft fence="0123456789abcdef">\n', '</draft fence="0123456789abcdef">\n'),
]


@pytest.mark.parametrize("piece", SLOW)
def test_no_repeated_text_makes_a_reader_slow(piece: str):
    text = piece * (200_000 // len(piece))
    begun = time.monotonic()
    registry = Registry()
    for read in (registry.with_ids, registry.check, registry.annotations, canonical, redact, clean, visible):
        read(text)
    unfence(fence("page", text), "draft")
    with pytest.raises(ValueError, match=r"JSON|object"):
        read_json(text)
    assert time.monotonic() - begun < 10


def test_a_fair_analysis_is_still_read():
    assert read_json(f"<think>{{x}}</think> Here: {AGREED}") == json.loads(AGREED)


async def test_a_foreign_tools_flood_is_cut_and_said_so(house: House):
    @tool
    def flood() -> str:
        """Say much."""
        return "word " * 1_000_000

    house.server.on(ALPHA, ToolCall("flood", {}), "It does.")
    await house.ask(tools=[flood])
    (result,) = house.calls(ALPHA)[1].tool_results
    assert len(result) < 210_000
    assert result.endswith("[cut: the last 4,800,000 of 5,000,000 characters are not shown]")

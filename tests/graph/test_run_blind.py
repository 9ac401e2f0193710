"""Who wrote what is known to the code and not to judge and writer; both read the same bytes."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.tools import tool
from scripted_house import ALPHA, BETA, GAMMA, JUDGE, WRITER, House, analysis, draft_of, user_texts

from fusion_graph.drafts_block import default_seed
from fusion_graph.fence import unfence
from fusion_graph.testing import ReceivedCall, Researcher, Text

PANEL = [
    {"id": "first-chair", "model": ALPHA, "label": "The optimist"},
    {"id": "second-chair", "model": BETA, "label": "The sceptic"},
    {"id": "third-chair", "model": GAMMA, "label": "The clerk"},
]
MODEL_OF = {entry["id"]: entry["model"] for entry in PANEL}


def shown(call: ReceivedCall) -> dict[str, str]:
    """The drafts in a request, by label, in order."""
    return {fenced.attributes["label"]: fenced.text for fenced in unfence(user_texts(call)[0], "draft")}


def order(output: dict[str, Any]) -> dict[str, str]:
    """Seat id by label, as the receipt records it."""
    return {entry["label"]: entry["seat_id"] for entry in output["receipt"]["shown_order"]}


async def test_neither_judge_nor_writer_is_told_who_wrote_what(house: House) -> None:
    every = [{"draft": label, "insight": f"Insight of {label}.", "sources": []} for label in "ABC"]
    house.server.on(JUDGE, analysis(unique_insights=every))
    await house.ask(panel=PANEL)
    for model in (JUDGE, WRITER):
        for call in house.calls(model):
            sent = json.dumps({key: value for key, value in call.body.items() if key != "model"})
            for name in (ALPHA, BETA, GAMMA, "acme", "bolt", "chair", "optimist", "sceptic", "clerk"):
                assert name not in sent


async def test_a_repair_is_as_blind_as_the_first_request(house: House) -> None:
    house.server.on(JUDGE, "prose", analysis(blind_spots=["x"]))
    await house.ask(panel=PANEL)
    assert len(house.calls(JUDGE)) == 2
    assert not any(name in house.calls(JUDGE)[1].prompt for name in (ALPHA, BETA, GAMMA, "chair"))


async def test_the_recorded_order_is_the_order_on_the_wire(house: House) -> None:
    output = await house.ask(panel=PANEL, seed=7)
    drafts = shown(house.calls(JUDGE)[0])
    assert list(drafts) == ["A", "B", "C"]
    assert drafts == {label: draft_of(MODEL_OF[seat_id]) for label, seat_id in order(output).items()}
    assert shown(house.calls(WRITER)[0]) == drafts


async def test_the_same_seed_gives_the_same_order_and_other_seeds_others(house: House) -> None:
    graph = house.fusion(panel=PANEL)
    question = {"messages": [HumanMessage("why?")]}
    orders = [order(await graph.ainvoke(question, context={"seed": seed})) for seed in (1, 1, 2, 3, 4, 5)]
    assert orders[0] == orders[1]
    assert len({tuple(found.values()) for found in orders}) > 1


async def test_the_seed_is_recorded_and_taken_from_the_question_when_unset(house: House) -> None:
    once, again = await house.ask("why?", panel=PANEL), await house.ask("why?", panel=PANEL)
    assert once["receipt"]["seed"] == again["receipt"]["seed"] == default_seed("why?")
    assert order(once) == order(again)
    assert (await house.ask("why?", seed=42))["receipt"]["seed"] == 42
    assert (await house.ask("why?", seed=0))["receipt"]["seed"] == 0


async def test_labels_in_the_analysis_become_the_seats_that_were_shown_under_them(house: House) -> None:
    lists = {
        "consensus": [{"point": "p", "drafts": ["A", "C"], "sources": []}],
        "contradictions": [
            {
                "topic": "t",
                "stances": [
                    {"draft": "B", "stance": "no", "sources": []},
                    {"draft": "Draft C", "stance": "yes", "sources": []},
                ],
            }
        ],
        "partial_coverage": [{"point": "q", "drafts": ["B", "C"], "sources": []}],
        "unique_insights": [{"insight": "i", "draft": "A", "sources": []}],
    }
    house.server.on(JUDGE, analysis(**lists))
    output = await house.ask(panel=PANEL)
    seats, found = order(output), output["analysis"]
    assert found["consensus_support"][0]["seat_ids"] == [seats["A"], seats["C"]]
    assert [s["seat_id"] for s in found["contradictions"][0]["stances"]] == [seats["B"], seats["C"]]
    assert [s["model"] for s in found["contradictions"][0]["stances"]] == [MODEL_OF[seats[x]] for x in "BC"]
    assert found["partial_coverage"][0]["seat_ids"] == [seats["B"], seats["C"]]
    assert found["partial_coverage"][0]["models"] == [MODEL_OF[seats[x]] for x in "BC"]
    assert found["unique_insights"][0]["seat_id"] == seats["A"]
    assert found["unique_insights"][0]["model"] == MODEL_OF[seats["A"]]


async def test_models_in_the_analysis_are_of_this_panel_whatever_the_judge_invents(house: House) -> None:
    invented = ["D", "Z", "Draft 9", "openai/gpt-5", "", "seat-99"]
    lists = {
        "consensus": [{"point": "p", "drafts": ["A", *invented], "sources": ["S99", "https://x.example"]}],
        "contradictions": [
            {"topic": "t", "stances": [{"draft": d, "stance": "s", "sources": []} for d in ["B", *invented]]},
            {"topic": "nobody's", "stances": [{"draft": d, "stance": "s", "sources": []} for d in invented]},
        ],
        "partial_coverage": [{"point": "q", "drafts": [*invented, "B"], "sources": []}],
        "unique_insights": [{"insight": f"i{n}", "draft": d, "sources": []} for n, d in enumerate(["A", *invented])],
    }
    house.server.on(JUDGE, analysis(**lists))
    output = await house.ask()
    found, seats = output["analysis"], order(output)
    assert found["consensus_support"] == [{"seat_ids": [seats["A"]], "source_ids": []}]
    assert [len(item["stances"]) for item in found["contradictions"]] == [1, 0]
    assert found["partial_coverage"][0]["seat_ids"] == [seats["B"]]
    assert [item["insight"] for item in found["unique_insights"]] == ["i0"]
    named = [item["model"] for item in found["unique_insights"]]
    named += [stance["model"] for item in found["contradictions"] for stance in item["stances"]]
    named += [model for item in found["partial_coverage"] for model in item["models"]]
    assert set(named) <= {ALPHA, BETA}


async def test_self_fusion_is_mapped_back_to_seats_and_not_to_the_model(house: House) -> None:
    house.server.on(ALPHA, "draft one", "draft two")
    house.server.on(JUDGE, analysis(unique_insights=[{"insight": "i", "draft": "B", "sources": []}]))
    output = await house.ask(panel=[ALPHA, ALPHA])
    (insight,) = output["analysis"]["unique_insights"]
    assert insight["seat_id"] == order(output)["B"]
    assert insight["model"] == ALPHA


async def test_without_blindness_seats_and_models_are_shown(house: House) -> None:
    output = await house.ask(panel=PANEL, blind=False)
    for model in (JUDGE, WRITER):
        drafts = unfence(user_texts(house.calls(model)[0])[0], "draft")
        assert {d.attributes["model"] for d in drafts} == {ALPHA, BETA, GAMMA}
        assert {d.attributes["seat"] for d in drafts} == {"The optimist", "The sceptic", "The clerk"}
    assert output["receipt"]["blind"] is False


def shared_prefix(first: str, second: str) -> str:
    """What two texts have in common from their start."""
    for at, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return first[:at]
    return min(first, second, key=len)


@pytest.mark.parametrize("how", ["ask", "stream"])
async def test_the_drafts_block_opens_both_prompts_with_the_same_bytes(house: House, how: str) -> None:
    @tool
    def find(query: str) -> str:
        """Find pages."""
        return f"https://example.org/{query} and https://example.com/b"

    house.server.on(ALPHA, Researcher(["a"], "See [it](https://example.org/a). " * 900, tool="find"))
    house.server.on(BETA, Text("Cut off", finish_reason="length"))
    house.server.on(JUDGE, Researcher(["c"], analysis(blind_spots=["x"]), tool="find"))
    output = await getattr(house, how)(tools=[find], panel=PANEL, context_window=12_000)
    judged, written = user_texts(house.calls(JUDGE)[0])[0], user_texts(house.calls(WRITER)[0])[0]
    prefix = shared_prefix(judged, written)
    assert len(unfence(prefix, "draft")) == 3
    assert unfence(prefix, "question")[0].text == "Does a carbon tax cut emissions?"
    assert unfence(prefix, "sources")
    assert prefix.rstrip().endswith(">")
    assert output["receipt"]["judge"]["tool_calls"] == 1
    systems = [[m["content"] for m in house.calls(m_)[0].messages if m["role"] == "system"] for m_ in (JUDGE, WRITER)]
    assert systems[0] == systems[1]


async def test_the_same_drafts_render_to_the_same_bytes_in_every_run(house: House) -> None:
    talk: list[AnyMessage] = [HumanMessage("Hello"), AIMessage("Hi"), HumanMessage("why?")]
    for _ in range(2):
        await house.ask(talk, panel=PANEL)
    first, second = house.calls(JUDGE)
    assert user_texts(first) == user_texts(second)


async def test_the_order_does_not_depend_on_who_finished_first(house: House) -> None:
    seen = []
    for _ in range(3):
        for model in (ALPHA, BETA, GAMMA):
            house.server.on(model, Text(draft_of(model), delay=random.random() / 20))
        seen.append(list(shown(house.calls(JUDGE)[-1]).values()) if await house.ask(panel=PANEL) else [])
    assert seen[0] == seen[1] == seen[2]

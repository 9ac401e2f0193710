"""Recorded reports of real models go through join, packing, judge and writer."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from scripted_house import JUDGE, WRITER, House, analysis, asked, reasons, user_texts

from fusion_graph.fence import unfence
from fusion_graph.packing import CHARS_PER_TOKEN
from fusion_graph.sources import UNREGISTERED
from fusion_graph.testing import Fault, Text, Usage

RUNS = Path(__file__).parents[2].parent / "shared" / "recorded" / "runs"
FILES = sorted(RUNS.glob("solo-*.jsonl"))
WINDOW = 10_000

pytestmark = pytest.mark.skipif(not FILES, reason=f"no recorded runs in {RUNS}: they are not part of the repository")


@cache
def reports() -> dict[str, dict[str, dict[str, Any]]]:
    """The recorded reports, by task and model."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for file in FILES:
        for line in file.read_text("utf-8").splitlines():
            run = json.loads(line)
            if run["content"]:
                found.setdefault(run["task_id"], {})[f"{file.stem}/{run['model'].split('/')[-1]}"] = run
    return found


def a_few_tasks() -> list[str]:
    """The longest, the shortest and one in between, of those that every model answered."""
    whole = [task for task, runs in reports().items() if len(runs) == len(FILES)]
    whole.sort(key=lambda task: sum(len(run["content"]) for run in reports()[task].values()))
    return [whole[0], whole[len(whole) // 2], whole[-1]] if whole else []


def panel_of(house: House, task: str) -> list[str]:
    """Script one seat per recorded model to reply with its report."""
    runs = reports()[task]
    for model, run in runs.items():
        usage = Usage(prompt_tokens=run["input_tokens"], completion_tokens=run["output_tokens"])
        house.server.on(model, Text(run["content"], finish_reason=run["finish_reason"], usage=usage))
    return list(runs)


@pytest.mark.parametrize("which", [0, 1, 2], ids=["shortest", "middle", "longest"])
@pytest.mark.parametrize("how", ["ask", "stream"])
async def test_recorded_reports_are_judged_whole_or_visibly_cut(house: House, which: int, how: str) -> None:
    task = a_few_tasks()[which]
    panel = panel_of(house, task)
    labels = [chr(ord("A") + at) for at in range(len(panel))]
    every = [{"insight": f"Insight of {label}.", "draft": label, "sources": []} for label in labels]
    house.server.on(JUDGE, analysis(unique_insights=every))
    run = getattr(house, how)
    output = await run(panel=panel, context_window=WINDOW, max_completion_tokens=2_000)
    runs = reports()[task]
    assert output["status"] == "ok"
    assert output["failed_models"] == []
    assert {entry["model"]: entry["content"] for entry in output["responses"]} == {
        model: run_["content"].strip() for model, run_ in runs.items()
    }
    for model in (JUDGE, WRITER):
        call = house.calls(model)[0]
        drafts = unfence(user_texts(call)[0], "draft")
        assert [draft.attributes["label"] for draft in drafts] == labels
        assert len(call.prompt) // CHARS_PER_TOKEN <= WINDOW - 2_000
        assert not any(name in call.prompt.split("<draft label=")[0] for name in panel)
    cut = {part for part, reason in reasons(output) if reason == "draft_cut"}
    shown = {entry["label"]: entry["seat_id"] for entry in output["receipt"]["shown_order"]}
    drafts = unfence(user_texts(house.calls(JUDGE)[0])[0], "draft")
    assert cut == {shown[d.attributes["label"]] for d in drafts if "of this draft were cut here" in d.text}
    assert bool(cut) == (which > 0)
    insights = output["analysis"]["unique_insights"]
    assert {item["seat_id"] for item in insights} == {f"seat-{n + 1}" for n in range(len(panel))}
    assert all(item["model"] in panel for item in insights)
    totals = output["receipt"]["totals"]["usage"]
    assert totals["input_tokens"] >= sum(run_["input_tokens"] for run_ in runs.values())


async def test_in_a_large_window_no_recorded_report_is_cut_and_no_unfound_address_survives(house: House) -> None:
    for task in a_few_tasks():
        panel = panel_of(house, task)
        output = await house.ask(panel=panel, context_window=1_000_000)
        assert "draft_cut" not in {reason for _, reason in reasons(output)}
        drafts = unfence(user_texts(house.calls(JUDGE)[-1])[0], "draft")
        runs = reports()[task]
        shown = {entry["label"]: entry["seat_id"] for entry in output["receipt"]["shown_order"]}
        for draft in drafts:
            content = runs[panel[int(shown[draft.attributes["label"]].removeprefix("seat-")) - 1]]["content"]
            assert "https://" not in draft.text
            assert (UNREGISTERED in draft.text) == ("https://" in content or "http://" in content)
            assert draft.text[:40] == content.strip()[:40] or UNREGISTERED in draft.text[:200]


async def test_a_recorded_report_stands_in_whole_when_the_writer_fails(house: House) -> None:
    task = a_few_tasks()[1]
    panel = panel_of(house, task)
    house.server.on(WRITER, Fault(401))
    output = dict(await house.fusion(panel=panel, context_window=WINDOW).ainvoke(asked()))
    answer = output["messages"][-1]
    best = next(r for r in output["responses"] if r["seat_id"] == answer.additional_kwargs["fusion_fallback"])
    assert answer.text.endswith(best["content"])

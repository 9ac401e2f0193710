"""Stages: which are made, which are reused, what an answer put together from them says of itself."""

from __future__ import annotations

import dataclasses

import pytest
from eval_house import (
    ALPHA,
    BETA,
    COMPARED,
    FUSED,
    GRADER,
    JUDGE,
    OTHER,
    WRITER,
    EvalHouse,
    exact_tasks,
    graded_tasks,
    verdict,
)

from fusion_graph.evals.stages.echoes import echoed
from fusion_graph.testing import Fault, Researcher, Text


async def test_a_panel_is_answered_judged_and_written(house: EvalHouse) -> None:
    row = await house.row(house.file({"it": FUSED}))

    assert (row.outcome, row.answer, row.score) == ("ok", "42", 100.0)
    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 1}
    assert row.cost_usd == pytest.approx(0.01 + 0.01 + 0.02 + 0.03)
    assert row.cost_at_least is False
    assert row.calls == 4


async def test_a_change_of_the_writer_alone_reuses_panel_answers_and_analysis(house: EvalHouse) -> None:
    first = await house.row(house.file({"it": FUSED}))
    row = await house.row(house.file({"it": {**FUSED, "writer": OTHER}}))

    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 1, OTHER: 1}
    assert row.cost_usd == first.cost_usd
    assert row.receipt is not None
    assert first.receipt is not None
    assert row.receipt["seats"] == first.receipt["seats"]
    assert row.receipt["judge"] == first.receipt["judge"]
    assert row.receipt["writer"]["requested_model"] == OTHER
    assert row.receipt["degraded"] == []


async def test_seconds_are_those_of_the_critical_path(house: EvalHouse) -> None:
    house.server.on(ALPHA, Text("slow", delay=0.1)).on(BETA, Text("slower", delay=0.2))
    row = await house.row(house.file({"it": FUSED}))

    assert row.receipt is not None
    slowest = max(seat["latency"] for seat in row.receipt["seats"])
    path = slowest + row.receipt["judge"]["latency"] + row.receipt["writer"]["latency"]
    assert slowest >= 0.2
    assert row.seconds == pytest.approx(path)
    again = await house.row(house.file({"it": FUSED}))
    assert again.seconds == row.seconds


async def test_a_solo_model_shares_its_answer_with_the_same_seat_of_a_panel(house: EvalHouse) -> None:
    rows = await house.rows(house.file({"alone": {"solo": ALPHA}, "it": FUSED, "other": {"solo": OTHER}}))

    assert house.counts[ALPHA] == 1
    alone = rows["alone", "t0", 0]
    assert (alone.answer, alone.calls, alone.cost_usd) == (f"{ALPHA} says 42", 1, 0.01)
    assert alone.receipt is not None
    assert alone.receipt["deliberated"] is False


async def test_the_same_model_twice_drafts_twice(house: EvalHouse) -> None:
    house.server.on(ALPHA, "first", "second", "third")
    twice = {**FUSED, "panel": [ALPHA, ALPHA]}
    rows = await house.rows(
        house.file({"alone": {"solo": ALPHA}, "twice": twice, "thrice": {**twice, "panel": [ALPHA] * 3}})
    )

    assert house.counts[ALPHA] == 3
    assert rows["alone", "t0", 0].answer == "first"
    assert "first" in house.calls(WRITER)[0].prompt
    assert "second" in house.calls(WRITER)[0].prompt
    assert "third" in house.calls(WRITER)[1].prompt


async def test_generations_are_independent_answers(house: EvalHouse) -> None:
    house.server.on(ALPHA, "first", "second")
    path = house.file({"it": {"solo": ALPHA}}, generations=2)
    for _ in range(2):
        rows = await house.rows(path)
    assert [rows["it", "t0", generation].answer for generation in (0, 1)] == ["first", "second"]


async def test_a_freeform_control_asks_no_judge(house: EvalHouse) -> None:
    config = {"control": "hetero-freeform", "panel": [ALPHA, BETA], "writer": WRITER}
    row = await house.row(house.file({"it": config}))

    assert house.counts == {ALPHA: 1, BETA: 1, WRITER: 1}
    prompt = house.calls(WRITER)[0].prompt
    assert f"{ALPHA} says 42" in prompt
    assert "no comparison of the drafts" in prompt
    assert row.receipt is not None
    assert row.receipt["judge"] is None
    assert row.cost_usd == pytest.approx(0.05)


async def test_best_of_n_takes_the_best_supported_draft_as_it_is(house: EvalHouse) -> None:
    config = {"control": "best-of-n", "panel": [ALPHA, BETA], "judge": JUDGE}
    row = await house.row(house.file({"it": config, "fused": FUSED}))

    assert row.answer in (f"{ALPHA} says 42", f"{BETA} says 42")
    assert row.cost_usd == pytest.approx(0.04)
    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 1}


async def test_self_consistency_takes_the_answer_that_most_drafts_give(house: EvalHouse) -> None:
    house.server.on(ALPHA, "I say.\nAnswer: 41", "Answer: **42**.", "Well.\nAnswer: 42")
    row = await house.row(house.file({"it": {"control": "self-consistency", "panel": [ALPHA] * 3}}))

    assert row.score == 100.0
    assert house.counts == {ALPHA: 3}


async def test_a_failed_seat_is_data_now_and_tried_again_in_the_next_session(house: EvalHouse) -> None:
    house.server.on(BETA, Fault(402), f"{BETA} is back")
    path = house.file({"it": FUSED, "solo": {"solo": BETA}})
    rows = await house.rows(path)
    assert rows["it", "t0", 0].missing_seats == ["seat-2"]
    assert rows["it", "t0", 0].outcome == "ok"
    assert (rows["solo", "t0", 0].outcome, rows["solo", "t0", 0].answer) == ("failed", "")
    assert rows["solo", "t0", 0].error is not None
    assert house.counts[BETA] == 1, "a failure is tried once in a session"

    rows = await house.rows(path)
    assert rows["it", "t0", 0].missing_seats == []
    assert rows["solo", "t0", 0].answer == f"{BETA} is back"
    assert house.counts == {ALPHA: 1, BETA: 2, JUDGE: 2, WRITER: 2}, "what was compared without it is compared anew"


async def test_a_refusal_is_a_result_and_is_not_asked_for_again(house: EvalHouse) -> None:
    house.server.on(ALPHA, Text(refusal="I will not."))
    path = house.file({"it": {"solo": ALPHA}})
    for _ in range(2):
        row = await house.row(path)
    assert (row.outcome, row.answer, row.scores) == ("refused", "", [])
    assert house.counts == {ALPHA: 1}


async def test_a_writer_that_fails_gives_no_answer_and_is_never_kept(house: EvalHouse) -> None:
    house.server.on(WRITER, Fault(401), "42")
    path = house.file({"it": FUSED})
    failed = await house.row(path)
    assert (failed.outcome, failed.answer) == ("failed", "")
    row = await house.row(path)
    assert (row.outcome, row.answer) == ("ok", "42")
    assert house.counts == {ALPHA: 1, BETA: 1, JUDGE: 1, WRITER: 2}


async def test_a_judge_that_fails_leaves_the_writer_to_the_drafts_and_is_tried_again(house: EvalHouse) -> None:
    house.server.on(JUDGE, Fault(401))
    path = house.file({"it": FUSED})
    row = await house.row(path)
    assert row.outcome == "ok"
    assert row.receipt is not None
    assert [entry["part"] for entry in row.receipt["degraded"]] == ["judge"]
    house.server.on(JUDGE, COMPARED)
    row = await house.row(path)
    assert row.receipt is not None
    assert row.receipt["degraded"] == []
    assert (house.counts[ALPHA], house.counts[JUDGE], house.counts[WRITER]) == (1, 2, 2)


async def test_independent_judge_runs_never_share_a_verdict(house: EvalHouse) -> None:
    path = house.file({"it": {"solo": ALPHA}}, graded_tasks(1, 2, 1, -1), grading={"judge": GRADER, "runs": 3})
    for _ in range(2):
        row = await house.row(path)
    assert house.counts == {ALPHA: 1, GRADER: 9}
    assert len({call.prompt for call in house.calls(GRADER)}) == 9
    assert [(score.run, round(score.value, 2)) for score in row.scores] == [(run, 66.67) for run in range(3)]
    assert row.coverage == 1.0
    assert row.judging_usd == pytest.approx(0.009)
    assert row.cost_usd == pytest.approx(0.01), "grading is no cost of the answer"


async def test_more_judge_runs_add_only_the_missing_ones(house: EvalHouse) -> None:
    for runs in (1, 3):
        row = await house.row(
            house.file({"it": {"solo": ALPHA}}, graded_tasks(), grading={"judge": GRADER, "runs": runs})
        )
    assert house.counts[GRADER] == 6
    assert len(row.scores) == 3


async def test_a_run_counts_only_with_all_its_verdicts_and_a_failed_one_is_asked_again(house: EvalHouse) -> None:
    house.server.on(GRADER, verdict(), verdict(), verdict(), Fault(401), verdict())
    path = house.file({"it": {"solo": ALPHA}}, graded_tasks())
    row = await house.row(path)
    assert (row.outcome, row.coverage, len(row.scores), len(row.verdicts)) == ("incomplete", 0.75, 1, 3)
    assert row.error is not None
    row = await house.row(path)
    assert (row.outcome, row.coverage, len(row.scores)) == ("ok", 1.0, 2)
    assert house.counts[GRADER] == 5


async def test_what_tools_returned_is_audited_for_the_answer_key(house: EvalHouse) -> None:
    corpus = house.folder / "corpus"
    corpus.mkdir()
    key = "Names the year in which the treaty of the two rivers was signed"
    (corpus / "leak.md").write_text(f"# Rivers\n\n{key}, it says here.\n", "utf-8")
    house.resources = dataclasses.replace(house.resources, corpus=corpus)
    house.server.on(ALPHA, Researcher(["treaty rivers"], "In 1648.")).on(BETA, "In 1648.")
    tasks = graded_tasks()
    tasks[0]["rubric"]["sections"][0]["criteria"][0]["requirement"] = key
    seats = {"it": {"solo": ALPHA, "tools": ["web_search"]}, "clean": {"solo": BETA}}
    rows = await house.rows(house.file(seats, tasks))

    assert rows["clean", "t0", 0].contaminated == []
    found = rows["it", "t0", 0]
    assert any("web_search" in reason and "c0" in reason for reason in found.contaminated)
    assert found.urls == ["corpus:leak.md"]


async def test_settings_that_do_not_concern_a_stage_leave_its_key_alone(house: EvalHouse) -> None:
    base = house.file({"it": FUSED})
    async with house.bench(base) as bench:
        plain = await bench.stored.outline(bench.file.plans[0], bench.dataset.tasks[0])
    changes = {
        "writer": ({"writer": OTHER}, {"writer"}),
        "judge": ({"judge": OTHER}, {"judge", "writer"}),
        "defaults spelt out": ({"max_tool_calls": 4, "blind": True}, set()),
        "seat temperature": ({"temperature": 0.5}, {"seat-1", "seat-2", "judge", "writer"}),
        "order": ({"seed": 7}, {"judge", "writer"}),
        "writer's prompt": ({"prompts": {"writer": "Write. {{analysis}}"}}, {"writer"}),
        "one seat": ({"panel": [ALPHA, OTHER]}, {"seat-2", "judge", "writer"}),
    }
    for said, (change, expected) in changes.items():
        async with house.bench(house.file({"it": {**FUSED, **change}})) as bench:
            outline = await bench.stored.outline(bench.file.plans[0], bench.dataset.tasks[0])
        changed = {part for part, stage in outline.items() if stage.key != plain[part].key}
        assert changed == expected, said


async def test_files_of_a_task_are_part_of_the_question_and_of_its_key(house: EvalHouse) -> None:
    task = {**exact_tasks()[0], "files": ["bill.txt"]}
    for text in ("Total: 42", "Total: 43"):
        (house.folder / "bill.txt").write_text(text, "utf-8")
        await house.row(house.file({"it": {"solo": ALPHA}}, [task]))
        assert text in house.calls(ALPHA)[-1].prompt
    assert house.counts == {ALPHA: 2}


async def test_a_traced_answer_names_its_trace(house: EvalHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = await house.row(house.file({"it": FUSED}))
    assert plain.trace_id is None
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", "none")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")
    from langsmith import utils

    utils.get_env_var.cache_clear()
    try:
        from fusion_graph.evals.stages.graphs import LocalThreads, Trace

        trace = Trace()
        thread, _ = LocalThreads(house.resources).prepared({"configurable": {"thread_id": "t"}}, trace)
    finally:
        monkeypatch.undo()
        utils.get_env_var.cache_clear()
    assert trace.id
    assert str(thread["run_id"]) == trace.id


async def test_the_share_of_the_answer_s_wording_is_told_for_each_seat(house: EvalHouse) -> None:
    house.server.on(ALPHA, "The notice period is thirty days from today.").on(BETA, "Nobody can say that for sure.")
    house.server.on(WRITER, "Surely the notice period is thirty days.")
    row = await house.row(house.file({"it": FUSED}))
    assert row.seats_echoed == {"seat-1": pytest.approx(2 / 3, abs=1e-4), "seat-2": 0.0}
    assert echoed("Too short", {"seat-1": "Too short"}) == {}

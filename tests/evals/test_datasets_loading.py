"""Datasets of one's own, the bundled ones, and what happens to a file with faults."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_graph.errors import ConfigError
from fusion_graph.evals.datasets import DatasetError, load_dataset, read_tasks, stratified
from fusion_graph.evals.datasets.invoices import make_invoices
from fusion_graph.evals.schema import Scorer

CRITERION = {"id": "c", "weight": 5, "requirement": "It says so."}


def task(name: str = "t", **fields: Any) -> dict[str, Any]:
    return {"id": name, "input": "Why?", "rubric": {"sections": [{"id": "facts", "criteria": [CRITERION]}]}, **fields}


def rubric(*criteria: dict[str, Any]) -> dict[str, Any]:
    return {"sections": [{"id": "facts", "criteria": list(criteria)}]}


def write(folder: Path, *lines: dict[str, Any] | str) -> Path:
    path = folder / "mine.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), "utf-8")
    return path


def faults_of(path: Path) -> list[str]:
    with pytest.raises(DatasetError) as caught:
        read_tasks(path)
    assert str(path) in str(caught.value)
    return [str(fault) for fault in caught.value.faults]


def test_a_neutral_file_loads_with_its_digest_and_no_blocklist(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path, task("a", domain="law"), "", "  ", task("b")))
    assert [one.id for one in dataset.tasks] == ["a", "b"]
    assert (dataset.name, dataset.revision, dataset.blocklist) == ("mine", None, [])
    assert dataset.scorer.kind == "rubric"
    assert len(dataset.sha256) == 64


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{oops", "line 2: not valid JSON"),
        ('{"id": "x", "id": "y", "input": "?"}', "the key 'id' is there twice"),
        ('["x"]', "line 2: not a JSON object"),
        (json.dumps(task("x", rubric=rubric({**CRITERION, "weight": float("nan")}))), "NaN is no JSON number"),
        ('{"id": "x", "input": "?", "expected": 1e999}', "1e999 is too large"),
        (json.dumps(task("")), "line 2, id: string should have at least 1 character (found '')"),
        (json.dumps(task("  ")), "line 2, id: is empty; fill it in"),
        (json.dumps(task("x", input=" \n")), "line 2, input: is empty"),
        (json.dumps({"id": "x"}), "line 2, input: is missing; add it"),
        (json.dumps(task("x", prompt="?")), "line 2, prompt: is no field of a task"),
        (json.dumps(task("first")), "line 2, id: line 1 has the same id; give each its own (found 'first')"),
        (
            json.dumps(task("x", rubric=rubric({**CRITERION, "weight": "heavy"}))),
            "line 2, rubric.sections.0.criteria.0.weight: input should be a valid number",
        ),
        (json.dumps(task("x", rubric=rubric(CRITERION, CRITERION))), "rubric.criteria.id: is there twice"),
        (json.dumps(task("x", rubric=rubric({**CRITERION, "weight": 0}))), "no criterion has a weight other than 0"),
        (json.dumps(task("x", files=["../../secret"])), "leads out of the dataset's folder"),
        (json.dumps(task("x", files=["gone.pdf"])), "there is no such file"),
        ('{"id": "\\ud800", "input": "?"}', "line 2, id: input should be a valid string"),
        ('{"id": ' + "[" * 100_000, "nested too deeply"),
    ],
)
def test_a_bad_line_is_reported_with_number_field_value_and_fix(tmp_path: Path, line: str, told: str) -> None:
    (fault,) = faults_of(write(tmp_path, task("first"), line))
    assert told in fault


def test_all_bad_lines_are_reported_together_and_nothing_is_loaded(tmp_path: Path) -> None:
    path = write(tmp_path, task("a"), "{", task(""), "", task("a"), task("x", weight=1, prompt=2))
    assert [fault.split(":")[0] for fault in faults_of(path)] == [
        "line 2",
        "line 3, id",
        "line 5, id",
        "line 6, weight",
        "line 6, prompt",
    ]


def test_a_file_that_is_not_utf8_says_where(tmp_path: Path) -> None:
    path = tmp_path / "latin.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": "a", "input": "x"}\n{"id": "caf\xe9", "input": "x"}\n')
    assert faults_of(path) == ["line 2: not UTF-8 at byte 11; save the file as UTF-8"]


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_and_nothing_else_is_raised(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.jsonl"
    path.write_bytes(raw)
    with pytest.raises(DatasetError):
        read_tasks(path)


def test_a_file_without_tasks_or_no_file_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no task in it"):
        load_dataset(write(tmp_path, ""))
    with pytest.raises(DatasetError, match="there are small, invoices, draco"):
        load_dataset(tmp_path / "gone.jsonl")


def test_a_thousand_tasks_are_read_in_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for at in range(1_000):
            file.write(json.dumps(task(f"t{at}", input="word " * 4_000)) + "\n")
    assert path.stat().st_size > 20_000_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_tasks(path)) == 1_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_file_changed_after_the_check_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, task("a"), task("b"))
    tasks = read_tasks(path)
    path.write_text("{\n", "utf-8")
    with pytest.raises(DatasetError, match="line 1"):
        list(tasks)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [({"expected": {"a": 1}}, "json_fields"), ({"expected": "blue"}, "exact"), ({"expected": 0}, "exact")],
)
def test_the_tasks_tell_their_scorer(tmp_path: Path, fields: dict[str, Any], kind: str) -> None:
    assert load_dataset(write(tmp_path, {"id": "a", "input": "?", **fields})).scorer.kind == kind


@pytest.mark.parametrize(
    ("scorer", "told"),
    [
        (None, "name a scorer"),
        ("rubric", "needs `rubric`, which 1 tasks lack, such as 'b'"),
        ("exact", "needs `expected`"),
        ("best", "'best' is none; use rubric, exact"),
        ("python", "'python' is none"),
        (Scorer(kind="python"), "scorer.function: is missing"),
    ],
)
def test_a_scorer_that_does_not_fit_is_refused(tmp_path: Path, scorer: Any, told: str) -> None:
    path = write(tmp_path, task("a"), {"id": "b", "input": "?", "expected": {"x": 1}})
    with pytest.raises(ConfigError, match=told):
        load_dataset(path, scorer=scorer)


@pytest.mark.parametrize(("name", "weight"), [("y", 1.0), ("x", 0.0), ("x", float("nan"))])
def test_a_weight_that_cannot_count_is_refused(tmp_path: Path, name: str, weight: float) -> None:
    path = write(tmp_path, {"id": "a", "input": "?", "expected": {"x": 1}})
    with pytest.raises(ConfigError, match=r"scorer\.weights"):
        load_dataset(path, scorer=Scorer(kind="json_fields", weights={name: weight}))


def test_tasks_are_chosen_by_domain_and_limit(tmp_path: Path) -> None:
    path = write(tmp_path, task("a", domain="law"), task("b", domain="tax"), task("c", domain="tax"))
    assert [one.id for one in load_dataset(path, domains=["tax"], limit=1).tasks] == ["b"]
    with pytest.raises(DatasetError, match="'art' is no domain of 'mine'; there are law, tax"):
        load_dataset(path, domains=["tax", "art"])
    with pytest.raises(DatasetError, match="limit: 0"):
        load_dataset(path, limit=0)


def test_the_small_dataset_has_three_domains_and_criteria_of_both_signs_in_every_task() -> None:
    dataset = load_dataset("small")
    assert Counter(one.domain for one in dataset.tasks) == {"Research": 3, "Operations": 3, "Planning": 3}
    for one in dataset.tasks:
        assert one.rubric is not None
        weights = [criterion.weight for _, criterion in one.rubric.criteria()]
        assert min(weights) < 0 < max(weights)
        assert len(one.rubric.sections) == 4


def test_the_invoices_are_what_their_script_makes() -> None:
    made = "".join(json.dumps(one) + "\n" for one in make_invoices())
    kept = files("fusion_graph.evals.datasets").joinpath("invoices.jsonl")
    if os.environ.get("UPDATE_GOLDEN"):
        Path(str(kept)).write_text(made, "utf-8")
    assert kept.read_text("utf-8") == made
    dataset = load_dataset("invoices")
    assert dataset.scorer.weights["decision=approve"] < 0
    assert Counter(one.expected["decision"] for one in dataset.tasks) == {"reject": 9, "approve": 3}


def test_a_stratified_draw_keeps_the_domains_shares_and_repeats_with_its_seed(tmp_path: Path) -> None:
    lines = [
        task(f"{domain}{at}", domain=domain) for domain, size in (("a", 20), ("b", 10), ("c", 3)) for at in range(size)
    ]
    dataset = load_dataset(write(tmp_path, *lines))
    drawn = stratified(dataset, 11, seed=4)
    assert Counter(one.domain for one in drawn.tasks) == {"a": 7, "b": 3, "c": 1}
    assert drawn == stratified(dataset, 11, seed=4)
    assert drawn != stratified(dataset, 11, seed=5)
    order = [one.id for one in dataset.tasks]
    assert sorted((one.id for one in drawn.tasks), key=order.index) == [one.id for one in drawn.tasks]
    with pytest.raises(DatasetError, match="34 tasks cannot be drawn"):
        stratified(dataset, 34)

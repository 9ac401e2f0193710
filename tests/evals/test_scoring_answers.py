"""Scorers that need no judge: one value, the fields of a JSON object, a function of one's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_graph.errors import ConfigError
from fusion_graph.evals.datasets import load_dataset
from fusion_graph.evals.json_in_text import object_in
from fusion_graph.evals.schema import Scorer, Task
from fusion_graph.evals.scorers import ScoringError, check_scorer, score_answer, score_exact, score_json_fields
from fusion_graph.evals.scorers.comparing import same

TASK = Task(id="t", input="?", expected="blue")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Blue.", "blue"),
        ("  **BLUE**\n", "blue"),
        ("I looked it up.\nAnswer: green\nNo:\n**Final answer:** *blue*", "blue"),
        ("1,234.50", 1234.5),
        ("$1234.5", "1,234.50"),
        ("-3", -3),
        ("1e3", 1000),
        ("Strasse  7", "strasse 7"),
        ("\ufb01ne", "fine"),
        ("no", ["yes", "no"]),
    ],
)
def test_answers_that_say_the_expected_value_are_right(answer: str, expected: Any) -> None:
    assert score_exact(answer, expected).value == 100


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("It is blue, I think.", "blue"), ("", ""), ("1,23", 123), ("12", 1.2), ("true", 1), ("1", True), ("", [])],
)
def test_answers_that_do_not_are_wrong(answer: str, expected: Any) -> None:
    assert score_exact(answer, expected).value == 0


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=8))
def test_every_value_is_the_same_as_itself(value: Any) -> None:
    assert same(value, value)


WEIGHTS = {"decision": 4, "reasons": 3, "overcharge": 3, "decision=approve": -10}
BAD = {"decision": "reject", "reasons": ["price", "total"], "overcharge": 12.5}
GOOD = {"decision": "approve", "reasons": [], "overcharge": 0.0}


@pytest.mark.parametrize(
    ("answer", "expected", "raw", "value"),
    [
        ('{"decision": "Reject", "reasons": ["total", "price"], "overcharge": "$12.50"}', BAD, 10, 100),
        ('So:\n```json\n{"decision": "reject", "reasons": ["price"], "overcharge": 12.5}\n```', BAD, 7, 70),
        ('{"decision": "approve", "reasons": ["price", "total"], "overcharge": 12.5}', BAD, -4, 0),
        ('{"decision": "approve", "reasons": [], "overcharge": 0}', GOOD, 10, 100),
        ('{"decision": "reject", "reasons": [], "overcharge": 0}', GOOD, 6, 60),
        ('{"reasons": [], "overcharge": 0}', GOOD, 6, 60),
        ("I cannot tell.", BAD, 0, 0),
        ("", GOOD, 0, 0),
        ("[1, 2]", GOOD, 0, 0),
    ],
)
def test_fields_earn_their_weights_and_a_bad_invoice_approved_costs(
    answer: str, expected: dict[str, Any], raw: float, value: float
) -> None:
    score = score_json_fields(answer, expected, WEIGHTS)
    assert (score.raw, score.value) == (raw, value)


def test_each_field_is_an_axis_and_the_pass_rate_is_their_share() -> None:
    score = score_json_fields('{"a": 1, "b": 3}', {"a": 1, "b": 2, "c": None}, {})
    assert score.axes == {"a": 100, "b": 0, "c": 0}
    assert score.pass_rate == pytest.approx(100 / 3)
    assert score.value == pytest.approx(100 / 3)


def test_a_negative_field_subtracts_only_where_it_is_said_and_wrong() -> None:
    weights = {"a": 10, "b": -5}
    assert score_json_fields('{"a": 1, "b": 3}', {"a": 1, "b": 2}, weights).value == 50
    assert score_json_fields('{"a": 1, "b": 2}', {"a": 1, "b": 2}, weights).value == 100
    assert score_json_fields('{"a": 1}', {"a": 1, "b": 2}, weights).value == 100


@pytest.mark.parametrize(
    "text",
    [
        '<think>{"a": 0}</think>{"a": 1}',
        'First {"a": 0}; no, {"a": 1}.',
        'In the set {x: y} we find {"a": 1} and {"other": 2}',
        '{"a": 1} {oops',
    ],
)
def test_the_object_that_was_asked_for_is_found(text: str) -> None:
    assert object_in(text, ["a", "b"]) == {"a": 1}


@pytest.mark.parametrize("text", ["", "{", '{"x": 1}', '{"a": ' * 100_000, "{" * 100_000])
def test_where_there_is_none_that_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="no JSON object with a"):
        object_in(text, ["a"])


MODULE = """
from fusion_graph.evals.results import Score

def length(task, answer):
    return min(100, len(answer))

async def whole(task, answer):
    return Score(run=0, raw=1, value=42.0, axes={"x": 1.0})

def nothing(task, answer):
    return None

def share(task, answer):
    return True

def much(task, answer):
    return 100.5

def broken(task, answer):
    raise RuntimeError("no network")

def one(task):
    return 1
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the user's in the current folder."""
    name = f"own_scorer_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return name


def own(module: str, function: str) -> Scorer:
    return Scorer(kind="python", function=f"{module}:{function}")


async def test_a_function_may_return_a_number_or_a_score_at_once_or_later(module: str) -> None:
    assert (await score_answer(own(module, "length"), TASK, "four")).value == 4
    assert (await score_answer(own(module, "whole"), TASK, "four")).axes == {"x": 1.0}


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("nothing", "returned None; return a number from 0 to 100"),
        ("share", "returned True"),
        ("much", "returned 100.5"),
        ("broken", "raised RuntimeError: no network"),
    ],
)
async def test_a_function_that_gives_no_score_is_an_error_of_its_task(module: str, function: str, told: str) -> None:
    with pytest.raises(ScoringError, match=f"task 't': the scorer {function} {told}"):
        await score_answer(own(module, function), TASK, "x")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("{}:one", "must take a task and an answer"),
        ("{}:gone", "has no function 'gone'"),
        ("{}", "write module:function"),
        ("{}_gone:length", "cannot be imported"),
    ],
)
def test_a_function_that_cannot_be_used_is_refused_before_anything_runs(module: str, name: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        check_scorer(Scorer(kind="python", function=name.format(module)))


async def test_the_bundled_invoices_can_be_solved_and_failed() -> None:
    dataset = load_dataset("invoices")
    for task in dataset.tasks:
        right = await score_answer(dataset.scorer, task, str(task.expected).replace("'", '"'))
        assert right.value == 100
        paid = await score_answer(dataset.scorer, task, '{"decision": "approve", "reasons": [], "overcharge": 0}')
        assert paid.value == (100 if task.expected["decision"] == "approve" else 0)


async def test_a_rubric_is_not_scored_from_the_answer_alone() -> None:
    with pytest.raises(ScoringError, match="scored from verdicts"):
        await score_answer(Scorer(kind="rubric"), TASK, "x")

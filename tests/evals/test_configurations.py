"""The eval file: what it may say, and how a mistake in it is told."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_graph.errors import ConfigError
from fusion_graph.evals.eval_file import read_eval_file
from fusion_graph.evals.starter import starter_text, write_starter

SOLO: dict[str, Any] = {"solo": "a/b"}
TWO = {"panel": ["a/b", "c/d"], "judge": "e/f"}


def written(folder: Path, configurations: Any, **more: Any) -> Path:
    path = folder / "eval.json"
    path.write_text(json.dumps({"dataset": "small", "configurations": configurations, **more}), "utf-8")
    return path


def test_the_starter_is_valid_and_holds_the_twelve_rows_in_their_order(tmp_path: Path) -> None:
    write_starter(tmp_path / "eval.yaml")
    file = read_eval_file(tmp_path / "eval.yaml")
    found = [plan.described for plan in file.plans]
    assert len(found) == 12
    assert [one.kind for one in found] == ["panel"] * 4 + ["solo", "panel"] + ["solo"] * 6
    assert {one.judge for one in found if one.kind == "panel"} == {"anthropic/claude-opus-4.8"}
    assert file.grading.runs == 3


def test_the_controls_in_the_starter_s_comments_are_valid(tmp_path: Path) -> None:
    text = starter_text()
    head, _, tail = text.partition("# Controls:")
    lines = [line.removeprefix("#").removeprefix(" ") for line in tail.splitlines()]
    entries = "\n".join(line for line in lines if line.startswith(("  ", "opus-", "arm-")) and ":" in line)
    path = tmp_path / "eval.yaml"
    path.write_text(head + entries + "\n", "utf-8")
    controls = [plan.control for plan in read_eval_file(path).plans[12:]]
    assert controls == [
        "best-of-n",
        "longer-solo",
        "self-consistency",
        "solo",
        "homo-freeform",
        "homo-structured",
        "hetero-freeform",
        "hetero-structured",
    ]


def test_the_starter_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "eval.yaml"
    path.write_text("mine", "utf-8")
    with pytest.raises(ConfigError, match="is there already"):
        write_starter(path)
    assert path.read_text("utf-8") == "mine"


def test_yaml_and_toml_say_the_same(tmp_path: Path) -> None:
    toml = tmp_path / "eval.toml"
    toml.write_text('dataset = "small"\n[configurations.it]\npanel = ["a/b", "c/d"]\njudge = "e/f"\n', "utf-8")
    yaml = tmp_path / "eval.yaml"
    yaml.write_text("dataset: small\nconfigurations:\n  it: {panel: [a/b, c/d], judge: e/f}\n", "utf-8")
    assert tomllib.loads(toml.read_text("utf-8"))
    assert read_eval_file(toml).plans == read_eval_file(yaml).plans


def test_a_solo_model_has_the_limits_of_a_seat(tmp_path: Path) -> None:
    file = read_eval_file(written(tmp_path, {"solo": SOLO, "two": TWO}, defaults={"max_tool_calls": 9}))
    assert [plan.config.max_tool_calls for plan in file.plans] == [9, 9]


def test_an_entry_s_own_field_beats_the_defaults(tmp_path: Path) -> None:
    entry = {**SOLO, "search": {"max_results": 3}}
    file = read_eval_file(written(tmp_path, {"it": entry}, defaults={"search": {"max_results": 9, "max_uses": 2}}))
    assert (file.plans[0].config.search.max_results, file.plans[0].config.search.max_uses) == (3, 2)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({}, ("configurations.it", "solo", "panel")),
        ({"solo": "a/b", "panel": ["a/b"]}, ("configurations.it", "one of the two")),
        ({**SOLO, "temprature": 1}, ("configurations.it.temprature", "no such field")),
        ({**SOLO, "temperature": 9}, ("configurations.it.temperature", "got 9", "less than or equal to 2")),
        ({**TWO, "quorum": 1}, ("configurations.it.quorum", "got 1", "leave it out")),
        ({**TWO, "max_cost_usd": 1}, ("configurations.it.max_cost_usd", "limits.max_cost_usd")),
        ({**TWO, "review": ["judge"]}, ("configurations.it.review", "leave it out")),
        ({**TWO, "control": "magic"}, ("configurations.it.control", "'magic'", "best-of-n")),
        ({**TWO, "control": ["best-of-n"]}, ("configurations.it.control", "['best-of-n']", "self-consistency")),
        ({**TWO, "control": "homo-freeform"}, ("configurations.it.panel", "one model two or more times")),
        ({**SOLO, "control": "hetero-freeform"}, ("configurations.it.control", "needs `panel`")),
        ({"panel": ["a/b"], "control": "best-of-n"}, ("configurations.it.panel", "two or more seats")),
        ({**TWO, "control": "solo"}, ("configurations.it.control", "needs `solo`")),
        ({"preset": "nothing"}, ("configurations.it", "no preset 'nothing'", "general-high")),
        ({"panel": ["openrouter/fusion"]}, ("configurations.it.model", "is a fusion")),
    ],
)
def test_a_mistake_is_told_with_its_entry_field_value_and_fix(
    tmp_path: Path, entry: dict[str, Any], words: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as raised:
        read_eval_file(written(tmp_path, {"it": entry}))
    for word in ("eval.json", *words):
        assert word in str(raised.value)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"grading": {"runs": 0}}, ("grading.runs", "got 0")),
        ({"limits": {"providers": {"openai": 0}}}, ("limits.providers.openai", "got 0")),
        ({"nonsense": 1}, ("nonsense", "no such field")),
        ({"name": "../up"}, ("name", "../up")),
        ({"generations": 0}, ("generations", "got 0")),
        ({"defaults": {"max_tool_calls": 99}}, ("defaults.max_tool_calls", "got 99")),
    ],
)
def test_a_mistake_beside_the_entries_is_told_too(tmp_path: Path, more: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as raised:
        read_eval_file(written(tmp_path, {"it": SOLO}, **more))
    for word in words:
        assert word in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("eval.yaml", "dataset: small\nconfigurations:\n  it: {solo: a/b}\n  it: {solo: c/d}\n", "'it' stands twice"),
        ("eval.json", '{"dataset": "small", "configurations": {"it": {}, "it": {}}}', "the key 'it' is there twice"),
    ],
)
def test_an_entry_that_is_written_twice_is_an_error(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=said):
        read_eval_file(path)


@given(text=st.text(max_size=200), kind=st.sampled_from([".yaml", ".toml", ".json"]))
def test_any_text_is_read_or_refused_with_the_file_s_name(
    tmp_path_factory: pytest.TempPathFactory, text: str, kind: str
) -> None:
    path = tmp_path_factory.mktemp("any") / f"eval{kind}"
    path.write_text(text, "utf-8", "replace")
    with pytest.raises(ConfigError, match="eval"):
        read_eval_file(path)

"""What a search may try, how it is named, and what is proposed where not all can be tried."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_graph.config import FusionConfig
from fusion_graph.errors import ConfigError, MissingPackageError
from fusion_graph.evals.optimize.proposals import Proposer
from fusion_graph.evals.optimize.search_file import read_search_file
from fusion_graph.evals.optimize.session import check_packages
from fusion_graph.evals.optimize.space import Candidate, Plans, Space
from fusion_graph.evals.optimize.starter import write_starter

FOUR = ["a/one", "b/two", "c/three", "d/four"]


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    names = st.lists(st.sampled_from([*FOUR, "e/judge", "one"]), min_size=1, max_size=4, unique=True)
    sizes = draw(st.lists(st.integers(2, 5), min_size=1, max_size=3, unique=True))
    return Space(models=draw(names), panel_sizes=sizes, judges=draw(st.none() | names), writers=draw(st.none() | names))


@settings(max_examples=80, deadline=None)
@given(spaces())
def test_a_space_is_counted_as_it_is_gone_through(space: Space) -> None:
    candidates = list(space.candidates())
    assert len(candidates) == len(space) == len(set(candidates))
    names = Plans(space, {}, None)
    assert len({names.name(candidate) for candidate in candidates}) == len(candidates)
    assert set(space.always()) <= set(candidates)


@settings(max_examples=15, deadline=None)
@given(spaces(), st.integers(0, 1000))
def test_only_what_is_in_the_space_is_proposed_and_nothing_twice(space: Space, seed: int) -> None:
    whole = set(space.candidates())
    proposer = Proposer(space, seed)
    for at, candidate in enumerate(space.always()):
        proposer.tell(candidate, float(at), 0.01 * at)
    found = proposer.ask(4)
    assert len(set(found)) == len(found)
    assert set(found) <= whole - set(space.always())
    chance = Random(seed)
    assert {space.draw(chance) for _ in range(20)} <= whole


def test_proposals_run_out_with_the_space() -> None:
    space = Space(models=FOUR[:2], panel_sizes=[2])
    proposer = Proposer(space, 0)
    for candidate in space.always():
        proposer.tell(candidate, 1.0, 1.0)
    assert set(proposer.ask(50)) == set(space.candidates()) - set(space.always())
    assert proposer.ask(5) == []


def test_a_candidate_becomes_the_configuration_it_names() -> None:
    space = Space(models=["a/one", "b/one", "c:two"], judges=["x/judge"], writers=["y/writer"])
    plans = Plans(space, {"tools": [], "max_tool_calls": 2}, None)
    solo = plans.of(Candidate(("c:two",)))
    assert (solo.name, solo.way, solo.label) == ("two", "solo", "c:two")
    assert solo.config == FusionConfig(panel=["c:two"], tools=[], max_tool_calls=2)
    fused = plans.of(Candidate(("a/one", "b/one"), "x/judge", "y/writer"))
    assert fused.name == "a-one+b-one_by_judge_and_writer", "two models of one name are told apart"
    assert fused.way == "fused"
    assert fused.label == "a/one + b/one, judge x/judge, writer y/writer"
    assert (fused.config.judge, fused.config.writer) == ("x/judge", "y/writer")
    assert plans.of(Candidate(("a/one", "a/one"), "a/one", "a/one")).name == "a-one+a-one_by_a-one"


@pytest.mark.parametrize(
    ("models", "names"),
    [
        (["openai:gpt", "openai/gpt"], ["openai-gpt", "openai-gpt-2"]),
        (["x:m", "x/m", "other/x-m-2"], ["x-m", "x-m-3", "x-m-2"]),
        (["x-m", "x:m", "x/m"], ["x-m", "x-m-2", "x-m-3"]),
    ],
)
def test_models_whose_names_differ_by_a_sign_alone_are_told_apart(models: list[str], names: list[str]) -> None:
    space = Space(models=models, panel_sizes=[2])
    plans = Plans(space, {"tools": []}, None)
    made = [plans.of(candidate) for candidate in space.candidates()]
    assert [plan.name for plan in made[: len(models)]] == names
    assert [[seat.model for seat in plan.config.seats()] for plan in made] == [
        list(candidate.panel) for candidate in space.candidates()
    ]
    assert len({plan.name for plan in made}) == len(space)


def test_without_optuna_a_large_space_is_refused_before_any_money_is_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.json"
    whole = {"dataset": "invoices", "space": {"models": FOUR}, "search": {"whole": 10}}
    path.write_text(json.dumps(whole), "utf-8")
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingPackageError, match=r"fusion-graph\[optimize\]"):
        check_packages(read_search_file(path))
    path.write_text(json.dumps({**whole, "search": {"whole": 100}}), "utf-8")
    check_packages(read_search_file(path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"space": {"models": []}}, "space.models"),
        ({"space": {"models": ["a/one", "a/one"]}}, "models: 'a/one' is named twice.*self-fusion is always"),
        ({"space": {"models": FOUR, "panel_sizes": [9]}}, r"space.panel_sizes.0: .*8 \(got 9\)"),
        ({"space": {"models": FOUR, "panel_sizes": [1]}}, r"space.panel_sizes.0: .*2 \(got 1\)"),
        ({"space": {"models": FOUR, "panels": 3}}, "space.panels: there is no such field"),
        ({"space": {"models": FOUR, "judges": []}}, "space.judges"),
        ({"space": None}, "space"),
        ({"search": {"held_out": 1.0}}, r"search.held_out: .*\(got 1.0\)"),
        ({"search": {"cost": "euros"}}, "search.cost: .*'usd', 'seconds' or 'calls'"),
        ({"search": {"level": 0.2}}, "search.level"),
        ({"defaults": {"quorum": 2}}, r"defaults.quorum \(got 2\)"),
        ({"defaults": {"max_tool_calls": 99}}, "defaults.max_tool_calls"),
        ({"name": "a/b"}, "name: 'a/b' names a folder"),
        ({"datset": "x"}, "datset: there is no such field"),
    ],
)
def test_a_search_file_at_fault_says_where(tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(json.dumps({"dataset": "invoices", "space": {"models": FOUR}, **change}), "utf-8")
    with pytest.raises(ConfigError, match=said) as caught:
        read_search_file(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("s.yaml", "space: [", "is not valid YAML"),
        ("s.toml", "space = ", "is not valid TOML"),
        ("s.yaml", "dataset: x\ndataset: y\n", "'dataset' stands twice"),
        ("s.json", "[]", "mapping with `dataset` and `space`"),
        ("s.txt", "", "ends in .yaml"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=said):
        read_search_file(tmp_path / name)


def test_a_missing_file_names_init(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fusion optimize init"):
        read_search_file(tmp_path / "none.yaml")


def test_the_starter_is_a_search_file_and_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "optimize.yaml"
    write_starter(path)
    file = read_search_file(path)
    assert (file.shared.name, file.shared.dataset.path) == ("optimize", "invoices")
    assert file.search.extent.covers(file.space)
    with pytest.raises(ConfigError, match="is there already"):
        write_starter(path)
    with pytest.raises(ConfigError, match=r"name it \.yaml"):
        write_starter(tmp_path / "x.toml")

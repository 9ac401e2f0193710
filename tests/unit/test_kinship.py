from __future__ import annotations

import pytest

from fusion_graph.config import FusionConfig
from fusion_graph.kinship import kinships
from fusion_graph.outcomes import PanelistOutcome
from fusion_graph.presets import load_catalog


def found(panel: list[tuple[str, str | None]], *, writes: bool = True, **models: str) -> list[tuple[str, str, str]]:
    config = FusionConfig(panel=[model for model, _ in panel], **models)
    outcomes = [
        PanelistOutcome(seat_id=f"seat-{at}", label="x", model=model, served_model=served, outcome="ok")
        for at, (model, served) in enumerate(panel, 1)
    ]
    listed = kinships(load_catalog(), config, outcomes, writes=writes)
    return [(kin.part, kin.seat_id, kin.family) for kin in listed]


def test_a_judge_of_a_seats_family_is_named_whatever_way_it_is_reached():
    panel = [("anthropic/claude-opus-4.8", None), ("openai/gpt-5.5", None)]
    assert found(panel, judge="anthropic:claude-sonnet-4-6", writer="google/gemini-3-flash") == [
        ("judge", "seat-1", "anthropic")
    ]


def test_a_writer_of_a_seats_family_is_named_apart_from_the_judge():
    panel = [("anthropic/claude-opus-4.8", None), ("openai/gpt-5.5", None)]
    assert found(panel, judge="openai/gpt-5.5", writer="anthropic/claude-opus-4.8") == [
        ("judge", "seat-2", "openai"),
        ("writer", "seat-1", "anthropic"),
    ]


def test_where_nobody_writes_the_writer_is_no_kin():
    panel = [("anthropic/claude-opus-4.8", None)]
    assert found(panel, writes=False) == [("judge", "seat-1", "anthropic")]
    assert len(found(panel, writes=True)) == 2


def test_every_seat_of_a_self_fusion_is_kin_to_its_judge():
    panel = [("openai/gpt-5.5", None)] * 3
    assert [seat for part, seat, _ in found(panel) if part == "judge"] == ["seat-1", "seat-2", "seat-3"]


def test_the_model_that_really_answered_tells_more_than_the_name_that_was_asked_for():
    assert found(
        [("openrouter/auto", "anthropic/claude-opus-4.8")], judge="anthropic/claude-opus-4.8", writes=False
    ) == [("judge", "seat-1", "anthropic")]


@pytest.mark.parametrize(
    ("seat", "judge"),
    [
        ("anthropic/claude-opus-4.8", "openai/gpt-5.5"),
        ("my-instance", "my-instance"),
        ("offline:question", "offline:judge"),
        ("local:unheard-of.gguf", "local:unheard-of.gguf"),
        ("azure_openai:deployment-1", "azure_openai:deployment-2"),
    ],
)
def test_other_families_and_families_nobody_knows_are_no_kin(seat, judge):
    assert found([(seat, None)], judge=judge, writes=False) == []

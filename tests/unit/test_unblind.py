from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_graph.analysis import Analysis, JudgedAnalysis
from fusion_graph.unblind import Unblinder, blinded

SEATS = {"A": "second", "B": "first", "C": "third"}
MODELS = {"first": "vendor/model-one", "second": "vendor/model-two", "third": "vendor/model-one"}
LABELS = {seat: label for label, seat in SEATS.items()}
SOURCES = ["S1", "S2", "S10"]
EMPTY: dict[str, Any] = {
    "consensus": [],
    "contradictions": [],
    "partial_coverage": [],
    "unique_insights": [],
    "blind_spots": [],
}

TEXT = st.text("abc XYZ.", min_size=1, max_size=12).filter(str.strip).map(str.strip)
DRAFT = st.sampled_from(sorted(SEATS))
DRAFTS = st.lists(DRAFT, unique=True, max_size=3)
IDS = st.lists(st.sampled_from(SOURCES), unique=True, max_size=3)
POINTS = st.lists(st.fixed_dictionaries({"point": TEXT, "drafts": DRAFTS, "sources": IDS}), max_size=3)
STANCES = st.lists(st.fixed_dictionaries({"draft": DRAFT, "stance": TEXT, "sources": IDS}), max_size=3)
JUDGED = st.fixed_dictionaries(
    {
        "consensus": POINTS,
        "contradictions": st.lists(st.fixed_dictionaries({"topic": TEXT, "stances": STANCES}), max_size=3),
        "partial_coverage": POINTS,
        "unique_insights": st.lists(
            st.fixed_dictionaries({"insight": TEXT, "draft": DRAFT, "sources": IDS}), max_size=3
        ),
        "blind_spots": st.lists(TEXT, max_size=3),
    }
)


@pytest.fixture
def unblinder() -> Unblinder:
    return Unblinder(SEATS, MODELS, SOURCES)


def named(**lists: Any) -> Analysis:
    return Unblinder(SEATS, MODELS, SOURCES).analysis(JudgedAnalysis.model_validate({**EMPTY, **lists}))


@given(JUDGED)
@settings(deadline=None)
def test_blinding_what_was_unblinded_gives_back_what_the_judge_wrote(judged):
    analysis = Unblinder(SEATS, MODELS, SOURCES).analysis(JudgedAnalysis.model_validate(judged))
    assert blinded(analysis, LABELS) == judged


@given(JUDGED)
@settings(deadline=None)
def test_unblinding_what_was_blinded_gives_back_the_analysis(judged):
    unblinder = Unblinder(SEATS, MODELS, SOURCES)
    analysis = unblinder.analysis(JudgedAnalysis.model_validate(judged))
    again = unblinder.analysis(JudgedAnalysis.model_validate(blinded(analysis, LABELS)))
    assert again == analysis


@given(JUDGED)
@settings(deadline=None)
def test_no_seat_and_no_model_is_named_in_what_the_writer_sees(judged):
    shown = json.dumps(blinded(named(**judged), LABELS))
    assert not [name for name in (*MODELS, *MODELS.values()) if name in shown]


@given(JUDGED)
@settings(deadline=None)
def test_every_model_in_the_analysis_is_the_one_asked_of_the_seat_beside_it(judged):
    analysis = named(**judged)
    pairs = [(stance.seat_id, stance.model) for item in analysis.contradictions for stance in item.stances]
    pairs += [(item.seat_id, item.model) for item in analysis.unique_insights]
    pairs += [pair for item in analysis.partial_coverage for pair in zip(item.seat_ids, item.models, strict=True)]
    assert all(MODELS[seat] == model for seat, model in pairs)
    assert len(analysis.consensus) == len(analysis.consensus_support)


@pytest.mark.parametrize(
    "spelling",
    [
        "A",
        "a",
        " A ",
        "Draft A",
        "draft_a",
        "DRAFT-A",
        "Draft: A",
        "[A]",
        "**A**",
        "'A'",
        "(A)",
        "A.",
        "#A",
        "Panelist A",
    ],
)
def test_a_label_is_recognised_however_it_is_spelt(unblinder, spelling):
    assert unblinder.seat_ids([spelling]) == ["second"]


@pytest.mark.parametrize(
    "spelling", ["A, B", "A and B", "Drafts A and B", "A/B", "A & B", "Draft A, Draft B", "[A] [B]", "A; B", "a,b"]
)
def test_several_labels_in_one_string_are_all_recognised(unblinder, spelling):
    assert unblinder.seat_ids([spelling]) == ["second", "first"]


@pytest.mark.parametrize(
    "spelling", ["", "D", "Z", "all", "AB", "A plan", "none", "vendor/model-one", "Draft", "1", "\uff21", "-", "seat A"]
)
def test_what_is_no_shown_label_names_nobody(unblinder, spelling):
    assert unblinder.seat_ids([spelling]) == []


def test_a_seat_id_counts_where_it_is_no_label():
    assert Unblinder({"A": "second", "B": "A"}, {"second": "m", "A": "m"}, []).seat_ids(["second", "A", "B"]) == [
        "second",
        "A",
    ]


def test_seats_come_once_and_in_the_order_they_were_named(unblinder):
    assert unblinder.seat_ids(["C", "A", "draft c", "A and B"]) == ["third", "second", "first"]


@pytest.mark.parametrize(
    ("spelling", "ids"),
    [
        ("S1", ["S1"]),
        ("s1", ["S1"]),
        ("[S10]", ["S10"]),
        ("[S1, S2]", ["S1", "S2"]),
        ("S1; S2", ["S1", "S2"]),
        ("source S2", ["S2"]),
        ("Sources: S1 and S10", ["S1", "S10"]),
        ("S3", []),
        ("S01", []),
        ("S1, S99", ["S1"]),
        ("1", []),
        ("S", []),
        ("https://example.org/S1", []),
        ("", []),
    ],
)
def test_source_ids_are_recognised_however_they_are_spelt_and_invented_ones_dropped(unblinder, spelling, ids):
    assert unblinder.source_ids([spelling]) == ids


def test_a_point_of_nobody_stays_without_support():
    analysis = named(
        consensus=[{"point": "p", "drafts": ["Z"], "sources": ["S99"]}],
        partial_coverage=[{"point": "q", "drafts": [], "sources": []}],
    )
    assert analysis.consensus == ["p"]
    assert (analysis.consensus_support[0].seat_ids, analysis.consensus_support[0].source_ids) == ([], [])
    assert (analysis.partial_coverage[0].models, analysis.partial_coverage[0].seat_ids) == ([], [])


def test_an_insight_and_a_stance_of_nobody_are_left_out_but_not_the_topic():
    stances = [{"draft": "Z", "stance": "s", "sources": []}, {"draft": "A", "stance": "t", "sources": []}]
    analysis = named(
        contradictions=[{"topic": "one", "stances": stances}, {"topic": "two", "stances": stances[:1]}, "three"],
        unique_insights=[{"insight": "i", "draft": "Z", "sources": []}],
    )
    assert analysis.unique_insights == []
    assert [(item.topic, [stance.seat_id for stance in item.stances]) for item in analysis.contradictions] == [
        ("one", ["second"]),
        ("two", []),
        ("three", []),
    ]


def test_an_analysis_saved_without_support_can_still_be_shown_to_the_writer():
    shown = blinded(Analysis.model_validate({**EMPTY, "consensus": ["p", "q"]}), LABELS)
    assert shown["consensus"] == [
        {"point": "p", "drafts": [], "sources": []},
        {"point": "q", "drafts": [], "sources": []},
    ]


def test_seats_that_were_never_shown_have_no_label():
    analysis = named(unique_insights=[{"insight": "i", "draft": "A", "sources": []}])
    assert blinded(analysis, {})["unique_insights"] == [{"insight": "i", "draft": "", "sources": []}]


def test_a_model_with_a_very_long_name_does_not_break_the_analysis():
    name = "local:" + "folder/" * 40 + "model.gguf"
    insight = {"insight": "i", "draft": "A", "sources": []}
    judged = JudgedAnalysis.model_validate({**EMPTY, "unique_insights": [insight]})
    assert Unblinder({"A": "s"}, {"s": name}, []).analysis(judged).unique_insights[0].model == name

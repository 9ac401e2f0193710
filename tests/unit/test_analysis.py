from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fusion_graph.analysis import MAX_ITEMS, MAX_TEXT, Analysis, JudgedAnalysis

LISTS = ("consensus", "contradictions", "partial_coverage", "unique_insights", "blind_spots")
ITEM_KEYS = (
    "point",
    "insight",
    "stance",
    "stances",
    "topic",
    "position",
    "text",
    "draft",
    "drafts",
    "model",
    "models",
    "label",
    "sources",
    "source_ids",
    "other",
)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
KEYS = st.sampled_from((*LISTS, *ITEM_KEYS)) | ANY_TEXT
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from((*LISTS, *ITEM_KEYS)) | ANY_TEXT, inner, max_size=5)
    ),
    max_leaves=25,
)
EMPTY: dict[str, Any] = {key: [] for key in LISTS}


def read(**lists: Any) -> JudgedAnalysis:
    return JudgedAnalysis.model_validate({**EMPTY, **lists})


def assert_bounded(analysis: JudgedAnalysis | Analysis) -> None:
    """Every string and list is within what the schema allows, and all of it can be sent."""
    data = analysis.model_dump(mode="json")
    json.dumps(data, ensure_ascii=False).encode("utf-8")
    type(analysis).model_validate(data, strict=True)
    for key in LISTS:
        assert len(data[key]) <= MAX_ITEMS


@given(ANY_JSON)
@settings(deadline=None, max_examples=150)
def test_any_json_is_either_an_analysis_within_bounds_or_a_validation_error(value):
    try:
        analysis = JudgedAnalysis.model_validate(value)
    except ValidationError:
        return
    assert_bounded(analysis)


@given(st.fixed_dictionaries(dict.fromkeys(LISTS, ANY_JSON)))
@example({"consensus": {"point": "one, not in a list"}, **dict.fromkeys(LISTS[1:])})
@example({key: ["\ud800 half a pair"] for key in LISTS})
@example({key: [{"topic": "t", "stances": {"A": "x", "B": ["y"]}}] for key in LISTS})
@settings(deadline=None, max_examples=150)
def test_anything_under_the_five_keys_is_read_within_bounds(value):
    assert_bounded(JudgedAnalysis.model_validate(value))


@pytest.mark.parametrize("value", [None, [], "consensus", 3, {}, {"consensus": []}, {"answer": "42"}, [EMPTY]])
def test_what_is_no_analysis_at_all_is_refused(value):
    with pytest.raises(ValidationError):
        JudgedAnalysis.model_validate(value)


def test_a_missing_list_counts_as_empty_when_the_rest_is_there():
    assert JudgedAnalysis.model_validate({"consensus": ["x"], "blind_spots": None}).contradictions == []


def test_keys_nobody_asked_for_are_left_out():
    assert read(summary="the answer", consensus=[{"point": "x", "confidence": 0.9}]).consensus[0].point == "x"


def test_a_bare_string_stands_for_any_item():
    analysis = read(consensus=["c"], contradictions=["t"], partial_coverage=["p"], unique_insights=["u"])
    assert analysis.consensus[0].point == "c"
    assert (analysis.contradictions[0].topic, analysis.contradictions[0].stances) == ("t", [])
    assert (analysis.partial_coverage[0].point, analysis.partial_coverage[0].drafts) == ("p", [])
    assert (analysis.unique_insights[0].insight, analysis.unique_insights[0].draft) == ("u", "")


def test_an_object_stands_for_a_blind_spot():
    assert read(blind_spots=[{"description": "costs"}, {"text": "risks"}]).blind_spots == ["costs", "risks"]


@pytest.mark.parametrize("key", ["draft", "drafts", "model", "models"])
@pytest.mark.parametrize("value", ["A", ["A"]])
def test_a_draft_may_be_named_by_any_of_the_usual_keys_alone_or_in_a_list(key, value):
    analysis = read(
        consensus=[{"point": "p", key: value}],
        unique_insights=[{"insight": "i", key: value}],
    )
    assert analysis.consensus[0].drafts == ["A"]
    assert analysis.unique_insights[0].draft == "A"


@pytest.mark.parametrize("key", ["stance", "position", "text", "claim"])
def test_a_stance_may_be_written_under_other_names(key):
    stances = [{"model": "B", key: "five"}]
    found = read(contradictions=[{"topic": "t", "stances": stances}]).contradictions[0].stances
    assert [(stance.draft, stance.stance) for stance in found] == [("B", "five")]


@pytest.mark.parametrize(
    "stances",
    [
        {"A": "five", "B": "seven"},
        ["A: five", "B: seven"],
        ["Draft A: five", "draft b: seven"],
        [{"label": "A", "stance": "five"}, "B: seven"],
    ],
)
def test_stances_may_be_keyed_or_led_by_their_draft(stances):
    found = read(contradictions=[{"topic": "t", "stances": stances}]).contradictions[0].stances
    assert [(stance.draft.upper(), stance.stance) for stance in found] == [("A", "five"), ("B", "seven")]


def test_a_stance_that_names_no_draft_keeps_its_words():
    found = read(contradictions=[{"topic": "t", "stances": ["most: five", "it is seven"]}]).contradictions[0].stances
    assert [(stance.draft, stance.stance) for stance in found] == [("", "most: five"), ("", "it is seven")]


def test_nulls_numbers_and_empty_items_are_left_out():
    assert [item.point for item in read(consensus=[None, 3, "", "  ", {}, {"point": ""}, [], "x"]).consensus] == ["x"]


def test_numbers_for_labels_and_ids_are_read_as_text():
    assert read(consensus=[{"point": "p", "drafts": [1], "sources": [3, None, {}]}]).consensus[0].sources == ["3"]


def test_too_much_is_cut_to_the_bounds():
    many = [{"point": "x" * 5_000, "drafts": ["A" * 200] * 100, "sources": ["S1"] * 100}] * 100
    analysis = read(consensus=many, contradictions=[{"topic": "t", "stances": [{"draft": "A", "stance": "s"}] * 99}])
    assert len(analysis.consensus) == MAX_ITEMS
    assert len(analysis.consensus[0].point) == MAX_TEXT
    assert len(analysis.contradictions[0].stances) == 16
    assert_bounded(analysis)


def nodes(schema: Any, where: str = "$") -> list[tuple[str, dict[str, Any]]]:
    """Every object of a JSON schema, with its place."""
    found = [(where, schema)] if isinstance(schema, dict) else []
    inner = schema.items() if isinstance(schema, dict) else enumerate(schema) if isinstance(schema, list) else ()
    return found + [node for key, value in inner for node in nodes(value, f"{where}.{key}")]


@pytest.mark.parametrize("model", [JudgedAnalysis, Analysis])
def test_the_schema_bounds_every_string_every_list_and_every_object(model):
    typed = [(where, node) for where, node in nodes(model.model_json_schema()) if isinstance(node.get("type"), str)]
    assert {node["type"] for _, node in typed} == {"object", "array", "string"}
    for where, node in typed:
        if node["type"] == "string":
            assert 0 < node["maxLength"] <= MAX_TEXT, where
        if node["type"] == "array":
            assert 0 < node["maxItems"] <= 64, where
        if node["type"] == "object":
            assert node["additionalProperties"] is False, where


def test_the_judge_must_fill_every_field_of_its_schema():
    for where, node in nodes(JudgedAnalysis.model_json_schema()):
        if node.get("type") == "object":
            assert sorted(node["required"]) == sorted(node["properties"]), where


def test_the_judge_is_told_of_labels_and_never_of_models():
    words = JudgedAnalysis.model_json_schema()
    assert "model" not in {key for _, node in nodes(words) for key in node.get("properties", {})}


def test_the_analysis_has_the_contracts_keys_and_shapes_and_its_own_beside_them():
    filled = Analysis.model_validate(
        {
            "consensus": ["c"],
            "contradictions": [{"topic": "t", "stances": [{"model": "x/a", "stance": "s", "seat_id": "a"}]}],
            "partial_coverage": [{"models": ["x/a"], "point": "p", "seat_ids": ["a"]}],
            "unique_insights": [{"model": "x/a", "insight": "i", "seat_id": "a"}],
            "blind_spots": ["b"],
        }
    ).model_dump(mode="json")
    assert list(filled) == [*LISTS, "consensus_support"]
    assert filled["consensus"] == ["c"]
    assert filled["blind_spots"] == ["b"]
    assert filled["contradictions"] == [
        {"topic": "t", "stances": [{"model": "x/a", "stance": "s", "seat_id": "a", "source_ids": []}]}
    ]
    assert filled["partial_coverage"] == [{"models": ["x/a"], "point": "p", "seat_ids": ["a"], "source_ids": []}]
    assert filled["unique_insights"] == [{"model": "x/a", "insight": "i", "seat_id": "a", "source_ids": []}]


def test_the_contracts_keys_are_required_and_empty_lists_are_fine():
    assert set(Analysis.model_json_schema()["required"]) == set(LISTS)
    assert Analysis.model_validate(EMPTY).consensus_support == []
    for key in LISTS:
        with pytest.raises(ValidationError):
            Analysis.model_validate({name: [] for name in LISTS if name != key})


def test_a_model_with_the_longest_name_a_config_allows_fits_the_analysis():
    name = "local:" + "x" * 294
    stance = {"model": name, "stance": "s", "seat_id": "a"}
    analysis = Analysis.model_validate({**EMPTY, "contradictions": [{"topic": "t", "stances": [stance]}]})
    assert analysis.contradictions[0].stances[0].model == name

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fusion_graph.analysis import JudgedAnalysis
from fusion_graph.ladder import read_json, schema_text

ANALYSIS = {
    "consensus": [{"point": 'It "works" {mostly}.', "drafts": ["A"], "sources": []}],
    "contradictions": [],
    "partial_coverage": [],
    "unique_insights": [],
    "blind_spots": ["} who pays? {"],
}
WRITTEN = json.dumps(ANALYSIS)
PROSE = st.text(st.characters(exclude_characters="{}<>", exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize(
    "answer",
    [
        WRITTEN,
        json.dumps(ANALYSIS, indent=2),
        f"\ufeff{WRITTEN}",
        f"```json\n{WRITTEN}\n```",
        f"```\n{WRITTEN}\n```",
        f"```JSON\n{WRITTEN}\n```\nI hope this helps.",
        f"Here is the comparison:\n\n{WRITTEN}\n\nAnything else?",
        f"I use the form {{like this}} and {{}}:\n{WRITTEN}",
        f"{WRITTEN}\n{WRITTEN}",
        f'{{"note": "first"}}\n{WRITTEN}\n{{"note": "last"}}',
        f"[{WRITTEN}]",
        f'<think>Maybe {{"consensus": [], "blind_spots": []}}?</think>{WRITTEN}',
        f"Hmm, {{maybe: this}}.</think>\n{WRITTEN}",
        WRITTEN[:-1] + ', "extra": {"deep": [1, {"x": null}]}}',
    ],
)
def test_the_analysis_is_found_whatever_stands_around_it(answer):
    found = read_json(answer)
    assert {key: found[key] for key in ANALYSIS} == ANALYSIS


@given(PROSE, PROSE)
@settings(deadline=None)
def test_prose_before_and_after_does_not_matter(before, after):
    assert read_json(f"{before}{WRITTEN}{after}") == ANALYSIS


def test_raw_control_characters_in_strings_are_tolerated():
    assert read_json('{"consensus": ["two\nlines\tand \x01"]}') == {"consensus": ["two\nlines\tand \x01"]}


def test_half_a_pair_in_an_answer_does_not_stop_the_analysis():
    found = read_json('{"consensus": ["cut \\ud83d"], "blind_spots": []}')
    assert JudgedAnalysis.model_validate(found).consensus[0].point == "cut \ufffd"


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("", "there is no JSON object in it"),
        ("The drafts agree on everything.", "there is no JSON object in it"),
        ('["consensus"]', "there is no JSON object in it"),
        ("null", "there is no JSON object in it"),
        (WRITTEN[:-20], "it is not valid JSON"),
        (WRITTEN[: len(WRITTEN) // 2], "it is not valid JSON"),
        (WRITTEN.replace(", ", " ", 1), "it is not valid JSON: Expecting ',' delimiter"),
        ("{'consensus': []}", "it is not valid JSON"),
        ('{"consensus": [],}', "it is not valid JSON"),
        ('{"consensus": [undefined]}', "it is not valid JSON"),
        ("{" * 2_000, "it is not valid JSON"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("[" * 100_000 + '{"a":' * 100_000, "nested too deeply"),
        ('{"a": ' + "9" * 5_000 + "}", "digits"),
    ],
)
def test_what_holds_no_analysis_says_what_is_wrong(answer, fault):
    with pytest.raises(ValueError, match=fault):
        read_json(answer)


def test_a_cut_answer_is_not_read_as_one_of_its_items():
    cut = json.dumps({**ANALYSIS, "consensus": ANALYSIS["consensus"] * 5})[:200]
    assert '"sources": []}' in cut
    with pytest.raises(ValueError, match="it is not valid JSON"):
        read_json(cut)


def test_an_object_that_is_no_analysis_is_handed_on_for_the_schema_to_refuse():
    assert read_json('{"answer": 42}') == {"answer": 42}


@given(st.text(st.sampled_from('{}[]":, \\abc1'), max_size=80) | st.text(max_size=80))
@example('{"a":{"a":{"a":')
@settings(deadline=None, max_examples=300)
def test_any_answer_gives_an_object_or_a_value_error(answer):
    try:
        found = read_json(answer)
    except ValueError:
        return
    assert isinstance(found, dict)


def test_the_schema_shown_to_the_judge_is_the_one_its_answer_is_held_to():
    assert json.loads(schema_text()) == JudgedAnalysis.model_json_schema()

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fusion_graph.failures import Failure
from fusion_graph.outcomes import FoundSource, PanelistOutcome
from fusion_graph.well_formed import well_formed

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)


def outcome(kind="ok", **facts):
    return PanelistOutcome(**{"seat_id": "a", "label": "A model", "model": "x/a", "outcome": kind, **facts})


@pytest.mark.parametrize(
    ("kind", "content", "usable"),
    [
        ("ok", "a draft", True),
        ("truncated", "half a dra", True),
        ("ok", "", False),
        ("ok", " \n", False),
        ("truncated", "", False),
        ("refused", "I cannot help with that.", False),
        ("failed", "half", False),
        ("timed_out", "half", False),
        ("empty", "", False),
        ("cancelled", "half", False),
    ],
)
def test_a_draft_is_usable_when_there_is_text_that_the_model_meant_as_its_answer(kind, content, usable):
    assert outcome(kind, content=content).usable is usable


def test_a_response_has_the_contracts_fields_and_the_seat():
    entry = outcome(content="words").as_response()
    assert entry == {"model": "x/a", "content": "words", "seat_id": "a", "label": "A model", "outcome": "ok"}


def test_a_failed_model_has_the_contracts_fields_and_the_seat():
    failure = Failure(kind="rate_limited", message="slow down", status_code=429)
    assert outcome("failed", failure=failure).as_failed_model() == {
        "model": "x/a",
        "error": "slow down",
        "status_code": 429,
        "seat_id": "a",
        "label": "A model",
        "outcome": "failed",
    }


def test_a_failed_model_without_a_status_names_none():
    assert "status_code" not in outcome("timed_out", failure=Failure(kind="timeout", message="late")).as_failed_model()


def test_without_a_typed_failure_there_is_still_a_sentence():
    assert outcome("empty").as_failed_model()["error"] == "ended as empty without producing any text"


@given(ANY_TEXT)
@example("half a pair \ud83d, both halves \ud83d\ude00, the wrong half \ude00")
@settings(deadline=None)
def test_any_draft_and_any_source_can_be_sent_and_saved(text):
    found = outcome(content=text, sources=[FoundSource(url=text, title=text)])
    saved = json.dumps(found.model_dump(mode="json"), ensure_ascii=False).encode("utf-8")
    assert PanelistOutcome.model_validate_json(saved) == found


@given(st.text(max_size=200))
@settings(deadline=None)
def test_text_that_can_be_sent_stays_as_it_is(text):
    assert well_formed(text) == text


def test_halves_of_a_pair_are_joined_and_lone_halves_replaced():
    assert well_formed("a\ud83d\ude00b\ud83dc\ude00") == "a\U0001f600b\ufffdc\ufffd"

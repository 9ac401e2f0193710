from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_graph.visible import visible

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=100)
ODD = st.text(
    st.sampled_from("a\n\r\t\x00\x1b\x85\u00ad\u200b\u200c\u200d\u202e\u2066\u2028\ufe0f\ufeff\U000e0041\ud83d\udc68")
)


@given(ANY_TEXT | ODD)
def test_a_second_pass_changes_nothing_and_the_result_can_be_sent(text):
    shown = visible(text)
    assert visible(shown) == shown
    assert shown.encode().decode() == shown


@given(ANY_TEXT | ODD)
def test_no_control_character_is_left_but_newline_and_tab(text):
    assert {one for one in visible(text) if unicodedata.category(one) == "Cc"} <= {"\n", "\t"}


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="\u115f\u1160\u3164\uffa0")))
def test_what_can_be_seen_stays_as_it_is(text):
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb\rc\u2028d\x85e", "a\nb\nc\nd\ne"),
        ("pay\u200bpal \u202eevil\u202c", "paypal evil"),
        ("".join(chr(0xE0000 + ord(one)) for one in "obey"), ""),
        ("x" + "\ufe00\ufe01" * 50, "x\ufe00\ufe01"),
        ("\u2764\ufe0f\u200d\U0001f525", "\u2764\ufe0f\u200d\U0001f525"),
        ("half \ud83d", "half \ufffd"),
        ("two \ud83d\udc68", "two \U0001f468"),
    ],
)
def test_known_tricks(text, shown):
    assert visible(text) == shown

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_graph.terminal.clean import clean, one_line, tail

BIDI = {chr(code) for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
hostile = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from(["\x1b", "[", "]", "\x07", "\x9b", "\x9d", "\\", "m", "0", ";", "\r", *sorted(BIDI)]),
    ),
    max_size=80,
)


@given(hostile)
def test_nothing_that_a_terminal_obeys_is_left(text):
    shown = clean(text)
    assert not BIDI & set(shown)
    assert all(unicodedata.category(one) not in ("Cc", "Cs") or one in "\n\t" for one in shown)


@given(hostile)
def test_cleaning_twice_changes_nothing_more(text):
    assert clean(clean(text)) == clean(text)


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=80))
def test_ordinary_text_stays_as_it_is(text):
    assert clean(text) == text


@given(hostile, st.integers(min_value=2, max_value=40))
def test_one_line_and_tail_keep_to_one_line_and_their_limit(text, limit):
    for line in (one_line(text, limit), tail(text, limit)):
        assert "\n" not in line
        assert len(line) <= limit


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("a\x9b31mred", "ared"),
        ("a\x1b]0;my title\x07b", "ab"),
        ("a\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "alink"),
        ("a\x1b]52;c;aGk=\x07b", "ab"),
        ("a\x1bPq#0\x1b\\b", "ab"),
        ("a\x1b(0b\x1bc", "ab"),
        ("unclosed \x1b]0;title", "unclosed 0;title"),
        ("abc\u202egnp.exe", "abcgnp.exe"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("zero\u200bwidth\ufeff tag\U000e0041", "zerowidth tag"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
        (
            "family \U0001f468\u200d\U0001f469\u200d\U0001f467 stays",
            "family \U0001f468\u200d\U0001f469\u200d\U0001f467 stays",
        ),
    ],
)
def test_known_tricks(text, shown):
    assert clean(text) == shown

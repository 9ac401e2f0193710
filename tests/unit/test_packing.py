from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fusion_graph.packing import CHARS_PER_TOKEN, pack, tokens

MARK = re.compile(r"\n\n\[\.\.\. (\d+) characters of this draft were cut here to fit the window \.\.\.\]\n\n")
DRAFT = st.builds(lambda unit, times: unit * times, st.text(min_size=1, max_size=7), st.integers(0, 800))
DRAFTS = st.lists(DRAFT, max_size=8)
BUDGET = st.integers(0, 3_000)


@given(DRAFTS, BUDGET)
@settings(deadline=None)
def test_all_drafts_together_stay_within_the_budget(drafts, budget):
    assert sum(len(draft) for draft in pack(drafts, budget)) <= max(
        budget * CHARS_PER_TOKEN, 0 if sum(map(len, drafts)) > budget * CHARS_PER_TOKEN else sum(map(len, drafts))
    )


@given(DRAFTS, st.integers(500, 3_000))
@example(["x" * 10_000] * 8, 500)
@settings(deadline=None)
def test_no_draft_is_dropped_and_the_order_is_kept(drafts, budget):
    packed = pack(drafts, budget)
    assert len(packed) == len(drafts)
    for draft, kept in zip(drafts, packed, strict=True):
        assert bool(kept) == bool(draft)
        assert kept == draft or MARK.search(kept)


@given(DRAFTS, st.integers(500, 3_000))
@settings(deadline=None)
def test_a_cut_draft_keeps_its_head_and_its_tail_and_says_how_much_is_gone(drafts, budget):
    for draft, kept in zip(drafts, pack(drafts, budget), strict=True):
        if kept == draft:
            continue
        head, number, tail = MARK.split(kept)
        assert draft.startswith(head)
        assert draft.endswith(tail)
        assert int(number) == len(draft) - len(head) - len(tail)
        assert 0.6 < len(head) / len(head + tail) < 0.75


@given(DRAFTS, BUDGET)
@settings(deadline=None)
def test_a_draft_that_is_cut_is_never_shorter_than_one_that_stays_whole_could_be(drafts, budget):
    packed = pack(drafts, budget)
    whole = [len(draft) for draft, kept in zip(drafts, packed, strict=True) if kept == draft]
    cut = [len(draft) for draft, kept in zip(drafts, packed, strict=True) if kept != draft]
    assert not whole or not cut or max(whole) <= min(cut)


def test_what_fits_stays_as_it_is():
    assert pack(["a" * 400, "b" * 400], 200) == ["a" * 400, "b" * 400]


def test_short_drafts_stay_whole_and_leave_their_room_to_the_long_one():
    short, long = "s" * 400, "l" * 40_000
    packed = pack([short, long, short], 5_000)
    assert packed[0] == packed[2] == short
    assert 19_000 < len(packed[1]) <= 20_000 - 800


def test_drafts_of_one_length_get_one_share():
    packed = pack(["x" * 10_000, "y" * 10_000], 1_000)
    assert abs(len(packed[0]) - len(packed[1])) <= 1


@pytest.mark.parametrize("budget", [0, 1, 5])
def test_a_budget_too_small_for_any_mark_is_kept_all_the_same(budget):
    assert sum(len(draft) for draft in pack(["x" * 1_000] * 3, budget)) <= budget * CHARS_PER_TOKEN


def test_no_drafts_need_no_room():
    assert pack([], 0) == []


@pytest.mark.parametrize(("text", "count"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2)])
def test_tokens_are_estimated_upwards(text, count):
    assert tokens(text) == count

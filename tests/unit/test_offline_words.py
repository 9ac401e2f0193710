import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_graph.offline.claims import disagreement, features, likeness
from fusion_graph.offline.sentences import is_quotable, sentences
from fusion_graph.offline.words import asks_for_both_sides, key_phrases, normalised, stem, stems

NOTHING_COMMON: frozenset[str] = frozenset()


def test_forms_of_a_word_share_a_stem_and_function_words_have_none():
    assert stem("taxes") == stem("Tax's") == stem("TAX")
    assert stem("the") == stem("doesn't") == stem("it\u2019s") == ""
    assert stems("The CO2 price, 1,000 euros") == ["co2", "price", "1,000", "euro"]


@pytest.mark.parametrize(
    ("question", "phrases"),
    [
        ("What are the strongest arguments for and against carbon taxes?", ["carbon taxes"]),
        (
            "How does the GIL affect threads, and is free-threaded Python ready?",
            ["GIL affect threads", "free-threaded Python ready"],
        ),
        ("Rebates, rebates or a rebate?", ["Rebates"]),
        ("Why?", []),
        ("", []),
        ("碳税有什么优点", ["碳税有什么优点"]),
    ],
)
def test_key_phrases_say_what_a_question_is_about(question, phrases):
    assert key_phrases(question) == phrases


def test_a_question_for_both_sides_is_recognised():
    assert asks_for_both_sides("arguments for and against X")
    assert not asks_for_both_sides("What caused the alarm?")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Prices rose by 3.5 percent in a year. Wages did not keep up at all.",
            ["Prices rose by 3.5 percent in a year.", "Wages did not keep up at all."],
        ),
        (
            "The U.S. Senate voted on the bill twice. It failed both times there.",
            ["The U.S. Senate voted on the bill twice.", "It failed both times there."],
        ),
        (
            "See e.g. Dr. Ames on carbon prices. No. 5 says much the same thing.",
            ["See e.g. Dr. Ames on carbon prices.", "No. 5 says much the same thing."],
        ),
        (
            "# A heading that is long enough\n\n- The first item has five words\n- the second is in lower case\n",
            ["The first item has five words", "the second is in lower case"],
        ),
        (
            "A long line that was wrapped\nin the middle ends here. And the next\none ends on this line.",
            ["A long line that was wrapped in the middle ends here.", "And the next one ends on this line."],
        ),
        (
            "A short title (of a note)\nThe first sentence of the page goes on for some time, longer than any title.",
            ["The first sentence of the page goes on for some time, longer than any title."],
        ),
        ("Underlined title of the note\n---\nThe body has one sentence here.", ["The body has one sentence here."]),
        (
            "---\ntitle: Not to be quoted by any seat\n---\nThe body has one sentence here.",
            ["The body has one sentence here."],
        ),
        (
            "```\nprint('this is code and not prose')\n```\nThe body has one sentence here.",
            ["The body has one sentence here."],
        ),
        ("> Quoted lines are sentences as well.", ["Quoted lines are sentences as well."]),
        ("of a sentence that began before. The rest of it is here.", ["The rest of it is here."]),
        (
            "これは炭素税についての文です。次の文もここにあります。",
            ["これは炭素税についての文です。", "次の文もここにあります。"],
        ),
        (
            'He said "the price is far too low." Then he left the room.',
            ['He said "the price is far too low."', "Then he left the room."],
        ),
        ("", []),
        ("\n \t\u2028\n", []),
    ],
)
def test_sentences_are_found_as_they_stand(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Is this question not to be quoted?",
        "These are the arguments for it:",
        "Too short here.",
        "This one cites [S99] as if it were ours.",
        "This one cites [ s 3 ] in another way.",
        "The page at https://example.org/x says so too.",
        "As [the other note](other.md) says, prices rise.",
        "A terminal escape \x1b[31m hides in this sentence.",
        "Text direction \u202e is turned around in here.",
        "A lone surrogate \ud800 cannot be encoded at all.",
        "word " * 200,
    ],
)
def test_what_could_mislead_or_cannot_stand_alone_is_not_quotable(text):
    assert not is_quotable(text)


@given(st.text(max_size=400))
def test_every_sentence_is_a_substring_of_the_normalised_text(text):
    assert all(sentence in normalised(text) for sentence in sentences(text))


MARKDOWN = ["# T", "- ", "> ", "```", "---", "1. ", "A tax of 5.5% is low. ", "no. 5 ", "\n", "Is it? ", '"Yes." ']


@given(st.lists(st.sampled_from(MARKDOWN), max_size=30))
def test_markdown_in_any_order_yields_only_verbatim_sentences(pieces):
    text = "".join(pieces)
    assert all(sentence in normalised(text) for sentence in sentences(text))


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("It rose by 5 to 10 percent.", {"%": (5, 10)}),
        ("It rose by 5% and then by 7 per cent.", {"%": (5, 7)}),
        ("It costs $40 a tonne or €1,500 a year.", {"money/tonn": (40, 40), "money/year": (1500, 1500)}),
        ("It costs 2.5 million dollars.", {"money": (2.5e6, 2.5e6)}),
        ("In 2015 version 3.14.2 came out with CO2 in it.", {}),
        ("Support rose by 3 percentage points.", {"points": (3, 3)}),
    ],
)
def test_figures_are_read_with_their_units(text, figures):
    assert features(text).figures == figures


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (
            "The levy cut emissions by 12 percent over ten years.",
            "The levy cut emissions by only 3 percent over ten years.",
            "figures",
        ),
        (
            "Leakage of heavy industry is a large problem abroad.",
            "Leakage of heavy industry is not a large problem abroad.",
            "negation",
        ),
        (
            "For poor households the levy is regressive.",
            "For poor households the levy is progressive.",
            "opposite words",
        ),
        ("The levy cut emissions by 12 percent.", "The levy cut emissions by 12 percent over ten years.", None),
        ("The levy cut emissions by 5 to 15 percent.", "The levy cut emissions by about 12 percent.", None),
        ("The levy cut emissions by 12 percent.", "The levy raised petrol prices by 3 percent.", None),
        (
            "Without a rebate the levy is regressive for poor households.",
            "With a rebate the levy is progressive for poor households.",
            None,
        ),
        ("In 2010 the levy cut emissions by 12 percent.", "In 2020 the levy cut emissions by 3 percent.", None),
        ("The levy in Norland cut emissions by 12 percent.", "The levy in Sudland cut emissions by 3 percent.", None),
        (
            "Norland cut emissions of transport by 12 percent.",
            "Sudland cut emissions of transport by 3 percent.",
            None,
        ),
        (
            "A levy of 40 dollars cut emissions by 12 percent.",
            "A levy of 10 dollars cut emissions by 3 percent.",
            None,
        ),
        (
            "A bakery sells 40 percent of its bread before noon.",
            "A levy covers 60 percent of all emissions at home.",
            None,
        ),
        ("The council did not repair the old bridge.", "A levy is simple to collect at ports.", None),
    ],
)
def test_only_sentences_about_the_same_thing_disagree(one, other, kind):
    assert disagreement(one, other, NOTHING_COMMON) == kind
    assert disagreement(other, one, NOTHING_COMMON) == kind


@given(st.text(max_size=80), st.text(max_size=80))
def test_likeness_is_symmetric_and_bounded(one, other):
    value = likeness(one, other, NOTHING_COMMON)
    assert value == likeness(other, one, NOTHING_COMMON)
    assert 0 <= value <= 1


def test_the_words_of_the_question_make_no_two_sentences_alike():
    common = frozenset(stems("carbon taxes in Norland"))
    one, other = "Carbon taxes in Norland are popular.", "Carbon taxes in Norland fund rebates."
    assert likeness(one, other, common) == 0
    assert not re.search("[A-Z]", "".join(common))

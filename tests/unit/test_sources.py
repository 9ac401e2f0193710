from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from fusion_graph.outcomes import FoundSource, PanelistOutcome
from fusion_graph.sources import UNREGISTERED, Registry, Source, canonical, found_in
from fusion_graph.tools.corpus import corpus_url

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
CITING = st.lists(
    st.sampled_from(
        ["[S1]", "[S2]", "[S1, S2]", "[S9]", "[S1-S2]", "[", "]", "S1", "(", ")", "https://x.org/a", "corpus:n.md", " "]
    )
    | st.text(max_size=5),
    max_size=20,
).map("".join)
WIKIPEDIA = "https://en.wikipedia.org/wiki/Mercury_(planet)"


def registry(*urls: str) -> Registry:
    made = Registry()
    made.add("seat", [FoundSource(url=url, title=f"Title of {url}") for url in urls])
    return made


@pytest.mark.parametrize(
    ("written", "same_as"),
    [
        ("https://example.org/page/", "https://example.org/page"),
        ("https://example.org", "https://example.org/"),
        ("https://EXAMPLE.org/page", "https://example.org/page"),
        ("HTTPS://example.org/page", "https://example.org/page"),
        ("https://example.org:443/page", "https://example.org/page"),
        ("http://example.org:80/page", "http://example.org/page"),
        ("https://example.org/page#section", "https://example.org/page"),
        ("https://example.org/page.", "https://example.org/page"),
        ("https://example.org/page?utm_source=x&utm_medium=y", "https://example.org/page"),
        ("https://example.org/page?UTM_source=x&id=3", "https://example.org/page?id=3"),
        (" https://example.org/page ", "https://example.org/page"),
        ("https://example.org/caf\u00e9", "https://example.org/caf%C3%A9"),
        ("https://example.org/caf%c3%a9", "https://example.org/caf%C3%A9"),
        ("https://example.org/a b", "https://example.org/a%20b"),
        ("corpus:my notes/caf\u00e9 (v2).md", corpus_url("my notes/caf\u00e9 (v2).md")),
        ("corpus:note.md#part", "corpus:note.md"),
        ("CORPUS:note.md", "corpus:note.md"),
    ],
)
def test_two_spellings_of_one_page_are_recognised(written, same_as):
    assert canonical(written) == canonical(same_as)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/page", "http://example.org/page"),
        ("https://example.org/Page", "https://example.org/page"),
        ("https://example.org/page?id=1", "https://example.org/page?id=2"),
        ("https://example.org/page", "https://www.example.org/page"),
        ("https://example.org:8080/page", "https://example.org/page"),
        ("corpus:a.md", "corpus:b.md"),
        ("corpus:a.md", "https://a.md"),
    ],
)
def test_two_pages_are_kept_apart(one, other):
    assert canonical(one) != canonical(other)


@given(ANY_TEXT.map("https://example.org/".__add__) | ANY_TEXT.map("corpus:".__add__) | ANY_TEXT)
@example("https://[::1")
@example("https://host:notaport/")
@example("http://\ud800/")
@example("corpus:\udfff")
@settings(deadline=None)
def test_no_address_makes_it_fail_and_the_result_can_be_sent(url):
    assert canonical(url).encode("utf-8").decode("utf-8") == canonical(url)


def test_ids_are_given_in_the_order_of_the_panel_and_each_page_gets_one():
    outcomes = [
        PanelistOutcome(
            seat_id=seat,
            label=seat,
            model="m",
            outcome="ok",
            sources=[FoundSource(url=url, title=url) for url in urls],
        )
        for seat, urls in {
            "a": ["https://x.org/1", "https://x.org/2"],
            "b": ["https://x.org/2#top", "https://x.org/3", "https://x.org/3/"],
            "c": ["https://x.org/1?utm_source=mail"],
        }.items()
    ]
    assert [(source.id, source.url, source.seat_ids) for source in Registry.of(outcomes).sources] == [
        ("S1", "https://x.org/1", ["a", "c"]),
        ("S2", "https://x.org/2", ["a", "b"]),
        ("S3", "https://x.org/3", ["b"]),
    ]


def test_a_registry_from_saved_sources_goes_on_counting():
    again = Registry([Source.model_validate(one.model_dump()) for one in registry("https://x.org/1").sources])
    again.add("judge", [FoundSource(url="https://x.org/1/", title="t"), FoundSource(url="https://x.org/2", title="t")])
    assert [(source.id, source.seat_ids) for source in again.sources] == [("S1", ["seat", "judge"]), ("S2", ["judge"])]
    assert again.id_of("https://x.org/2#x") == "S2"
    assert again.id_of("https://x.org/9") is None


@pytest.mark.parametrize(
    ("draft", "shown"),
    [
        ("so [a page](https://x.org/a).", "so a page [S1]."),
        ('[a page](https://x.org/a "its title")', "a page [S1]"),
        ("[a page](https://x.org/a 'its title')", "a page [S1]"),
        ("[a page]( <https://x.org/a> )", "a page [S1]"),
        ("[Report [2023], part 2](https://x.org/a)", "Report [2023], part 2 [S1]"),
        ("[](https://x.org/a)", "[S1]"),
        ("[https://x.org/a](https://x.org/a)", "[S1]"),
        ("![a chart](https://x.org/a)", "!a chart [S1]"),
        (f"[Mercury]({WIKIPEDIA})", "Mercury [S2]"),
        (f"({WIKIPEDIA})", "([S2])"),
        (f"see {WIKIPEDIA}.", "see [S2]."),
        (f"(see [Mercury]({WIKIPEDIA}), and https://x.org/a)", "(see Mercury [S2], and [S1])"),
        ("bare https://x.org/a, and more", "bare [S1], and more"),
        ("(https://x.org/a)", "([S1])"),
        ("**https://x.org/a**", "**[S1]**"),
        ("<https://x.org/a>", "[S1]"),
        ("'https://x.org/a'", "'[S1]'"),
        ("`https://x.org/a`", "`[S1]`"),
        ("|https://x.org/a|", "|[S1]|"),
        ("[1]: https://x.org/a", "[1]: [S1]"),
        ("HTTPS://X.ORG/a#part!", "[S1]!"),
        ("https://x.org/a\u3002Next", "[S1]\u3002Next"),
        ("\u201chttps://x.org/a\u201d", "\u201c[S1]\u201d"),
        ("https://x.org/a\nhttps://x.org/a", "[S1]\n[S1]"),
        ("https://x.org/Moore's_law says", "[S3] says"),
        ("[note](corpus:my%20notes/caf%C3%A9%20%28v2%29.md)", "note [S4]"),
        ("[note](<corpus:my notes/caf\u00e9 (v2).md>)", "note [S4]"),
        ("[note](corpus:my%20notes/caf\u00e9%20(v2).md)", "note [S4]"),
        ("corpus:my%20notes/caf%C3%A9%20%28v2%29.md.", "[S4]."),
        ("http://[::1]:8080/x", "[S5]"),
        ("[made up](https://x.org/nowhere)", f"made up {UNREGISTERED}"),
        ("https://x.org/nowhere.", f"{UNREGISTERED}."),
        ("corpus:nowhere.md", UNREGISTERED),
        ("[mail](mailto:a@x.org) and [local](/a/b)", "[mail](mailto:a@x.org) and [local](/a/b)"),
        ("no address at all", "no address at all"),
    ],
)
def test_addresses_in_a_draft_become_ids(draft, shown):
    known = registry(
        "https://x.org/a",
        WIKIPEDIA,
        "https://x.org/Moore's_law",
        corpus_url("my notes/caf\u00e9 (v2).md"),
        "http://[::1]:8080/x",
    )
    assert known.with_ids(draft) == shown


@pytest.mark.parametrize(
    "mark", ["[S1]", "[S9]", "[S1, S2]", "[S1; S2]", "[S1-S3]", "[S1\u2013S3]", "[ S1 ]", "[S1 and S2]", "[S1][S2]"]
)
def test_ids_that_a_draft_writes_itself_are_defused(mark):
    shown = registry("https://x.org/a").with_ids(f"As shown {mark}.")
    assert "[S" not in shown
    assert "as the draft wrote it)" in shown


def test_a_link_whose_text_is_an_id_keeps_only_the_id_of_its_address():
    shown = registry("https://x.org/a").with_ids("[S7](https://x.org/a) and [S1](https://evil.example)")
    assert shown.count("[S1]") == 1
    assert "[S7]" not in shown
    assert UNREGISTERED in shown


@given(CITING | ANY_TEXT)
@example("[S[](https://x.org/a)1]")
@settings(deadline=None)
def test_a_draft_cannot_cite_what_no_tool_returned(draft):
    assert Registry().check(Registry().with_ids(draft)).citations == 0


@given(st.lists(st.sampled_from(["[x](https://x.org/a)", "https://x.org/b", "[S1]", "words"]), max_size=12))
@settings(deadline=None)
def test_every_address_of_a_draft_is_either_an_id_or_marked(parts):
    shown = registry("https://x.org/a").with_ids(" ".join(parts))
    assert shown.count("[S1]") == parts.count("[x](https://x.org/a)")
    assert shown.count(UNREGISTERED) == parts.count("https://x.org/b")
    assert "https:" not in shown


@pytest.mark.parametrize(
    "hostile",
    ["[" * 30_000, "[a](https://" * 3_000, "https://x(" * 3_000, "[S1," * 9_000, "[a" * 20_000, "<corpus:" * 4_000],
)
def test_a_text_made_to_be_slow_is_read_in_a_moment(hostile):
    known = registry("https://x.org/a")
    assert known.check(known.with_ids(hostile)).cited == []


def test_the_check_names_what_is_cited_and_what_nobody_registered():
    known = registry("https://x.org/a", "https://x.org/b", "https://x.org/c")
    checked = known.check(
        "One [S2], two [S1, S2], three [S9] and [S2; S8]. See https://x.org/c, [x](https://evil.example/x) and [S9]."
    )
    assert checked.cited == ["S2", "S1", "S3"]
    assert checked.unregistered == ["S9", "S8", "https://evil.example/x"]
    assert checked.citations == 9


def test_an_answer_without_citations_has_nothing_to_check():
    checked = registry("https://x.org/a").check("S1 is not a citation, [1] is none, [Samsung S9] is none.")
    assert (checked.cited, checked.citations, checked.unregistered) == ([], 0, [])


def test_annotations_stand_where_the_bracket_stands():
    answer = "Taxes work [S2]. They do \U0001f600 [S1, S2] [S9]."
    known = registry("https://x.org/a", "https://x.org/b")
    found = known.annotations(answer)
    assert [(answer[one["start_index"] : one["end_index"]], one["source_id"]) for one in found] == [
        ("[S2]", "S2"),
        ("[S1, S2]", "S1"),
        ("[S1, S2]", "S2"),
    ]
    assert found[0] == {
        "type": "url_citation",
        "url": "https://x.org/b",
        "title": "Title of https://x.org/b",
        "start_index": 11,
        "end_index": 15,
        "source_id": "S2",
    }


@given(CITING | ANY_TEXT)
@settings(deadline=None)
def test_annotations_never_point_outside_the_answer_nor_at_anything_but_a_bracket(answer):
    known = registry("https://x.org/a", "https://x.org/b")
    found = known.annotations(answer)
    for one in found:
        bracket = answer[one["start_index"] : one["end_index"]]
        assert bracket.startswith("[")
        assert bracket.endswith("]")
        assert one["source_id"] in bracket
    assert {one["source_id"] for one in found} <= set(known.check(answer).cited)


def called(content="", artifact=None, status="success"):
    return ToolMessage(content, tool_call_id="1", artifact=artifact, status=status)


def test_our_tools_name_their_sources_in_the_artifact_and_the_text_does_not_count():
    artifact = {"sources": [{"url": "https://x.org/a", "title": "A"}, {"url": "https://x.org/b", "title": ""}]}
    found = found_in([called("ad: https://ads.example", artifact)])
    assert found == [
        FoundSource(url="https://x.org/a", title="A"),
        FoundSource(url="https://x.org/b", title="https://x.org/b"),
    ]


def test_an_artifact_without_sources_means_that_nothing_was_found():
    assert found_in([called("https://ads.example", {"sources": []})]) == []


def test_of_other_tools_every_address_in_the_text_counts_once():
    text = f"1. https://x.org/a (cached: https://x.org/a#top)\n2. <{WIKIPEDIA}>, see also {WIKIPEDIA}."
    assert [source.url for source in found_in([called(text)])] == ["https://x.org/a", WIKIPEDIA]


@pytest.mark.parametrize(
    "artifact",
    [
        {"sources": ["https://x.org/a"]},
        {"sources": [{"title": "no address"}]},
        {"sources": [{"url": None}]},
        {"sources": [None, 3]},
        {"sources": "https://x.org/a"},
        {"structured_content": {"result": 1}},
        ["https://x.org/a"],
        "text",
        3,
    ],
)
def test_an_artifact_of_another_form_is_passed_over_and_the_text_read(artifact):
    assert [source.url for source in found_in([called("see https://x.org/a", artifact)])] == ["https://x.org/a"]


def test_sources_with_a_title_that_is_no_text_are_kept():
    assert found_in([called("", {"sources": [{"url": "https://x.org/a", "title": 7}]})])[0].title == "7"


def test_failed_calls_and_messages_of_people_and_models_find_nothing():
    messages = [
        HumanMessage("read https://x.org/a"),
        AIMessage("I read https://x.org/b"),
        called("could not read https://x.org/c", status="error"),
    ]
    assert found_in(messages) == []


def test_content_in_blocks_is_read_too():
    message = ToolMessage([{"type": "text", "text": "see https://x.org/a"}], tool_call_id="1")
    assert [source.url for source in found_in([message])] == ["https://x.org/a"]

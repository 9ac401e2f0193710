from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_graph.errors import ConfigError
from fusion_graph.tools import corpus_files
from fusion_graph.tools.corpus import Corpus, CorpusError, corpus_url
from fusion_graph.tools.passages import first_heading, split_passages


def pdf(text: str) -> bytes:
    """A PDF of one page that says `text`."""
    stream = f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(stream)}>>stream\n{stream}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj{content}endobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    end = f"trailer<</Size 6/Root 1 0 R>>\nstartxref\n{len(body)}\n%%EOF"
    return f"{body}xref\n0 6\n0000000000 65535 f \n{table}{end}".encode()


HTML = (
    "<html><head><title>Heat pumps</title></head><body><nav>Home About</nav><article><h1>Heat pumps</h1>"
    "<p>A heat pump moves warmth from outside into a house, and it needs a third of the electricity.</p>"
    "</article></body></html>"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "tax.md").write_text("# Carbon tax\n\nIntro.\n\n## Revenue\n\nRevenues are returned to households.\n")
    (tmp_path / "sub" / "Störe notes.txt").write_text("Permits trade on exchanges.", encoding="utf-8")
    (tmp_path / "pump.html").write_text(HTML)
    (tmp_path / "leak.pdf").write_bytes(pdf("Methane leaks from pipelines."))
    (tmp_path / "image.png").write_bytes(b"revenue")
    (tmp_path / ".hidden.md").write_text("revenue")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "note.md").write_text("revenue")
    return tmp_path


async def paths(corpus: Corpus, query: str) -> list[str]:
    return [passage.path for passage in await corpus.search(query, 10)]


async def test_a_passage_knows_its_document_heading_and_address(folder):
    [passage] = await Corpus(folder).search("how is the revenue of households used?", 5)
    assert (passage.path, passage.title, passage.heading) == ("tax.md", "Carbon tax", "Carbon tax > Revenue")
    assert passage.text == "Revenues are returned to households."
    assert passage.url == "corpus:tax.md"


@pytest.mark.parametrize(
    ("query", "path"),
    [("permit exchange", "sub/Störe notes.txt"), ("heat pumps", "pump.html"), ("METHANE leak", "leak.pdf")],
)
async def test_every_kind_of_file_is_found_by_word_stems(folder, query, path):
    assert (await paths(Corpus(folder), query))[0] == path


async def test_documents_lists_readable_files_with_titles(folder):
    found = {document.path: document.title for document in await Corpus(folder).documents()}
    assert found == {
        "leak.pdf": "leak",
        "pump.html": "Heat pumps",
        "sub/Störe notes.txt": "Störe notes",
        "tax.md": "Carbon tax",
    }


async def test_the_better_match_comes_first_and_ties_go_by_path(tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.txt").write_text("wind power")
    (tmp_path / "z.txt").write_text("wind power and wind farms, wind everywhere wind")
    assert await paths(Corpus(tmp_path), "wind farms") == ["z.txt", "a.txt", "b.txt", "c.txt"]


async def test_changes_in_the_folder_are_taken_in_and_only_changed_files_are_read_again(folder, monkeypatch):
    read: list[str] = []
    real = corpus_files.read_document
    monkeypatch.setattr(
        "fusion_graph.tools.corpus.read_document", lambda root, name: read.append(name) or real(root, name)
    )
    corpus = Corpus(folder)
    assert await paths(corpus, "revenue") == ["tax.md"]
    assert len(read) == 4
    read.clear()

    (folder / "tax.md").write_text("# Carbon tax\n\nNothing about money here any more.\n")
    (folder / "new.md").write_text("Revenue again.")
    (folder / "leak.pdf").unlink()
    assert await paths(corpus, "revenue") == ["new.md"]
    assert await paths(corpus, "methane") == []
    assert await paths(corpus, "money") == ["tax.md"]
    assert sorted(read) == ["new.md", "tax.md"]


async def test_a_change_that_keeps_the_size_is_seen(tmp_path):
    note = tmp_path / "a.txt"
    note.write_text("alpha")
    corpus = Corpus(tmp_path)
    assert await paths(corpus, "alpha") == ["a.txt"]
    note.write_text("gamma")
    os.utime(note, ns=(1, 1))
    assert await paths(corpus, "gamma") == ["a.txt"]


@pytest.mark.parametrize(
    "asked",
    [
        "sub/Störe notes.txt",
        "corpus:sub/Störe notes.txt",
        "corpus:sub/St%C3%B6re%20notes.txt",
        "./sub/Störe notes.txt",
    ],
)
async def test_a_document_is_read_by_address_or_path(folder, asked):
    document = await Corpus(folder).read(asked)
    assert document.text == "Permits trade on exchanges."
    assert document.url == corpus_url("sub/Störe notes.txt") == "corpus:sub/St%C3%B6re%20notes.txt"


@pytest.mark.parametrize(
    "asked", ["../secret.md", "corpus:../secret.md", "corpus:%2e%2e/secret.md", ".hidden.md", "image.png"]
)
async def test_what_is_not_listed_cannot_be_read(folder, asked):
    (folder.parent / "secret.md").write_text("secret")
    with pytest.raises(CorpusError, match="holds no document"):
        await Corpus(folder).read(asked)


async def test_an_absolute_path_cannot_be_read(folder):
    secret = folder.parent / "secret.md"
    secret.write_text("secret")
    with pytest.raises(CorpusError, match="holds no document"):
        await Corpus(folder).read(str(secret))


async def test_links_that_lead_outside_are_skipped_with_a_reason(folder):
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("zebra")
    (folder / "link.md").symlink_to(outside / "secret.md")
    (folder / "linked").symlink_to(outside)
    corpus = Corpus(folder)
    assert await paths(corpus, "zebra") == []
    assert "outside" in corpus.skipped["link.md"]


async def test_a_link_inside_the_folder_is_followed(tmp_path):
    (tmp_path / "a.md").write_text("zebra")
    (tmp_path / "b.md").symlink_to(tmp_path / "a.md")
    assert await paths(Corpus(tmp_path), "zebra") == ["a.md", "b.md"]


async def test_unreadable_files_are_reported_and_do_not_stop_the_rest(folder, monkeypatch):
    monkeypatch.setattr(corpus_files, "MAX_FILE_BYTES", 2000)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    (folder / "empty.md").write_text(" \n")
    (folder / "big.txt").write_text("x" * 2001)
    (folder / "dangling.md").symlink_to(folder / "nowhere.md")
    corpus = Corpus(folder)
    assert await paths(corpus, "revenue") == ["tax.md"]
    assert set(corpus.skipped) == {"broken.pdf", "empty.md", "big.txt", "dangling.md"}
    with pytest.raises(CorpusError, match="cannot be read"):
        await corpus.read("broken.pdf")


async def test_a_missing_or_empty_folder_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="not a folder"):
        Corpus(tmp_path / "nowhere").check()
    with pytest.raises(ConfigError, match=r"holds no .*\.md"):
        Corpus(tmp_path).check()
    with pytest.raises(ConfigError, match="holds no"):
        await Corpus(tmp_path).search("x", 1)


async def test_odd_encodings_are_read(tmp_path):
    (tmp_path / "latin.txt").write_bytes("Café crème à la carte, déjà vu, naïve".encode("latin-1"))
    assert await paths(Corpus(tmp_path), "creme cafe") == ["latin.txt"]


def _small_corpus() -> Corpus:
    folder = Path(tempfile.mkdtemp())
    (folder / "a.md").write_text("# T\n\ncarbon tax AND title:revenue (notes)")
    return Corpus(folder)


SMALL = _small_corpus()


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.text(max_size=80), st.text('"():+-*^~[]{}\\/ ANDORtitle\ud800', max_size=40)))
async def test_no_query_makes_the_search_fail(query):
    assert all(passage.path == "a.md" for passage in await SMALL.search(query, 3))


@pytest.mark.parametrize("query", ["", "   ", "???", "\x00"])
async def test_a_query_without_words_finds_nothing(query):
    assert await SMALL.search(query, 3) == []


async def test_a_query_of_common_words_alone_still_searches():
    assert [passage.path for passage in await SMALL.search("and", 3)] == ["a.md"]


async def test_a_limit_of_zero_finds_nothing():
    assert await SMALL.search("carbon", 0) == []


def test_passages_keep_paragraphs_whole_and_code_comments_are_no_headings():
    text = "# A\n\none\n\ntwo\n\n## B ##\n```\n# not a heading\n\nx\n```\n\n# C\nthree"
    assert [(passage.heading, passage.text) for passage in split_passages(text)] == [
        ("A", "one\n\ntwo"),
        ("A > B", "```\n# not a heading\n\nx\n```"),
        ("C", "three"),
    ]
    assert first_heading(text) == "A"
    assert first_heading("no heading") == ""


@given(
    st.text(alphabet=st.characters(exclude_characters="#`~", exclude_categories=["Cs"]), max_size=400),
    st.integers(5, 50),
)
def test_passages_hold_every_character_of_the_text_and_keep_the_size(text, size):
    passages = split_passages(text, size)
    assert "".join("".join(passage.text.split()) for passage in passages) == "".join(text.split())
    assert all(sum(map(len, passage.text.split("\n\n"))) <= size for passage in passages)

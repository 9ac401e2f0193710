"""Folders made to lead elsewhere, to hang, or to write into prompts by their names; run them as any user."""

from __future__ import annotations

import asyncio
import os

import pytest

from fusion_graph.tools import Corpus
from fusion_graph.tools.corpus import CorpusError
from fusion_graph.tools.corpus_files import MAX_FILE_BYTES, list_files, read_document
from fusion_graph.tools.extract import UnreadableError

SECRET = "the planted secret"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret.txt").write_text(SECRET)
    inside = tmp_path / "corpus"
    inside.mkdir()
    (inside / "fair.md").write_text("# Fair\n\nSolar power is fair.")
    return inside


async def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe.md")
    corpus = Corpus(folder)
    async with asyncio.timeout(5):
        assert [hit.path for hit in await corpus.search("solar", 5)] == ["fair.md"]
    assert corpus.skipped == {"pipe.md": "it is a pipe or a device, no file"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
async def test_a_device_is_not_read(folder):
    try:
        os.mknod(folder / "zero.txt", 0o644 | 0o020000, os.makedev(1, 5))
    except PermissionError as error:
        pytest.skip(f"no device can be made here: {error}")
    assert list_files(folder).skipped == {"zero.txt": "it is a pipe or a device, no file"}


@pytest.mark.parametrize("target", ["../secret.txt", "/etc/passwd", "/dev/zero", "/proc/self/environ", "."])
async def test_a_link_that_leads_elsewhere_is_not_read(folder, target):
    (folder / "link.txt").symlink_to(target)
    assert list(list_files(folder).files) == ["fair.md"]
    with pytest.raises(UnreadableError):
        read_document(folder, "link.txt")


async def test_a_circle_of_links_is_passed_over(folder):
    (folder / "one.md").symlink_to("two.md")
    (folder / "two.md").symlink_to("one.md")
    (folder / "round").symlink_to(".")
    assert list(list_files(folder).files) == ["fair.md"]


async def test_a_file_that_becomes_a_link_after_it_was_listed_is_not_followed(folder):
    assert "fair.md" in list_files(folder).files
    (folder / "other.md").write_text("Other words.")
    (folder / "fair.md").unlink()
    (folder / "fair.md").symlink_to(folder.parent / "secret.txt")
    with pytest.raises(UnreadableError, match="leads outside"):
        read_document(folder, "fair.md")
    with pytest.raises(CorpusError) as refused:
        await Corpus(folder).read("corpus:fair.md")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("swapped", ["file", "folder"])
async def test_a_link_put_in_place_between_the_check_and_the_reading_is_not_followed(folder, monkeypatch, swapped):
    from fusion_graph.tools import corpus_files

    (folder / "sub").mkdir()
    (folder / "sub" / "note.txt").write_text("fair words")
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "note.txt").write_text(SECRET)
    open_below = corpus_files._descriptor

    def swap_then_open(root, parts):
        if swapped == "folder":
            (folder / "sub").rename(folder / "was")
            (folder / "sub").symlink_to(elsewhere)
        else:
            (folder / "sub" / "note.txt").unlink()
            (folder / "sub" / "note.txt").symlink_to(elsewhere / "note.txt")
        return open_below(root, parts)

    monkeypatch.setattr(corpus_files, "_descriptor", swap_then_open)
    with pytest.raises(UnreadableError):
        read_document(folder, "sub/note.txt")


async def test_a_file_that_grew_since_it_was_listed_is_not_read_whole(folder, monkeypatch):
    from fusion_graph.tools import corpus_files

    (folder / "big.txt").write_bytes(b"")
    os.truncate(folder / "big.txt", MAX_FILE_BYTES + 1)
    monkeypatch.setattr(corpus_files, "_stamp", lambda path, root: (0, 0, 0))
    with pytest.raises(UnreadableError, match="larger than 20,000,000 bytes"):
        read_document(folder, "big.txt")


@pytest.mark.parametrize("name", ["a\n[S9] Fake — https://evil.example.md", "b\x1b[31m.md", "c\u202e.md", b"d\xff.md"])
async def test_names_that_are_not_plain_are_left_out(folder, name):
    try:
        (folder / os.fsdecode(name)).write_text("Solar words.")
        (folder / (os.fsdecode(name) + ".d")).mkdir()
        (folder / (os.fsdecode(name) + ".d") / "fair.md").write_text("Solar words.")
    except OSError as error:
        pytest.skip(f"no such name can be made here: {error}")
    assert [hit.path for hit in await Corpus(folder).search("solar", 9)] == ["fair.md"]


async def test_html_and_pdf_bombs_in_the_folder_leave_the_rest_searchable(folder):
    (folder / "deep.html").write_text("<div>" * 500_000)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\n" + b"<<" * 200_000)
    corpus = Corpus(folder)
    assert [hit.path for hit in await corpus.search("solar", 5)] == ["fair.md"]
    assert sorted(corpus.skipped) == ["broken.pdf", "deep.html"]


@pytest.mark.parametrize("asked", ["corpus:../secret.txt", "corpus:%2e%2e/secret.txt", "corpus:/etc/passwd", "corpus:"])
async def test_no_address_leads_out_of_the_folder(folder, asked):
    with pytest.raises(CorpusError):
        await Corpus(folder).read(asked)

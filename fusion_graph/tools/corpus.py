"""The corpus: a folder of the user's own documents, searchable and readable by the panel."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from fusion_graph.errors import ConfigError, FusionError
from fusion_graph.tools.corpus_files import SUFFIXES, Stamp, list_files, read_document
from fusion_graph.tools.corpus_index import PassageIndex
from fusion_graph.tools.extract import Extracted, UnreadableError
from fusion_graph.tools.passages import TextPassage, split_passages

CORPUS_SCHEME = "corpus:"


class CorpusError(FusionError):
    """A document was asked for that the corpus does not hold; the message is meant for the model."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that a search found.

    Attributes:
        path: The document, relative to the folder, with forward slashes.
        title: Its title.
        heading: The headings above the piece, joined by ` > `.
        text: The piece.
    """

    path: str
    title: str
    heading: str
    text: str

    @property
    def url(self) -> str:
        """The document's address for `web_fetch` and for citations."""
        return corpus_url(self.path)


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document: path relative to the folder, title, and text."""

    path: str
    title: str
    text: str

    @property
    def url(self) -> str:
        """The document's address for `web_fetch` and for citations."""
        return corpus_url(self.path)


@dataclass(frozen=True, slots=True)
class _Known:
    stamp: Stamp
    document: Extracted | None
    passages: list[TextPassage]
    problem: str = ""


def corpus_url(path: str) -> str:
    """Write a document's address.

    Args:
        path: Its path relative to the folder, with forward slashes.

    Returns:
        `corpus:` and the path, percent-encoded where a URL needs it.
    """
    return CORPUS_SCHEME + quote(path, safe="/")


class Corpus:
    """A folder of Markdown, text, HTML and PDF files with a full-text index that follows its changes.

    Nothing is read before the first use. One corpus may serve many runs at once.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder.

        Args:
            folder: The folder; `check` tells whether it is there.
        """
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._unlisted: dict[str, str] = {}
        self._index: PassageIndex | None = None

    @property
    def skipped(self) -> dict[str, str]:
        """Files that could not be taken in, with the reason; as of the last use."""
        unread = {path: known.problem for path, known in self._known.items() if known.problem}
        return {**self._unlisted, **unread}

    def check(self) -> None:
        """Make sure that there is something to search. Reads the disk: in async code, call it in a thread.

        Raises:
            ConfigError: The folder is missing or holds no document.
        """
        if not list_files(self._folder).files:
            raise ConfigError(f"corpus: {str(self._folder)!r} holds no {', '.join(sorted(SUFFIXES))} file")

    async def search(self, query: str, limit: int) -> list[Passage]:
        """Find passages, after taking in what changed in the folder.

        Args:
            query: Free text; nothing in it is an operator.
            limit: Passages at most.

        Returns:
            The passages that share a word with the query, best first.

        Raises:
            ConfigError: The folder is missing or holds no document.
        """
        return await asyncio.to_thread(self._search, query, limit)

    async def read(self, url_or_path: str) -> Document:
        """Read one document whole.

        Args:
            url_or_path: Its `corpus:` address or its relative path.

        Returns:
            The document.

        Raises:
            CorpusError: The corpus holds no such document, or it cannot be read.
            ConfigError: The folder is missing or holds no document.
        """
        return await asyncio.to_thread(self._read, url_or_path)

    async def documents(self) -> list[Document]:
        """List the readable documents.

        Returns:
            The documents, by path.

        Raises:
            ConfigError: The folder is missing or holds no document.
        """
        return await asyncio.to_thread(self._documents)

    def _search(self, query: str, limit: int) -> list[Passage]:
        with self._lock:
            hits = self._refreshed().search(query, limit)
            return [self._passage(path, number) for path, number in hits]

    def _passage(self, path: str, number: int) -> Passage:
        known = self._known[path]
        piece = known.passages[number]
        return Passage(path, known.document.title if known.document else "", piece.heading, piece.text)

    def _read(self, url_or_path: str) -> Document:
        # The path is looked up among the listed files, never joined to the folder: it cannot lead outside.
        asked = url_or_path.removeprefix(CORPUS_SCHEME)
        with self._lock:
            self._refreshed()
            for path in (asked, unquote(asked), unquote(asked).removeprefix("./").lstrip("/")):
                known = self._known.get(path)
                if known and known.document:
                    return Document(path, known.document.title, known.document.text)
                if known:
                    raise CorpusError(f"{corpus_url(path)} cannot be read: {known.problem}")
        raise CorpusError(f"the corpus holds no document {asked[:200]!r}; use an address that web_search returned")

    def _documents(self) -> list[Document]:
        with self._lock:
            self._refreshed()
            read = ((path, known.document) for path, known in sorted(self._known.items()))
            return [Document(path, found.title, found.text) for path, found in read if found]

    def _refreshed(self) -> PassageIndex:
        listing = list_files(self._folder)
        if not listing.files:
            self.check()
        self._unlisted = listing.skipped
        stale = {path for path, known in self._known.items() if listing.files.get(path) != known.stamp}
        fresh = {path: self._load(path, stamp) for path, stamp in listing.files.items() if self._is_new(path, stamp)}
        if self._index is None:
            self._index = PassageIndex()
        if stale or fresh:
            readable = {path: (new.document.title, new.passages) for path, new in fresh.items() if new.document}
            self._index.replace(readable, stale)
            kept = {path: known for path, known in self._known.items() if path not in stale}
            self._known = {**kept, **fresh}
        return self._index

    def _is_new(self, path: str, stamp: Stamp) -> bool:
        return path not in self._known or self._known[path].stamp != stamp

    def _load(self, path: str, stamp: Stamp) -> _Known:
        try:
            document = read_document(self._folder, path)
        except UnreadableError as error:
            return _Known(stamp, None, [], str(error))
        return _Known(stamp, document, split_passages(document.text))

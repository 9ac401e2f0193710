"""The full-text index of a corpus: passages in memory, ranked by BM25 over English word stems."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fusion_graph.tools.passages import TextPassage

MAX_QUERY_TERMS = 64
_WRITER_BYTES = 15_000_000
_FIELDS = (("title", 1.5), ("heading", 1.5), ("text", 1.0))


class PassageIndex:
    """An index in memory; a document is replaced as a whole."""

    def __init__(self) -> None:
        """Make an empty index."""
        import tantivy  # noqa: PLC0415

        self._tantivy = tantivy
        self._schema = _schema(tantivy)
        self._index = tantivy.Index(self._schema)
        self._index.register_tokenizer("english", _analyzer(tantivy, stopwords=False))
        self._query_words = _analyzer(tantivy, stopwords=True)
        self._all_words = _analyzer(tantivy, stopwords=False)

    def replace(self, documents: dict[str, tuple[str, list[TextPassage]]], gone: Iterable[str]) -> None:
        """Put documents in, in place of what the index knew of them, and take others out.

        Args:
            documents: Path to title and passages.
            gone: Paths of documents to take out.
        """
        writer = self._index.writer(_WRITER_BYTES, 1)
        for path in {*documents, *gone}:
            writer.delete_documents_by_query(self._tantivy.Query.term_query(self._schema, "path", path))
        for path, (title, passages) in documents.items():
            for number, passage in enumerate(passages):
                writer.add_document(self._document(path, number, title, passage))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def search(self, query: str, limit: int) -> list[tuple[str, int]]:
        """Rank passages.

        Args:
            query: Free text; nothing in it is an operator.
            limit: Passages at most.

        Returns:
            Path and number of each passage that shares a word stem with the query, best first.
        """
        words = self._words(query)
        if not words or limit < 1:
            return []
        searcher = self._index.searcher()
        hits = searcher.search(self._query(words), limit).hits
        found = [(score, searcher.doc(address).to_dict()) for score, address in hits]
        ranked = sorted((-score, fields["path"][0], fields["number"][0]) for score, fields in found)
        return [(path, number) for _, path, number in ranked]

    def _words(self, query: str) -> list[str]:
        text = query.encode("utf-8", "replace").decode("utf-8")
        words = self._query_words.analyze(text) or self._all_words.analyze(text)
        return list(dict.fromkeys(words))[:MAX_QUERY_TERMS]

    def _query(self, words: list[str]) -> Any:
        query, should = self._tantivy.Query, self._tantivy.Occur.Should
        return query.boolean_query(
            [
                (should, query.boost_query(query.term_query(self._schema, name, word, "freq"), boost))
                for word in words
                for name, boost in _FIELDS
            ]
        )

    def _document(self, path: str, number: int, title: str, passage: TextPassage) -> Any:
        document = self._tantivy.Document()
        document.add_text("path", path)
        document.add_unsigned("number", number)
        for name, text in (("title", title), ("heading", passage.heading), ("text", passage.text)):
            document.add_text(name, text.encode("utf-8", "replace").decode("utf-8"))
        return document


def _schema(tantivy: Any) -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("path", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("number", stored=True)
    for name, _ in _FIELDS:
        builder.add_text_field(name, tokenizer_name="english", index_option="freq")
    return builder.build()


def _analyzer(tantivy: Any, *, stopwords: bool) -> Any:
    keep = tantivy.Filter
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    builder = builder.filter(keep.remove_long(100)).filter(keep.lowercase()).filter(keep.ascii_fold())
    if stopwords:
        builder = builder.filter(keep.stopword("english"))
    return builder.filter(keep.stemmer("english")).build()

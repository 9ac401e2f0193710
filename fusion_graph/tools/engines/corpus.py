"""The corpus as a search engine: the operator's own folder instead of the web."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_graph.config import SearchSettings
from fusion_graph.tools.corpus import Corpus
from fusion_graph.tools.search_engine import SearchHit


@dataclass(frozen=True, slots=True)
class CorpusEngine:
    """A folder of documents. Domain lists speak of the web and do not touch it."""

    corpus: Corpus
    name: str = "corpus"
    secret: str = ""

    async def search(self, query: str, *, limit: int, settings: SearchSettings) -> list[SearchHit]:  # noqa: ARG002
        """Search; see `SearchEngine.search`."""
        found = await self.corpus.search(query, limit)
        return [SearchHit(hit.url, hit.title, hit.text, heading=hit.heading) for hit in found]

"""DuckDuckGo, which needs no key, through langchain-community's wrapper."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from fusion_graph.config import SearchSettings
from fusion_graph.tools.engines.community import asked_limit, load_wrapper, query_with_sites
from fusion_graph.tools.search_engine import SearchHit


@dataclass(frozen=True, slots=True)
class DuckDuckGoEngine:
    """DuckDuckGo."""

    name: str = "duckduckgo"
    secret: str = ""

    async def search(self, query: str, *, limit: int, settings: SearchSettings) -> list[SearchHit]:
        """Search; see `SearchEngine.search`."""
        asked = query_with_sites(query, settings), asked_limit(limit, settings)
        return await asyncio.to_thread(_ask, *asked)


def _ask(query: str, limit: int) -> list[SearchHit]:
    from ddgs.exceptions import DDGSException  # noqa: PLC0415

    # The wrapper's default looks at the last year only.
    wrapper = load_wrapper("duckduckgo_search", "DuckDuckGoSearchAPIWrapper")(time=None, backend="duckduckgo")
    try:
        found = wrapper.results(query, limit)
    except DDGSException as error:
        if "No results found" in str(error):
            return []
        raise
    return [SearchHit(hit["link"], hit["title"], hit["snippet"]) for hit in found]

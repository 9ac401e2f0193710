"""SearxNG, the user's own instance, through langchain-community's wrapper."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fusion_graph.config import SearchSettings
from fusion_graph.tools.engines.community import asked_limit, load_wrapper, query_with_sites
from fusion_graph.tools.search_engine import SearchError, SearchHit


@dataclass(frozen=True, slots=True)
class SearxngEngine:
    """A SearxNG instance; `/search` is added to an address without a path."""

    base_url: str
    name: str = "searxng"
    secret: str = ""

    async def search(self, query: str, *, limit: int, settings: SearchSettings) -> list[SearchHit]:
        """Search; see `SearchEngine.search`."""
        wrapper = await asyncio.to_thread(self._wrapper)
        try:
            found = await wrapper.aresults(query_with_sites(query, settings), asked_limit(limit, settings))
        except ValueError as error:
            raise SearchError("the SearxNG instance gave no JSON; its settings must allow the format json") from error
        return [
            SearchHit(hit["link"], hit.get("title") or "", hit.get("snippet") or "") for hit in found if "link" in hit
        ]

    def _wrapper(self) -> Any:
        path = urlsplit(self.base_url).path.strip("/")
        host = self.base_url if path else self.base_url.rstrip("/") + "/search"
        return load_wrapper("searx_search", "SearxSearchWrapper")(searx_host=host)

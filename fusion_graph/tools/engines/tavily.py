"""Tavily, through langchain-tavily."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass, field
from typing import Any

from fusion_graph.config import SearchSettings
from fusion_graph.tools.domains import DomainRules
from fusion_graph.tools.search_engine import SearchHit


@dataclass(frozen=True, slots=True)
class TavilyEngine:
    """Tavily; `base_url` is its own when unset."""

    secret: str = field(repr=False)
    base_url: str | None = None
    name: str = "tavily"

    async def search(self, query: str, *, limit: int, settings: SearchSettings) -> list[SearchHit]:
        """Search; see `SearchEngine.search`."""
        rules = DomainRules.of(settings.allowed_domains, settings.excluded_domains)
        wrapper = await asyncio.to_thread(self._wrapper)
        wanted = {
            "query": query,
            "max_results": min(limit, 20),
            "search_depth": "basic",
            "include_domains": rules.allowed_hosts() or None,
            "exclude_domains": rules.blocked_hosts() or None,
        }
        # The wrapper wants every one of its options named.
        options = inspect.signature(wrapper.raw_results_async).parameters.values()
        unset = {option.name: None for option in options if option.kind is not option.VAR_KEYWORD}
        found = await wrapper.raw_results_async(**{**unset, **wanted})
        return [
            SearchHit(hit["url"], hit.get("title") or "", hit.get("content") or "", hit.get("published_date"))
            for hit in found.get("results") or []
        ]

    def _wrapper(self) -> Any:
        from langchain_tavily import TavilySearch  # noqa: PLC0415

        # The tool would report itself to the run as a tool call of the seat; its wrapper does not.
        return TavilySearch(tavily_api_key=self.secret, api_base_url=self.base_url).api_wrapper

"""Exa, through langchain-exa."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from fusion_graph.config import SearchSettings
from fusion_graph.tools.domains import DomainRules
from fusion_graph.tools.search_engine import SearchHit, characters_per_result

MODES = ("instant", "fast", "auto", "deep-lite", "deep", "deep-reasoning")


@dataclass(frozen=True, slots=True)
class ExaEngine:
    """Exa; `base_url` is its own when unset."""

    secret: str = field(repr=False)
    base_url: str | None = None
    name: str = "exa"

    async def search(self, query: str, *, limit: int, settings: SearchSettings) -> list[SearchHit]:
        """Search; see `SearchEngine.search`."""
        found = await asyncio.to_thread(self._ask, query, limit, settings)
        return [
            SearchHit(result.url, result.title or "", result.text or "", result.published_date)
            for result in found.results
        ]

    def _ask(self, query: str, limit: int, settings: SearchSettings) -> Any:
        from langchain_exa import ExaSearchRetriever  # noqa: PLC0415

        rules = DomainRules.of(settings.allowed_domains, settings.excluded_domains)
        retriever = ExaSearchRetriever(exa_api_key=self.secret, exa_base_url=self.base_url)
        # The retriever's own call fails as a whole if one page has no text; its client does not.
        return retriever.client.search_and_contents(
            query,
            num_results=limit,
            type=settings.mode or "auto",
            text={"max_characters": characters_per_result(settings)},
            include_domains=rules.allowed_hosts() or None,
            exclude_domains=None if rules.allowed else rules.blocked_hosts() or None,
        )

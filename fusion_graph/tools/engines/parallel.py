"""Parallel, through its own SDK."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from fusion_graph.config import SearchSettings
from fusion_graph.tools.domains import DomainRules
from fusion_graph.tools.search_engine import ENGINE_SECONDS, SearchHit, characters_per_result

MODES = ("turbo", "fast", "basic", "advanced")
PARALLEL_CHARACTERS = 1500


@dataclass(frozen=True, slots=True)
class ParallelEngine:
    """Parallel; `base_url` is its own when unset."""

    secret: str = field(repr=False)
    base_url: str = "https://api.parallel.ai"
    name: str = "parallel"

    async def search(self, query: str, *, limit: int, settings: SearchSettings) -> list[SearchHit]:
        """Search; see `SearchEngine.search`."""
        client = await asyncio.to_thread(self._client)
        async with client:
            found = await client.search(
                search_queries=[query[:200]],
                objective=query,
                mode=settings.mode or "basic",
                advanced_settings={
                    "max_results": limit,
                    "excerpt_settings": {"max_chars_per_result": self._characters(settings)},
                    "source_policy": _source_policy(settings),
                },
            )
        return [
            SearchHit(hit.url, hit.title or "", "\n\n".join(hit.excerpts), hit.publish_date) for hit in found.results
        ]

    def _client(self) -> Any:
        from parallel import AsyncParallel  # noqa: PLC0415

        return AsyncParallel(api_key=self.secret, base_url=self.base_url, timeout=ENGINE_SECONDS, max_retries=1)

    @staticmethod
    def _characters(settings: SearchSettings) -> int:
        return characters_per_result(settings, PARALLEL_CHARACTERS)


def _source_policy(settings: SearchSettings) -> dict[str, list[str]]:
    rules = DomainRules.of(settings.allowed_domains, settings.excluded_domains)
    lists = {"include_domains": rules.allowed_hosts(), "exclude_domains": rules.blocked_hosts()}
    return {name: hosts for name, hosts in lists.items() if hosts}

"""What every search engine looks like to `web_search`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fusion_graph.config import SearchSettings
from fusion_graph.errors import FusionError

DEFAULT_CHARACTERS = 2000
ENGINE_SECONDS = 30.0
_CONTEXT_CHARACTERS = {"low": 5_000, "medium": 15_000, "high": 30_000}


class SearchError(FusionError):
    """An engine could not search; the message is meant for the model."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One result.

    Attributes:
        url: The page's address.
        title: The page's title; empty if unknown.
        text: An excerpt of the page.
        published: When it was published, as the engine says it; None if unknown.
        heading: Where in the page the excerpt stands; empty if unknown.
    """

    url: str
    title: str
    text: str
    published: str | None = None
    heading: str = ""


class SearchEngine(Protocol):
    """One way to search. Domain lists are passed on where it knows them; `web_search` filters again."""

    @property
    def name(self) -> str:
        """The engine's name in `SearchSettings.engine`."""

    @property
    def secret(self) -> str:
        """What must never appear in a message; empty if there is nothing to hide."""

    async def search(self, query: str, *, limit: int, settings: SearchSettings) -> list[SearchHit]:
        """Search.

        Args:
            query: Free text.
            limit: Results wanted.
            settings: Mode, domain lists and characters per result.

        Returns:
            Results, best first; an engine that filters poorly may return more than `limit`.
        """


def characters_per_result(settings: SearchSettings, default: int = DEFAULT_CHARACTERS) -> int:
    """Say how much of a result is shown.

    Args:
        settings: `max_characters` wins over `search_context_size`.
        default: What holds when neither is set.

    Returns:
        Characters per result.
    """
    if settings.max_characters is not None:
        return settings.max_characters
    return _CONTEXT_CHARACTERS.get(settings.search_context_size or "", default)

"""Pages fetched in one run, shared by its seats: the same page is downloaded once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """A page as text.

    Attributes:
        url: Its address after redirects.
        title: Its title; empty if it has none.
        text: Its text, whole.
        retrieved_at: When it was fetched, ISO 8601 in UTC.
    """

    url: str
    title: str
    text: str
    retrieved_at: str


@dataclass(slots=True)
class _Flight:
    task: asyncio.Task[Page]
    waiting: int = 0


class PageCache:
    """A bounded cache with one download per page, however many ask for it at once; failures are not kept."""

    def __init__(self, max_pages: int = 128, max_characters: int = 20_000_000) -> None:
        """Set the bounds.

        Args:
            max_pages: Pages kept at most.
            max_characters: Characters of text kept at most, over all pages.
        """
        self._max_pages = max_pages
        self._max_characters = max_characters
        self._pages: OrderedDict[str, Page] = OrderedDict()
        self._flights: dict[str, _Flight] = {}

    async def get(self, key: str, fetch: Callable[[], Awaitable[Page]]) -> Page:
        """Return a page, fetching it if nobody has.

        Args:
            key: Names the page and everything that shapes its text.
            fetch: Fetches it; its error reaches everyone who waits for this download.

        Returns:
            The page.
        """
        if key in self._pages:
            self._pages.move_to_end(key)
            return self._pages[key]
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.ensure_future(self._fetch(key, fetch)))
        flight.waiting += 1
        try:
            # One seat's cancellation must not take the page from the others; the last one's does.
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                flight.task.cancel()
                if self._flights.get(key) is flight:
                    del self._flights[key]

    async def _fetch(self, key: str, fetch: Callable[[], Awaitable[Page]]) -> Page:
        page = await fetch()
        self._pages[key] = page
        while len(self._pages) > self._max_pages or self._characters() > self._max_characters:
            self._pages.popitem(last=False)
        return page

    def _characters(self) -> int:
        return sum(len(page.text) for page in self._pages.values())

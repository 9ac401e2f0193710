"""Waking those who follow a run when something of it was written."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Bells:
    """One bell for each run that somebody follows in this process."""

    def __init__(self) -> None:
        self._bells: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Event:
        """Return the event that is set at the next ring; hold it from before the look at what there is."""
        bell = self._bells.get(name)
        if bell is None:
            self._bells[name] = bell = asyncio.Event()
        return bell

    def ring(self, name: str) -> None:
        """Wake who waits."""
        bell = self._bells.pop(name, None)
        if bell is not None:
            bell.set()

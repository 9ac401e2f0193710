"""What a server process does beside its requests: it says that it is alive, takes up what others left, and sweeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from fusion_graph.server.error_responses import log_failure
from fusion_graph.server.errors import ApiError
from fusion_graph.server.records.processes import BEAT_SECONDS
from fusion_graph.server.records.response_rows import StoredResponse
from fusion_graph.server.records.store import Store
from fusion_graph.server.threads import Threads

SWEEP_SECONDS = 3_600.0
_AT_ONCE = 20
"""Runs that are taken up at once, and Responses that are deleted at once."""


class Runs(Protocol):
    """The runs of this process."""

    busy: set[str]

    async def take_up(self, kept: StoredResponse) -> None:
        """Go on with a run."""

    async def refuse(self, kept: StoredResponse, error: ApiError) -> None:
        """End a run that may not go on."""

    async def cancel_wanted(self) -> None:
        """Cancel what is to be cancelled."""


class Upkeep:
    """The rounds of one process.

    Args:
        runs: Its runs.
        store: The records.
        threads: The threads of saved runs.
    """

    def __init__(self, runs: Runs, store: Store, threads: Threads) -> None:
        self._runs, self._store, self._threads = runs, store, threads
        self._swept = -SWEEP_SECONDS

    async def run(self) -> None:
        """Go round until cancelled; that this process is alive is said beside it, however long a sweep takes."""
        await asyncio.gather(self._again_and_again(self._store.processes.beat), self._again_and_again(self.round))

    async def _again_and_again(self, what: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await what()
            except (SQLAlchemyError, OSError) as error:
                log_failure(error, "upkeep")
            await asyncio.sleep(BEAT_SECONDS)

    async def round(self) -> None:
        """Cancel what is to be cancelled, take up what was left, and sweep once an hour."""
        await self._runs.cancel_wanted()
        await self._take_up()
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            await self.sweep()
            self._swept = time.monotonic()

    async def _take_up(self) -> None:
        for kept in await self._store.responses.take_orphans(_AT_ONCE, self._runs.busy):
            try:
                await self._runs.take_up(kept)
            except ApiError as error:
                if error.status in (429, 503):  # no room now: the next round, or another process, has some
                    await self._store.responses.release(kept.id)
                else:
                    await self._runs.refuse(kept, error)

    async def sweep(self) -> None:
        """Delete what has expired: threads first, so that none is left without its Response."""
        before = self._store.kept_since
        while expired := await self._store.responses.expired(before, _AT_ONCE):
            for response_id, thread_id in expired:
                await self._threads.delete(thread_id)
                await self._store.responses.delete(response_id)
        await self._store.conversations.sweep(before)
        await self._store.generations.sweep(before)
        await self._store.claims.sweep()
        await self._store.processes.sweep()

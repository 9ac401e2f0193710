"""Writing down a background run's events: in small batches, in order, each once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import OperationalError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from fusion_graph.server.records.response_rows import StoredResponse
from fusion_graph.server.records.store import Store
from fusion_graph.server.render.responses_stream import ResponsesStream

CADENCE_SECONDS = 0.05
"""How long events wait for others, so that tokens do not cost a transaction each."""
MOST_WAITING = 64
"""Events that wait at most; the run's own buffer joins the tokens that come meanwhile."""
_PATIENCE = 60.0
"""Seconds for which a database that does not answer is tried again."""


class Journal:
    """The events of one run on their way into the database.

    Args:
        store: The records.
        kept: The Response.
        wire: Makes its events.
        written: Called when something was written.
    """

    def __init__(self, store: Store, kept: StoredResponse, wire: ResponsesStream, written: Callable[[], None]) -> None:
        self._store, self._kept, self._wire, self._written = store, kept, wire, written
        self._waiting: list[dict[str, Any]] = []
        self._cursor: str | None = None
        self._some = asyncio.Event()
        self._stopped = False
        self._writing = asyncio.Lock()

    async def add(self, events: list[dict[str, Any]], cursor: str | None = None) -> None:
        """Take in events; waits where many are waiting already.

        Args:
            events: The events.
            cursor: How far the stream that they come from was read with them.
        """
        self._waiting += events
        self._cursor = cursor or self._cursor
        if events:
            self._some.set()
        if len(self._waiting) >= MOST_WAITING:
            await self.write()

    async def keep_writing(self) -> None:
        """Write what comes, until `stop`.

        Raises:
            LostError: The run is not this process's any more.
        """
        while not self._stopped:
            await self._some.wait()
            await asyncio.sleep(0 if self._stopped else CADENCE_SECONDS)
            await self.write()

    def stop(self) -> None:
        """Let `keep_writing` end after what waits."""
        self._stopped = True
        self._some.set()

    async def write(self) -> None:
        """Write what waits; a write that has begun ends, even where the caller is cancelled.

        Raises:
            LostError: The run is not this process's any more.
        """
        await asyncio.shield(asyncio.ensure_future(self._batch()))

    async def _batch(self) -> None:
        async with self._writing:
            batch, self._waiting = self._waiting, []
            self._some.clear()
            if batch:
                await self._write(batch, self._cursor)
        self._written()

    async def _write(self, batch: list[dict[str, Any]], cursor: str | None) -> None:
        changed = any(not event["type"].endswith(".delta") for event in batch)
        response = self._wire.response() if changed else None
        again = AsyncRetrying(
            retry=retry_if_exception_type(OperationalError),
            stop=stop_after_delay(_PATIENCE),
            wait=wait_exponential(0.1, max=5),
            reraise=True,
        )
        async for attempt in again:
            with attempt:
                await self._store.responses.note(
                    self._kept.id,
                    batch,
                    response,
                    self._kept.input,
                    cursor=cursor,
                    conversation=self._kept.conversation,
                )

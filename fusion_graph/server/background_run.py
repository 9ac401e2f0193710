"""One run that belongs to the server and not to a client: from its first event to its last, written down as it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from fusion_graph.budget import watch
from fusion_graph.money import exact
from fusion_graph.server.engine import Engine
from fusion_graph.server.entering import Again, Since
from fusion_graph.server.error_responses import internal_error, log_failure
from fusion_graph.server.errors import ApiError
from fusion_graph.server.journal import Journal
from fusion_graph.server.metrics import Metrics
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.records.response_rows import LostError, StoredResponse
from fusion_graph.server.records.store import Store
from fusion_graph.server.render.generation import generation
from fusion_graph.server.render.responses_stream import ResponsesStream
from fusion_graph.server.render.result import Result
from fusion_graph.server.render.tally import Tally
from fusion_graph.server.run_events import Ended, Reached, RunEvent
from fusion_graph.server.services import Slot

Stop = Literal["cancel", "leave"]
"""How a run is stopped from outside: it ends as cancelled, or is left for another process to take up."""


@dataclass(frozen=True, slots=True)
class Works:
    """What runs work with.

    Attributes:
        engine: Runs plans.
        store: The records.
        metrics: What is counted.
    """

    engine: Engine
    store: Store
    metrics: Metrics


class BackgroundRun:
    """A run under way.

    Args:
        works: What it works with.
        kept: Its Response.
        plan: What to run, as its room allows.
        slot: The room it has.
        wire: Makes its events.
        written: Called when something was written.
        resumed: Whether it was begun in a process that ended.

    Attributes:
        kept: Its Response, as it was when the run began here.
        result: What it came to, once it has ended.
    """

    def __init__(
        self,
        works: Works,
        kept: StoredResponse,
        slot: Slot,
        wire: ResponsesStream,
        written: Callable[[], None],
        *,
        resumed: bool,
    ) -> None:
        self.kept = kept
        self.result: Result | None = None
        self._works, self._slot, self._wire, self._resumed = works, slot, wire, resumed
        self._plan: RunPlan = slot.plan
        self._tally = Tally()
        self._journal = Journal(works.store, kept, wire, written)
        self._stopped: asyncio.Future[Stop] = asyncio.get_running_loop().create_future()

    def stop(self, how: Stop) -> None:
        """Stop it; it ends a moment later."""
        if not self._stopped.done():
            self._stopped.set_result(how)

    @property
    def _left(self) -> bool:
        return self._stopped.done() and self._stopped.result() == "leave"

    async def run(self, room: AsyncExitStack) -> None:
        """Run to the end.

        Args:
            room: Closed at the end, with which the books are done.
        """
        try:
            async with room:
                await self._written_down()
        except LostError:
            return
        except Exception as error:  # noqa: BLE001 - the boundary: another process, or the next try, takes the run up
            log_failure(error, self.kept.id)
            await self._works.store.responses.release(self.kept.id)

    async def _written_down(self) -> None:
        writing = asyncio.create_task(self._journal.keep_writing())
        try:
            await self._worked(writing)
        finally:
            self._journal.stop()
            await writing
            await self._journal.write()

    async def _worked(self, writing: asyncio.Task[None]) -> None:
        ledgers = watch()
        working = asyncio.create_task(self._work())
        try:
            ends: set[asyncio.Future[Any]] = {working, writing, self._stopped}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            if self.result is None and not self._left:
                self._slot.break_off(exact(sum((ledger.spent.usd for ledger in ledgers), Decimal(0))))
        if writing.done() or working.cancelled():
            if self._stopped.done() and self._stopped.result() == "cancel":
                await self._works.engine.stop(self.kept.thread_id)
                await self._journal.add(self._wire.cancel())
            await self._book()
            return
        await self._failed(working.exception())

    async def _failed(self, error: BaseException | None) -> None:
        if error is None or isinstance(error, LostError):
            return
        if not isinstance(error, ApiError):
            log_failure(error, self.kept.id)
        await self._journal.add(self._wire.fail(error if isinstance(error, ApiError) else internal_error()))
        await self._book()

    async def _work(self) -> None:
        await self._journal.add(self._wire.opening())
        told: list[dict[str, Any]] = []
        marked = False
        async with aclosing(self._events()) as events:
            async for event in events:
                self._tally.hear(event)
                if isinstance(event, Ended):
                    await self._ended(event)
                told += self._wire.feed(event)
                marked = marked or isinstance(event, Reached)
                if not marked or isinstance(event, Reached):  # the events of a part and its mark are written together
                    await self._journal.add(told, event.cursor if isinstance(event, Reached) else None)
                    told = []

    def _events(self) -> AsyncGenerator[RunEvent, None]:
        kept = self.kept
        again = None if kept.again is None else Again.from_json(kept.again)
        since = Since(kept.cursor, self._wire.go_on()) if self._resumed and kept.cursor else None
        return self._works.engine.stream(
            self._plan, thread_id=kept.thread_id, resume=self._resumed, again=again, since=since
        )

    async def _ended(self, event: Ended) -> None:
        self.result = Result(self._plan, event.output)
        self._slot.settle(self.result.receipt)
        self._works.metrics.run(self._plan.graph, self.result.receipt)
        await self._book()

    async def _book(self) -> None:
        """Keep what `GET /v1/generation` tells; a run that is left for another process is booked there."""
        if self._left:
            return
        kept = self.kept
        created = int(kept.response["created_at"])
        record = generation(kept.id, self._plan, self.result, self._tally, created=created, streamed=True)
        await self._works.store.generations.put(kept.owner, record)

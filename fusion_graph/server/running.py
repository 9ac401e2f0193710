"""One run for one waiting client: its room, its events, its books; it ends with its client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from fusion_graph.budget import watch
from fusion_graph.money import exact
from fusion_graph.server.disconnects import cancelled
from fusion_graph.server.failed_runs import failed
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.principal import Principal
from fusion_graph.server.render.generation import generation
from fusion_graph.server.render.result import Result
from fusion_graph.server.render.tally import Tally
from fusion_graph.server.run_events import Ended, RunEvent
from fusion_graph.server.services import KeptResponse, Services, Slot

PATIENCE = 2.0
"""Seconds that a stream waits for the run to begin: what is wrong with its settings is then told by the status."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a run starts from.

    Attributes:
        services: The app's services.
        principal: Whose run.
        plan: What to run.
        id: The id of the completion, Response or message.
        streamed: Whether the answer is streamed.
        created: Unix time of the request in seconds.
        kept: The Response that is stored meanwhile, if there is one.
    """

    services: Services
    principal: Principal
    plan: RunPlan
    id: str
    streamed: bool
    created: int = field(default_factory=lambda: int(time.time()))
    kept: KeptResponse | None = None


class Run:
    """A run under way.

    Args:
        start: What it starts from.
        slot: The room it has.

    Attributes:
        plan: What runs.
        result: What it came to, once it has ended.
        tally: Its tool calls.
        error: What ended it, if something did.
    """

    def __init__(self, start: Start, slot: Slot) -> None:
        self.plan = slot.plan
        self.result: Result | None = None
        self.tally = Tally()
        self._start, self._slot = start, slot
        self.error: BaseException | None = None
        thread_id = start.kept.thread_id if start.kept else None
        self._events: AsyncGenerator[RunEvent, None] = start.services.engine.stream(slot.plan, thread_id=thread_id)
        self._next: asyncio.Task[RunEvent] | None = None
        self._booked = False
        self._ledgers = watch()

    async def begin(self) -> None:
        """Wait a moment for the first event.

        Raises:
            ApiError: The run cannot start.
        """
        self._next = asyncio.ensure_future(anext(self._events))
        done, _ = await asyncio.wait({self._next}, timeout=PATIENCE)
        if done and (error := self._next.exception()) is not None:
            self.error = error
            raise error

    async def events(self) -> AsyncGenerator[RunEvent, None]:
        """Yield what happens; the books are done before `Ended`."""
        try:
            if self._next is not None:
                event = await self._next
                self._next = None
                yield await self._heard(event)
            async for event in self._events:
                yield await self._heard(event)
        except Exception as error:
            self.error = error
            raise

    async def whole(self) -> Result:
        """Run to the end.

        Returns:
            What it came to.

        Raises:
            ApiError: The run cannot start, or gave no answer.
        """
        async for _ in self.events():
            pass
        return self.outcome()

    def outcome(self) -> Result:
        """Return what the run came to, once it has ended.

        Raises:
            ApiError: It gave no answer.
        """
        if self.result is None:
            raise RuntimeError("the run ended without a result")
        if self.result.output["status"] != "ok":
            raise failed(self.result)
        return self.result

    async def _heard(self, event: RunEvent) -> RunEvent:
        self.tally.hear(event)
        if isinstance(event, Ended):
            self.result = Result(self.plan, event.output)
            receipt = self.result.receipt
            self._slot.settle(receipt)
            self._start.services.metrics.run(self.plan.graph, receipt)
            await self._book()
        return event

    async def _book(self) -> None:
        start = self._start
        if start.services.records is None or self._booked:
            return
        self._booked = True
        record = generation(
            start.id, self.plan, self.result, self.tally, created=start.created, streamed=start.streamed
        )
        await start.services.records.put_generation(self.plan.owner, record)

    async def close(self) -> None:
        """End the run, down to its HTTP requests, if it has not ended."""
        if self._next is not None:
            await cancelled(self._next)
        await self._events.aclose()
        if self.result is None:
            self._slot.break_off(exact(sum((ledger.spent.usd for ledger in self._ledgers), Decimal(0))))
        await self._book()


@asynccontextmanager
async def running(start: Start) -> AsyncIterator[Run]:
    """Hold room for a run; leaving the block ends it.

    Args:
        start: What it starts from.

    Yields:
        The run.

    Raises:
        ApiError: There is no room, or no money left.
    """
    async with start.services.gate.slot(start.principal, start.plan) as slot:
        run = Run(start, slot)
        try:
            if start.kept is not None:
                await start.kept.begin()
            yield run
        finally:
            await run.close()
            if start.kept is not None:
                if run.result is None and start.kept.thread_id is not None:
                    await start.services.engine.stop(start.kept.thread_id)
                await start.kept.close(run.error)

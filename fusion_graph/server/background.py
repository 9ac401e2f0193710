"""Runs that go on without their client, and outlive this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fusion_graph.server.background_run import BackgroundRun, Works
from fusion_graph.server.bells import Bells
from fusion_graph.server.entering import Again
from fusion_graph.server.errors import ApiError
from fusion_graph.server.following import follow, rung
from fusion_graph.server.input_items import input_items
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.planning.plans import ResponsesPlan
from fusion_graph.server.principal import Principal
from fusion_graph.server.records.response_rows import NewResponse, StoredResponse
from fusion_graph.server.render.items import new_id
from fusion_graph.server.render.responses_stream import ResponsesStream
from fusion_graph.server.services import Gate
from fusion_graph.server.threads import Threads, thread_of
from fusion_graph.server.upkeep import Upkeep

CANCEL_SECONDS = 15.0
"""How long a request to cancel waits for the process that holds the run."""


class BackgroundRuns:
    """The runs of this process that belong to no client.

    Args:
        works: What runs work with.
        gate: Holds room for them.
        threads: The threads where they are saved.
    """

    def __init__(self, works: Works, gate: Gate, threads: Threads) -> None:
        self._works, self._store, self._gate, self._threads = works, works.store, gate, threads
        self._runs: dict[str, BackgroundRun] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._bells = Bells()
        self.busy: set[str] = set()
        self._ending = False

    async def start(
        self,
        asked: ResponsesPlan,
        body: Mapping[str, Any],
        principal: Principal,
        claim: tuple[str, str] | None = None,
    ) -> dict[str, Any]:
        """Start a run.

        Args:
            asked: What is asked.
            body: The request's body.
            principal: Whose run.
            claim: Owner and `Idempotency-Key`.

        Returns:
            Its Response, which is `queued`.

        Raises:
            ApiError: There is no room, no money left, or the conversation is busy.
        """
        response_id = new_id("resp")
        new = NewResponse(
            id=response_id,
            thread_id=thread_of(response_id),
            created_at=int(time.time()),
            background=True,
            plan=asked.plan,
            input=input_items(body["input"]),
            conversation=asked.conversation,
            claim=claim,
        )
        return await self._begin(principal, new)

    async def start_again(
        self, earlier: StoredResponse, plan: RunPlan, again: Again, principal: Principal, *, background: bool
    ) -> dict[str, Any]:
        """Take up an earlier run on a copy of its thread.

        Args:
            earlier: Its Response, which has ended.
            plan: What to run.
            again: Where, and what differs.
            principal: Whose run.
            background: Whether it goes on without its client.

        Returns:
            The new Response.

        Raises:
            ApiError: There is nothing to take up, or no room.
        """
        response_id = new_id("resp")
        thread_id = await self._threads.copy(earlier.thread_id, thread_of(response_id))
        try:
            ready = await self._works.engine.made_ready(plan, thread_id, again)
            new = NewResponse(
                id=response_id,
                thread_id=thread_id,
                created_at=int(time.time()),
                background=background,
                plan=plan,
                input=earlier.input,
                again=ready.as_json(),
            )
            return await self._begin(principal, new)
        except BaseException:
            await self._threads.delete(thread_id)
            raise

    async def _begin(self, principal: Principal, new: NewResponse) -> dict[str, Any]:
        """Hold room, keep the Response, and let it run."""
        wire = ResponsesStream(new.plan, new.id, new.created_at, new.background)
        response = wire.response()
        async with AsyncExitStack() as room:
            slot = await room.enter_async_context(self._gate.slot(principal, new.plan))
            self.busy.add(new.id)
            room.callback(self.busy.discard, new.id)
            await self._store.responses.begin(replace(new, response=response))
            kept = await self._store.responses.get(new.id, new.plan.owner)
            self._go(self._made(kept, slot, wire, resumed=False), room.pop_all())
        return response

    def _made(self, kept: StoredResponse, slot: Any, wire: ResponsesStream, *, resumed: bool) -> BackgroundRun:
        return BackgroundRun(self._works, kept, slot, wire, lambda: self._bells.ring(kept.id), resumed=resumed)

    def _go(self, run: BackgroundRun, room: AsyncExitStack) -> None:
        task = asyncio.create_task(run.run(room), name=f"run {run.kept.id}")
        self._runs[run.kept.id], self._tasks[run.kept.id] = run, task
        task.add_done_callback(lambda _: self._gone(run.kept.id))

    def _gone(self, response_id: str) -> None:
        self._runs.pop(response_id, None)
        self._tasks.pop(response_id, None)
        self._bells.ring(response_id)

    async def take_up(self, kept: StoredResponse) -> None:
        """Go on with a run whose process has ended; this process holds it.

        Raises:
            ApiError: There is no room now.
        """
        events = await self._store.events.after(kept.id, -1, None)
        wire = ResponsesStream(kept.plan, kept.id, int(kept.response["created_at"]), kept.background, events)
        if not kept.background or kept.cancel:
            await self._close(kept, wire)
            return
        async with AsyncExitStack() as room:
            owner = Principal(id=kept.owner, name=kept.owner)
            slot = await room.enter_async_context(self._gate.slot(owner, kept.plan))
            self.busy.add(kept.id)
            room.callback(self.busy.discard, kept.id)
            self._go(self._made(kept, slot, wire, resumed=True), room.pop_all())

    async def refuse(self, kept: StoredResponse, error: ApiError) -> None:
        """End a run that was taken over and may not go on."""
        events = await self._store.events.after(kept.id, -1, None)
        wire = ResponsesStream(kept.plan, kept.id, int(kept.response["created_at"]), kept.background, events)
        await self._store.responses.note(kept.id, wire.fail(error), wire.response(), kept.input)
        self._bells.ring(kept.id)

    async def _close(self, kept: StoredResponse, wire: ResponsesStream) -> None:
        await self._works.engine.stop(kept.thread_id)
        told = "the server ended while a client waited for this run; POST /v1/responses/{id}/retry goes on with it"
        ended = wire.cancel() if kept.cancel else wire.fail(ApiError(500, told, code="server_ended"))
        events = ended if kept.background else []
        await self._store.responses.note(kept.id, events, wire.response(), kept.input)
        self._bells.ring(kept.id)

    @asynccontextmanager
    async def subscribe(
        self, response_id: str, owner: str, starting_after: int | None = None
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Follow a run's events.

        Args:
            response_id: Which one.
            owner: Who asks.
            starting_after: The last event that the client has.

        Yields:
            The events after that, those that are stored first; the iterator ends with the stream.

        Raises:
            ApiError: 404: there is no such run of this owner.
        """
        await self._store.responses.get(response_id, owner)
        last = -1 if starting_after is None else starting_after
        async with aclosing(follow(self._store, self._bells, response_id, last)) as events:
            yield events

    async def ended(self, response_id: str) -> BackgroundRun | None:
        """Wait for the end of a run of this process.

        Returns:
            The run; `None` where it is none of this process.
        """
        run, task = self._runs.get(response_id), self._tasks.get(response_id)
        if task is not None:
            await asyncio.wait({task})
        return run

    async def cancel(self, response_id: str, owner: str) -> dict[str, Any]:
        """Cancel a run, down to its HTTP requests, wherever it runs; one that has ended stays as it is.

        Returns:
            The Response.

        Raises:
            ApiError: 404: there is no such run of this owner.
        """
        kept = await self._store.responses.get(response_id, owner)
        if kept.under_way:
            run = self._runs.get(response_id)
            if run is not None:
                run.stop("cancel")
                await self.ended(response_id)
            else:
                await self._store.responses.want_cancelled(response_id)
                await self._until_ended(response_id)
        return (await self._store.responses.get(response_id, owner)).response

    async def _until_ended(self, response_id: str) -> None:
        deadline = time.monotonic() + CANCEL_SECONDS
        while time.monotonic() < deadline:
            bell = self._bells.of(response_id)
            state = await self._store.responses.state(response_id)
            if state is None or state[0] not in ("queued", "in_progress"):
                return
            await rung(bell)

    async def delete(self, response_id: str, owner: str) -> None:
        """Delete a Response with its events and its thread; its run is cancelled first.

        Raises:
            ApiError: 404: there is no such Response of this owner; 409: a client waits for it.
        """
        kept = await self._store.responses.get(response_id, owner)
        if kept.under_way and not kept.background:
            raise ApiError(409, f"{response_id!r} is under way; end the request that waits for it", code="run_conflict")
        await self.cancel(response_id, owner)
        await self._threads.delete(kept.thread_id)
        await self._store.responses.delete(response_id)

    async def cancel_wanted(self) -> None:
        """Cancel the runs of this process that another one was asked to cancel."""
        for response_id in await self._store.responses.to_cancel():
            if response_id in self._runs:
                self._runs[response_id].stop("cancel")

    @asynccontextmanager
    async def at_work(self, file: Path | None) -> AsyncIterator[None]:
        """Take up what was left, and keep up with the database, for the length of a block.

        What runs at the end of the block is left for the next process.

        Args:
            file: The SQLite file of the records; `None` for PostgreSQL.
        """
        async with self._store.processes.present(file):
            upkeep = asyncio.create_task(Upkeep(self, self._store, self._threads).run(), name="upkeep")
            try:
                yield
            finally:
                upkeep.cancel()
                await asyncio.gather(upkeep, return_exceptions=True)
                tasks = list(self._tasks.values())
                for run in list(self._runs.values()):
                    run.stop("leave")
                await asyncio.gather(*tasks, return_exceptions=True)

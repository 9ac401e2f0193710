"""Responses: what was asked, how far it is, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fusion_graph.server.database import Database
from fusion_graph.server.errors import ApiError
from fusion_graph.server.records.conversations import add_items
from fusion_graph.server.records.events import add_events
from fusion_graph.server.records.processes import Processes
from fusion_graph.server.records.response_rows import (
    ANSWERED,
    UNDER_WAY,
    LostError,
    NewResponse,
    StoredResponse,
    as_row,
    not_found,
    stored,
)
from fusion_graph.server.records.summaries import summary
from fusion_graph.server.records.tables import CLAIMS, CONVERSATIONS, EVENTS, RESPONSES, packed, unpacked


class Responses:
    """The Responses in a database.

    Args:
        database: The database.
        processes: Who is alive.
    """

    def __init__(self, database: Database, processes: Processes) -> None:
        self._database = database
        self._processes = processes

    async def begin(self, new: NewResponse) -> None:
        """Keep a Response whose run begins; this process holds it.

        Raises:
            ApiError: 409: its conversation has a run under way; 404: there is no such conversation any more.
        """
        async with self._database.write() as connection:
            if new.conversation is not None:
                await _join(connection, new.conversation, new.plan.owner)
            await connection.execute(insert(RESPONSES).values(**as_row(new), process=self._processes.id))
            if new.claim is not None:
                owner, key = new.claim
                await connection.execute(
                    update(CLAIMS).where(CLAIMS.c.owner == owner, CLAIMS.c.key == key).values(response_id=new.id)
                )

    async def get(self, response_id: str, owner: str) -> StoredResponse:
        """Return one.

        Raises:
            ApiError: 404: there is none of this owner's.
        """
        query = select(RESPONSES).where(RESPONSES.c.id == response_id, RESPONSES.c.owner == owner)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        if row is None:
            raise not_found(response_id)
        return stored(row)

    async def state(self, response_id: str) -> tuple[str, bool] | None:
        """Return status, and whether it is to be cancelled; `None` where it was deleted."""
        query = select(RESPONSES.c.status, RESPONSES.c.cancel).where(RESPONSES.c.id == response_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else (row[0], row[1])

    async def page(
        self, owner: str, *, limit: int, after: str | None = None, status: str | None = None
    ) -> tuple[list[dict[str, Any]], bool]:
        """List an owner's Responses in short, the newest first.

        Args:
            owner: Whose.
            limit: How many at most.
            after: The id of the last one of the page before.
            status: Only those of this status.

        Returns:
            The page, and whether there are more.

        Raises:
            ApiError: 404: `after` is none of theirs.
        """
        place = (RESPONSES.c.created_at, RESPONSES.c.id)
        query = select(RESPONSES.c.summary).where(RESPONSES.c.owner == owner)
        query = query.order_by(*(column.desc() for column in place)).limit(limit + 1)
        if status is not None:
            query = query.where(RESPONSES.c.status == status)
        async with self._database.read() as connection:
            if after is not None:
                mark = select(*place).where(RESPONSES.c.id == after, RESPONSES.c.owner == owner)
                found = (await connection.execute(mark)).first()
                if found is None:
                    raise not_found(after, "after")
                query = query.where(tuple_(*place) < tuple_(*found))
            rows = list(await connection.scalars(query))
        return [unpacked(row) for row in rows[:limit]], len(rows) > limit

    async def note(
        self,
        response_id: str,
        events: list[dict[str, Any]],
        response: Mapping[str, Any] | None,
        asked: list[dict[str, Any]],
        *,
        cursor: str | None = None,
        conversation: str | None = None,
    ) -> None:
        """Write a batch of a run's events, and the Response where it changed.

        Args:
            response_id: Which one.
            events: The events.
            response: The Response as it stands; `None` where it is as it was.
            asked: Its input items, for the summary.
            cursor: How far the stream of another server was read.
            conversation: Where question and answer are added, if this Response has an answer.

        Raises:
            LostError: This process does not hold the run any more.
        """
        values: dict[str, Any] = {"process": self._processes.id}
        if cursor is not None:
            values["cursor"] = cursor
        if response is not None:
            ended = response["status"] not in UNDER_WAY
            values |= {
                "status": response["status"],
                "response": packed(response),
                "summary": packed(summary(response, asked)),
                "finished_at": time.time() if ended else None,
                "process": None if ended else self._processes.id,
            }
        async with self._database.write() as connection:
            held = (RESPONSES.c.id == response_id, RESPONSES.c.process == self._processes.id)
            done = await connection.execute(update(RESPONSES).where(*held).values(**values))
            if not done.rowcount:
                raise LostError
            await add_events(connection, response_id, events)
            if response is not None and response["status"] == "failed":  # it may be tried again under the same key
                await connection.execute(delete(CLAIMS).where(CLAIMS.c.response_id == response_id))
            if conversation is not None and response is not None and response["status"] in ANSWERED:
                await add_items(connection, conversation, [*asked, *response["output"]])

    async def want_cancelled(self, response_id: str) -> None:
        """Ask the process that holds a run to cancel it."""
        async with self._database.write() as connection:
            await connection.execute(
                update(RESPONSES)
                .where(RESPONSES.c.id == response_id, RESPONSES.c.status.in_(UNDER_WAY))
                .values(cancel=True)
            )

    async def to_cancel(self) -> list[str]:
        """List this process's runs that are to be cancelled."""
        query = select(RESPONSES.c.id).where(
            RESPONSES.c.process == self._processes.id, RESPONSES.c.cancel.is_(True), RESPONSES.c.status.in_(UNDER_WAY)
        )
        async with self._database.read() as connection:
            return list(await connection.scalars(query))

    async def take_orphans(self, most: int, busy: Collection[str]) -> list[StoredResponse]:
        """Take runs whose process is dead; no other process gets the same.

        Args:
            most: How many at most.
            busy: The runs under way in this process, as they come and go: any other one that it holds is an orphan too.

        Returns:
            Runs that this process holds now.
        """
        left = and_(RESPONSES.c.process == self._processes.id, RESPONSES.c.id.not_in(list(busy)))
        orphaned = or_(RESPONSES.c.process.is_(None), RESPONSES.c.process.not_in(self._processes.living()), left)
        query = select(RESPONSES.c.id, RESPONSES.c.process).where(RESPONSES.c.status.in_(UNDER_WAY), orphaned)
        async with self._database.read() as connection:
            found = list((await connection.execute(query.order_by(RESPONSES.c.created_at).limit(most))).all())
        taken = []
        for response_id, process in found:
            if process == self._processes.id and response_id in busy:  # it began while this waited for a connection
                continue
            was = RESPONSES.c.process.is_(None) if process is None else RESPONSES.c.process == process
            async with self._database.write() as connection:
                done = await connection.execute(
                    update(RESPONSES)
                    .where(RESPONSES.c.id == response_id, RESPONSES.c.status.in_(UNDER_WAY), was)
                    .values(process=self._processes.id)
                )
                if done.rowcount:
                    row = await connection.execute(select(RESPONSES).where(RESPONSES.c.id == response_id))
                    taken.append(stored(row.mappings().one()))
        return taken

    async def release(self, response_id: str) -> None:
        """Let go of a run that this process holds and cannot run now."""
        async with self._database.write() as connection:
            held = (RESPONSES.c.id == response_id, RESPONSES.c.process == self._processes.id)
            await connection.execute(update(RESPONSES).where(*held).values(process=None))

    async def delete(self, response_id: str) -> None:
        """Delete one with its events and what an `Idempotency-Key` would give back of it."""
        async with self._database.write() as connection:
            await connection.execute(delete(EVENTS).where(EVENTS.c.response_id == response_id))
            await connection.execute(
                delete(CLAIMS).where((CLAIMS.c.response_id == response_id) | (CLAIMS.c.generation_id == response_id))
            )
            await connection.execute(delete(RESPONSES).where(RESPONSES.c.id == response_id))

    async def expired(self, before: float, most: int) -> list[tuple[str, str]]:
        """List finished ones of before a Unix time: id and thread."""
        query = select(RESPONSES.c.id, RESPONSES.c.thread_id).where(
            RESPONSES.c.status.not_in(UNDER_WAY), RESPONSES.c.finished_at < before
        )
        async with self._database.read() as connection:
            return [(row[0], row[1]) for row in await connection.execute(query.limit(most))]


async def _join(connection: AsyncConnection, conversation: str, owner: str) -> None:
    mine = (CONVERSATIONS.c.id == conversation, CONVERSATIONS.c.owner == owner)
    # The write comes first: it locks the row, so that of two runs that begin at once one sees the other.
    done = await connection.execute(update(CONVERSATIONS).where(*mine).values(updated_at=time.time()))
    if not done.rowcount:
        raise ApiError(
            404, f"conversation: there is no conversation {conversation!r}", code="not_found", param="conversation"
        )
    busy = select(func.count()).where(RESPONSES.c.conversation == conversation, RESPONSES.c.status.in_(UNDER_WAY))
    if await connection.scalar(busy):
        raise ApiError(
            409,
            f"conversation: {conversation!r} has a response under way; wait for its end, or cancel it",
            code="conversation_locked",
            param="conversation",
        )

"""The events of a Response's stream, as they were sent."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fusion_graph.server.database import Database
from fusion_graph.server.records.tables import EVENTS, packed, unpacked

PAGE = 200
"""Events that are read at once."""


async def add_events(connection: AsyncConnection, response_id: str, events: list[dict[str, Any]]) -> None:
    """Write events in an open transaction; those of a try whose end was not heard are replaced."""
    if events:
        first = events[0]["sequence_number"]
        old = (EVENTS.c.response_id == response_id, EVENTS.c.sequence_number >= first)
        await connection.execute(delete(EVENTS).where(*old))
        rows = [
            {"response_id": response_id, "sequence_number": event["sequence_number"], "event": packed(event)}
            for event in events
        ]
        await connection.execute(insert(EVENTS), rows)


class Events:
    """The events in a database.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(self, response_id: str, sequence_number: int, most: int | None = PAGE) -> list[dict[str, Any]]:
        """Return events in their order.

        Args:
            response_id: Whose.
            sequence_number: The one before the first.
            most: How many at most; all when `None`.
        """
        query = select(EVENTS.c.event).where(
            EVENTS.c.response_id == response_id, EVENTS.c.sequence_number > sequence_number
        )
        query = query.order_by(EVENTS.c.sequence_number)
        async with self._database.read() as connection:
            rows = await connection.scalars(query if most is None else query.limit(most))
            return [unpacked(row) for row in rows]

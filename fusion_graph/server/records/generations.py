"""What `GET /v1/generation` tells, of every run, stored or not: no question and no answer is in it."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import delete, insert, select

from fusion_graph.server.database import Database
from fusion_graph.server.errors import ApiError
from fusion_graph.server.records.tables import GENERATIONS, packed, unpacked


class Generations:
    """The generations in a database.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, owner: str, generation: dict[str, Any]) -> None:
        """Keep one; a run that was taken up by another process replaces its own."""
        row = {
            "id": generation["id"],
            "owner": owner,
            "created_at": time.time(),
            "generation": packed(generation),
        }
        async with self._database.write() as connection:
            await connection.execute(delete(GENERATIONS).where(GENERATIONS.c.id == row["id"]))
            await connection.execute(insert(GENERATIONS).values(**row))

    async def get(self, generation_id: str, owner: str) -> dict[str, Any]:
        """Return one.

        Raises:
            ApiError: 404: there is none of this owner's.
        """
        query = select(GENERATIONS.c.generation).where(GENERATIONS.c.id == generation_id, GENERATIONS.c.owner == owner)
        async with self._database.read() as connection:
            found = await connection.scalar(query)
        if found is None:
            told = f"id: no generation {generation_id[:100]!r} is kept here"
            raise ApiError(404, told, code="not_found", param="id")
        kept: dict[str, Any] = unpacked(found)
        return kept

    async def sweep(self, before: float) -> None:
        """Delete those of before a Unix time."""
        async with self._database.write() as connection:
            await connection.execute(delete(GENERATIONS).where(GENERATIONS.c.created_at < before))

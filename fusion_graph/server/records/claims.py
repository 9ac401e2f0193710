"""Idempotency keys: which request holds one, and what it got."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from fusion_graph.server.database import Database
from fusion_graph.server.records.processes import Processes
from fusion_graph.server.records.tables import CLAIMS

KEPT_SECONDS = 86_400.0
"""How long a key is remembered; shorter where all is kept shorter."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A key as it stands.

    Attributes:
        body_hash: The hash of the request that used it first.
        response_id: The Response that it made in the background.
        reply: What that request got; `None` as long as it is under way.
        media_type: The reply's type.
        generation_id: The id of what was made.
    """

    body_hash: str
    response_id: str | None
    reply: str | None
    media_type: str | None
    generation_id: str | None


class Claims:
    """The keys in a database.

    Args:
        database: The database.
        processes: Who is alive: what a dead process held is free again.
        kept_seconds: How long a key is remembered.
    """

    def __init__(self, database: Database, processes: Processes, kept_seconds: float = KEPT_SECONDS) -> None:
        self._database = database
        self._processes = processes
        self._kept = min(kept_seconds, KEPT_SECONDS)

    async def take(self, owner: str, key: str, body_hash: str, holder: str) -> Claim | None:
        """Take a key for a request.

        Args:
            owner: Whose key.
            key: The key.
            body_hash: The hash of the request.
            holder: Names the request.

        Returns:
            `None` where the request has it now; else how it stands.
        """
        mine = and_(CLAIMS.c.owner == owner, CLAIMS.c.key == key)
        expired = CLAIMS.c.expires_at < time.time()
        broken = and_(
            CLAIMS.c.reply.is_(None),
            CLAIMS.c.response_id.is_(None),
            CLAIMS.c.process.not_in(self._processes.living()),
            CLAIMS.c.body_hash == body_hash,
        )
        row = {"owner": owner, "key": key, "body_hash": body_hash, "holder": holder, "process": self._processes.id}
        try:
            async with self._database.write() as connection:
                await connection.execute(delete(CLAIMS).where(mine, expired | broken))
                await connection.execute(insert(CLAIMS).values(**row, expires_at=time.time() + self._kept))
        except IntegrityError:
            return await self._standing(owner, key) or await self.take(owner, key, body_hash, holder)
        return None

    async def _standing(self, owner: str, key: str) -> Claim | None:
        columns = (
            CLAIMS.c.body_hash,
            CLAIMS.c.response_id,
            CLAIMS.c.reply,
            CLAIMS.c.media_type,
            CLAIMS.c.generation_id,
        )
        async with self._database.read() as connection:
            query = select(*columns).where(CLAIMS.c.owner == owner, CLAIMS.c.key == key)
            row = (await connection.execute(query)).first()
        return None if row is None else Claim(*row)

    async def keep(self, holder: str, reply: str, media_type: str, generation_id: str | None) -> None:
        """Keep what a request got."""
        async with self._database.write() as connection:
            values = {"reply": reply, "media_type": media_type, "generation_id": generation_id}
            await connection.execute(update(CLAIMS).where(CLAIMS.c.holder == holder).values(**values))

    async def release(self, holder: str) -> None:
        """Give a key back whose request got nothing, so that it may be tried again."""
        async with self._database.write() as connection:
            await connection.execute(delete(CLAIMS).where(CLAIMS.c.holder == holder, CLAIMS.c.response_id.is_(None)))

    async def sweep(self) -> None:
        """Delete those that are forgotten by now."""
        async with self._database.write() as connection:
            await connection.execute(delete(CLAIMS).where(CLAIMS.c.expires_at < time.time()))

"""Which server processes are alive: a run belongs to one of them, and to another one once that is dead."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, and_, delete, insert, or_, select, update

from fusion_graph.server.database import Database
from fusion_graph.server.records.tables import PROCESSES

BEAT_SECONDS = 3.0
"""How often a process says that it is alive."""
DEAD_AFTER_SECONDS = 20.0
"""A process that has said nothing for so long is taken for dead."""
_FORGOTTEN_SECONDS = 86_400.0


class Processes:
    """The processes on one database; this one among them.

    Args:
        database: The database.

    Attributes:
        id: This process.
        alone: Whether it holds the lock that lies beside a SQLite file: whoever held it before is dead.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.id = uuid4().hex
        self.alone = False

    def dead(self) -> Select[tuple[str]]:
        """Select the ids of processes that are dead as far as anybody can tell."""
        return select(PROCESSES.c.id).where(~self._living())

    def living(self) -> Select[tuple[str]]:
        """Select the ids of the living ones."""
        return select(PROCESSES.c.id).where(self._living())

    def _living(self) -> ColumnElement[bool]:
        fresh = PROCESSES.c.alive_until > time.time()
        gone = and_(PROCESSES.c.alone.is_(True), PROCESSES.c.id != self.id) if self.alone else None
        own = PROCESSES.c.id == self.id
        return or_(own, fresh if gone is None else and_(fresh, ~gone))

    async def beat(self) -> None:
        """Say that this process is alive."""
        until = time.time() + DEAD_AFTER_SECONDS
        async with self._database.write() as connection:
            done = await connection.execute(
                update(PROCESSES).where(PROCESSES.c.id == self.id).values(alive_until=until, alone=self.alone)
            )
            if not done.rowcount:
                await connection.execute(insert(PROCESSES).values(id=self.id, alive_until=until, alone=self.alone))

    async def sweep(self) -> None:
        """Forget processes that are long dead."""
        async with self._database.write() as connection:
            await connection.execute(
                delete(PROCESSES).where(PROCESSES.c.alive_until < time.time() - _FORGOTTEN_SECONDS)
            )

    @asynccontextmanager
    async def present(self, file: Path | None) -> AsyncIterator[None]:
        """Be one of them for the length of a block; what this process holds is free afterwards.

        Args:
            file: The SQLite file, beside which a lock is taken if it is free; `None` for PostgreSQL.
        """
        lock = None if file is None else await asyncio.to_thread(_locked, file.with_name(file.name + ".lock"))
        self.alone = lock is not None
        try:
            await self.beat()
            yield
            async with self._database.write() as connection:
                await connection.execute(delete(PROCESSES).where(PROCESSES.c.id == self.id))
        finally:
            if lock is not None:
                os.close(lock)


def _locked(path: Path) -> int | None:
    """Lock a file as long as this process lives; `None` where another one has it, or the system has no such locks."""
    try:
        import fcntl  # noqa: PLC0415 - POSIX alone has it
    except ImportError:
        return None
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle

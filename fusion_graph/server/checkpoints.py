"""Where the runs of stored responses are saved, step by step: LangGraph's own checkpointers.

PostgreSQL holds them beside the records. With SQLite they have a file of their own beside the records' file: a saver
writes large states, and a lookup of a key or a batch of events never waits for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from fusion_graph.errors import missing_package
from fusion_graph.server.database import BUSY_SECONDS, postgres_url, sqlite_file
from fusion_graph.server.settings import ServerSettings

CONNECTIONS = 10
"""Connections to PostgreSQL for checkpoints at most."""
_SETUP_LOCK = 0x667573696F6E
"""Names the lock under which the tables are made, among all that lock in a PostgreSQL database."""


@asynccontextmanager
async def checkpoints(settings: ServerSettings) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """Open the checkpointer that goes with the settings' database, its tables made where they are missing.

    Args:
        settings: The operator's settings.

    Yields:
        The checkpointer; closed with the block.

    Raises:
        MissingPackageError: The database's package is not installed.
    """
    file = sqlite_file(settings)
    opened = _postgres(settings) if file is None else _sqlite(checkpoint_file(file))
    async with opened as saver:
        yield saver


def checkpoint_file(file: Path) -> Path:
    """Return the file of the checkpoints that goes with a file of records."""
    return file.with_name(f"{file.stem}.checkpoints{file.suffix}")


@asynccontextmanager
async def _sqlite(file: Path) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    try:
        import aiosqlite  # noqa: PLC0415 - optional
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415 - optional
    except ImportError as error:
        raise missing_package("langgraph-checkpoint-sqlite", "serve", "runs that survive") from error
    await asyncio.to_thread(file.parent.mkdir, parents=True, exist_ok=True, mode=0o700)
    async with aiosqlite.connect(file, timeout=BUSY_SECONDS) as connection:
        saver = AsyncSqliteSaver(connection)
        await saver.setup()
        yield saver


@asynccontextmanager
async def _postgres(settings: ServerSettings) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    try:
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # noqa: PLC0415 - optional
        from psycopg.rows import dict_row  # noqa: PLC0415 - optional
        from psycopg_pool import AsyncConnectionPool  # noqa: PLC0415 - optional
    except ImportError as error:
        raise missing_package("langgraph-checkpoint-postgres", "postgres", "a PostgreSQL database") from error
    address = postgres_url(settings).set(drivername="postgresql").render_as_string(hide_password=False)
    options: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(
        address, kwargs=options, min_size=1, max_size=CONNECTIONS, check=AsyncConnectionPool.check_connection
    ) as pool:
        saver = AsyncPostgresSaver(pool)  # type: ignore[arg-type]  # its rows are dicts by the options above
        async with pool.connection() as connection:
            # Tried and not waited for: an index is built without locks only when no transaction waits.
            while not await _locked(connection):  # noqa: ASYNC110 - another machine holds it
                await asyncio.sleep(0.1)
            try:
                await saver.setup()
            finally:
                await connection.execute("SELECT pg_advisory_unlock(%s)", (_SETUP_LOCK,))
        yield saver


async def _locked(connection: Any) -> bool:
    found = await connection.execute("SELECT pg_try_advisory_lock(%s) AS held", (_SETUP_LOCK,))
    return bool((await found.fetchone())["held"])

"""One database for keys, responses and runs: SQLite or PostgreSQL, through SQLAlchemy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import MetaData, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from fusion_graph.errors import ConfigError, missing_package
from fusion_graph.server.settings import ServerSettings

metadata = MetaData()
"""All tables; each is defined beside the code that uses it."""
_TABLES_LOCK = 0x66757461626C
"""Names the lock under which the tables are made, among all that lock in a PostgreSQL database."""
BUSY_SECONDS = 30.0
"""How long a SQLite writer waits for another process."""


class Database:
    """An open database.

    Args:
        engine: SQLAlchemy's engine.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction; it is committed at the end of the block, rolled back where the block raises."""
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection to read from."""
        async with self.engine.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


@asynccontextmanager
async def opened(settings: ServerSettings) -> AsyncIterator[Database]:
    """Open the database that the settings name, its tables made where they are missing.

    Args:
        settings: The operator's settings.

    Yields:
        The database; closed with the block.

    Raises:
        ConfigError: The address is none that we know, it cannot be opened, or a package for it is missing.
    """
    database = Database(await asyncio.to_thread(_engine, settings))
    try:
        try:
            await _make_tables(database)
        except DBAPIError as error:
            raise ConfigError(f"database: it cannot be opened: {error.orig}; is the address right?") from error
        yield database
    finally:
        await database.close()


async def _make_tables(database: Database) -> None:
    async with database.write() as connection:
        if connection.dialect.name == "postgresql":  # it lets two that look at once both find a table missing
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_TABLES_LOCK})"))
        await connection.run_sync(metadata.create_all)


def sqlite_file(settings: ServerSettings) -> Path | None:
    """Return the database's file; `None` where it is PostgreSQL."""
    named = settings.database
    if named is None:
        return settings.folder / "server.sqlite"
    if "://" not in named:
        return Path(named).expanduser()
    if named.startswith("sqlite:///"):
        return Path(named.removeprefix("sqlite:///")).expanduser()
    return None


def postgres_url(settings: ServerSettings) -> URL:
    """Return PostgreSQL's address for SQLAlchemy.

    Raises:
        ConfigError: The address is no `postgresql://` one.
    """
    named = settings.database or ""
    if urlsplit(named).scheme not in ("postgres", "postgresql"):
        scheme = urlsplit(named).scheme
        raise ConfigError(
            f"database: {scheme + '://...'!r} is not known; give a SQLite file's path or a postgresql:// address "
            "(--database, FUSION_SERVER_DATABASE)"
        )
    try:
        return make_url(named).set(drivername="postgresql+psycopg")
    except ArgumentError as error:
        raise ConfigError("database: the postgresql:// address cannot be read") from error


def _engine(settings: ServerSettings) -> AsyncEngine:
    file = sqlite_file(settings)
    if file is None:
        try:
            return create_async_engine(postgres_url(settings), pool_pre_ping=True)
        except ImportError as error:
            raise missing_package("psycopg", "postgres", "a PostgreSQL database") from error
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = create_async_engine(
            URL.create("sqlite+aiosqlite", database=str(file)), connect_args={"timeout": BUSY_SECONDS}
        )
    except OSError as error:
        raise ConfigError(f"database: the folder of {str(file)!r} cannot be made: {error.strerror}") from error
    event.listen(engine.sync_engine, "connect", _tuned)
    return engine


def _tuned(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()

"""What an evaluation has done so far: one SQLite file, append-only, that any number of processes may write to.

A stage that succeeded is there once, under its key, and is never done again. A stage that failed is kept as a log and
is never taken for a result. Every record is on disk before the next stage is told of it.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from fusion_graph.errors import ConfigError
from fusion_graph.money import exact

StageKind = Literal["seat", "analysis", "final", "verdict"]
FORMAT = 1
BUSY_SECONDS = 60.0
"""How long a write waits for another process's."""
_TABLES = """
CREATE TABLE IF NOT EXISTS stages (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL, model TEXT NOT NULL, parent TEXT NOT NULL,
    ok INTEGER NOT NULL, cost REAL, at_least INTEGER NOT NULL, session TEXT NOT NULL, at REAL NOT NULL,
    value BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS done ON stages(key) WHERE ok = 1;
CREATE INDEX IF NOT EXISTS failed ON stages(key) WHERE ok = 0;
CREATE INDEX IF NOT EXISTS family ON stages(parent) WHERE parent != '';
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS evidence (key TEXT PRIMARY KEY, value BLOB NOT NULL);
"""
_RECORD = "SELECT key, kind, model, parent, ok, cost, at_least, session, value FROM stages"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Record:
    """One stage that was done, or was tried.

    Attributes:
        key: The digest of everything that determines it.
        kind: Which stage.
        model: Whose work it mainly is.
        ok: Whether it succeeded.
        value: What came of it, as plain data.
        cost: What it cost in US dollars; `None` if unknown.
        at_least: Whether that is a lower bound.
        parent: For a verdict, the answer it is about.
        session: The run of the command that did it.
        evidence: What its tools returned, as plain data; not read back with the record.
    """

    key: str
    kind: StageKind
    model: str
    ok: bool
    value: dict[str, Any]
    cost: float | None = None
    at_least: bool = False
    parent: str = ""
    session: str = ""
    evidence: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Spent:
    """What the records of a store cost together.

    Attributes:
        usd: US dollars, of failed stages too.
        at_least: Whether some stage's cost is unknown or a lower bound.
    """

    usd: float
    at_least: bool


class Store:
    """The file. Its methods wait for the disk in one thread of their own, never on the event loop.

    Args:
        connection: An open connection that any thread may use.
        path: Where the file is.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._connection = connection
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fusion-eval-store")

    @classmethod
    async def open(cls, path: Path, *, make: bool = True) -> Self:
        """Open a store.

        Args:
            path: The file.
            make: Whether it and its folder are made if they are not there.

        Returns:
            The store; use it as `async with`, or close it.

        Raises:
            ConfigError: It is not there, or is no store, or one of a later version of the package.
        """
        return cls(await asyncio.to_thread(_connected, path, make=make), path)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it; every record that was accepted is on disk."""
        await self.close()

    async def close(self) -> None:
        """Wait for what is being written, and close the file."""
        await self._do(self._connection.close)
        self._thread.shutdown()

    async def get(self, key: str) -> Record | None:
        """Return a stage that succeeded."""
        return await self._one(f"{_RECORD} WHERE key = ? AND ok = 1", key)

    async def failure(self, key: str, session: str | None = None) -> Record | None:
        """Return the latest failure of a stage.

        Args:
            key: The stage.
            session: Only of this run of the command.
        """
        mine = "" if session is None else " AND session = ?"
        given = (key,) if session is None else (key, session)
        return await self._one(f"{_RECORD} WHERE key = ? AND ok = 0{mine} ORDER BY id DESC LIMIT 1", *given)

    async def children(self, parent: str) -> list[Record]:
        """Return the verdicts about an answer that succeeded."""
        query = f"{_RECORD} WHERE parent = ? AND ok = 1"
        return await self._do(lambda: [_record(row) for row in self._connection.execute(query, (parent,))])

    async def there(self, keys: Iterable[str]) -> set[str]:
        """Say which of some stages succeeded."""
        wanted = list(keys)

        def found() -> set[str]:
            query = "SELECT 1 FROM stages WHERE key = ? AND ok = 1"
            return {key for key in wanted if self._connection.execute(query, (key,)).fetchone()}

        return await self._do(found)

    async def add(self, record: Record) -> Record:
        """Write a record down; on return it is on disk.

        Args:
            record: What was done or tried.

        Returns:
            The record under this key that counts: another process's if it was faster.
        """
        value, evidence = await asyncio.to_thread(lambda: (_packed(record.value), _packed(record.evidence)))

        def write() -> Record:
            with _transaction(self._connection) as connection:
                written = connection.execute(
                    "INSERT OR IGNORE INTO stages (key, kind, model, parent, ok, cost, at_least, session, at, value) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        record.key, record.kind, record.model, record.parent, int(record.ok), record.cost,
                        int(record.at_least), record.session, time.time(), value,
                    ),
                ).rowcount  # fmt: skip
                if written and record.evidence:
                    sql = "INSERT OR REPLACE INTO evidence (key, value) VALUES (?, ?)"
                    connection.execute(sql, (record.key, evidence))
            if written:
                return record
            return _record(self._connection.execute(f"{_RECORD} WHERE key = ? AND ok = 1", (record.key,)).fetchone())

        return await self._do(write)

    async def evidence(self, key: str) -> list[dict[str, Any]]:
        """Return what the tools of a stage returned."""

        def read() -> list[dict[str, Any]]:
            row = self._connection.execute("SELECT value FROM evidence WHERE key = ?", (key,)).fetchone()
            return list(_unpacked(row[0])) if row else []

        return await self._do(read)

    async def spent(self) -> Spent:
        """Add up what all stages cost, failed ones too."""

        def add() -> Spent:
            query = "SELECT COALESCE(SUM(cost), 0), COALESCE(MAX(at_least OR cost IS NULL), 0) FROM stages"
            usd, at_least = self._connection.execute(query).fetchone()
            return Spent(exact(usd), bool(at_least))

        return await self._do(add)

    async def costs(self) -> dict[tuple[str, str], tuple[float, float]]:
        """Return the most and the mean that a stage of each kind and model has cost, where that is known."""
        query = "SELECT kind, model, MAX(cost), AVG(cost) FROM stages WHERE cost IS NOT NULL GROUP BY kind, model"
        return await self._do(lambda: {(kind, model): (*usd,) for kind, model, *usd in self._connection.execute(query)})

    async def remember(self, name: str, value: Any) -> None:
        """Keep a note, in place of an earlier one of this name."""
        sql, text = "INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)", json.dumps(value)

        def write() -> None:
            with _transaction(self._connection) as connection:
                connection.execute(sql, (name, text))

        await self._do(write)

    async def recall(self, name: str) -> Any:
        """Return a note; `None` if there is none."""
        query = "SELECT value FROM notes WHERE name = ?"
        row = await self._do(lambda: self._connection.execute(query, (name,)).fetchone())
        return json.loads(row[0]) if row else None

    async def counts(self) -> Mapping[str, int]:
        """Count the stages that succeeded, by kind."""
        query = "SELECT kind, COUNT(*) FROM stages WHERE ok = 1 GROUP BY kind"
        return await self._do(lambda: dict(self._connection.execute(query).fetchall()))

    async def _one(self, query: str, *values: str) -> Record | None:
        def read() -> Record | None:
            row = self._connection.execute(query, values).fetchone()
            return _record(row) if row else None

        return await self._do(read)

    async def _do(self, work: Callable[[], T]) -> T:
        running = asyncio.get_running_loop().run_in_executor(self._thread, work)
        return await asyncio.shield(running)  # a cancelled run still writes what it had paid for


def _connected(path: Path, *, make: bool) -> sqlite3.Connection:
    if not make and not path.exists():
        raise ConfigError(f"{path}: there is no store yet; `fusion eval run` makes one")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"{path}: the store cannot be opened: {error}") from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        with _transaction(connection):
            _check_format(connection, path)
            for statement in filter(str.strip, _TABLES.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {FORMAT}")
    except sqlite3.Error as error:
        connection.close()
        raise ConfigError(f"{path}: this is no store of fusion eval: {error}") from error
    except ConfigError:
        connection.close()
        raise
    return connection


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] > FORMAT:
        raise ConfigError(f"{path}: the store is of a later version of fusion-graph; upgrade, or use another")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Any:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _record(row: tuple[Any, ...]) -> Record:
    key, kind, model, parent, ok, cost, at_least, session, value = row
    return Record(
        key=key, kind=kind, model=model, parent=parent, ok=bool(ok), cost=cost, at_least=bool(at_least),
        session=session, value=_unpacked(value),
    )  # fmt: skip


def _packed(value: Any) -> bytes:
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def _unpacked(value: bytes) -> Any:
    return json.loads(zlib.decompress(value).decode("utf-8", "surrogatepass"))

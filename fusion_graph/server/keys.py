"""Keys of the HTTP app: made by its operator, hashed at rest, each with limits of its own."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING
from typing import Any, Literal, get_args

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, String, Table, Text, func, insert, select, update

from fusion_graph.errors import ConfigError
from fusion_graph.money import decimal_of
from fusion_graph.server.database import Database, metadata
from fusion_graph.server.principal import Principal

Period = Literal["total", "day", "month"]
PREFIX = "fg"
_NANO = 1_000_000_000

KEYS = Table(
    "fusion_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("hash", String(64), nullable=False),
    Column("limit_nano_usd", BigInteger),
    Column("period", String(8), nullable=False),
    Column("per_minute", Integer),
    Column("presets", Text),
    Column("created_at", Float, nullable=False),
    Column("revoked", Boolean, nullable=False, default=False),
)
SPENDING = Table(
    "fusion_spending",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key_id", String(32), nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("nano_usd", BigInteger, nullable=False),
    Column("at_least", Boolean, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as its operator sees it; the secret itself is kept nowhere.

    Attributes:
        id: Its public part.
        name: What the operator calls it.
        limit_usd: US dollars that it may spend in a period; no limit when `None`.
        period: What the limit is for: all time, a UTC day or a UTC month.
        per_minute: Requests a minute; no limit when `None`.
        presets: Presets that it may use; `None` for all.
        created_at: Unix time, in seconds.
        revoked: Whether it opens nothing any more.
    """

    id: str
    name: str
    limit_usd: float | None = None
    period: Period = "total"
    per_minute: int | None = None
    presets: tuple[str, ...] | None = None
    created_at: float = 0.0
    revoked: bool = False

    @property
    def principal(self) -> Principal:
        """Who a request with this key comes from."""
        return Principal(id=self.id, name=self.name, presets=self.presets, limit_usd=self.limit_usd)


class Keys:
    """The keys in a database.

    Args:
        database: An open database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        name: str,
        *,
        limit_usd: float | None = None,
        period: Period = "total",
        per_minute: int | None = None,
        presets: tuple[str, ...] | None = None,
    ) -> tuple[Key, str]:
        """Make a key.

        Args:
            name: What to call it; no other key may have the name.
            limit_usd: US dollars that it may spend in a period.
            period: The period of that limit.
            per_minute: Requests a minute.
            presets: Presets that it may use.

        Returns:
            The key, and its secret, which is shown this once.

        Raises:
            ConfigError: The name is taken or empty, or a limit is not above 0.
        """
        _check(name, limit_usd, period, per_minute)
        public, hidden = secrets.token_hex(8), secrets.token_urlsafe(32)
        key = Key(public, name, limit_usd, period, per_minute, presets, round(time.time(), 3))
        async with self._database.write() as connection:
            taken = await connection.scalar(select(KEYS.c.id).where(KEYS.c.name == name))
            if taken is not None:
                raise ConfigError(
                    f"name: a key {name!r} exists already; choose another name, as a revoked one keeps its own"
                )
            await connection.execute(insert(KEYS).values(**_row(key), hash=_hash(hidden)))
        return key, f"{PREFIX}-{public}-{hidden}"

    async def all(self) -> list[Key]:
        """List the keys, the oldest first, revoked ones included."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(KEYS).order_by(KEYS.c.created_at))
            return [_key(dict(row)) for row in rows.mappings()]

    async def any(self) -> bool:
        """Say whether a key was ever made: from then on, one is asked for."""
        async with self._database.read() as connection:
            return await connection.scalar(select(KEYS.c.id).limit(1)) is not None

    async def revoke(self, name: str) -> None:
        """Take a key's power away, at once and for good; what it spent stays in the books.

        Raises:
            ConfigError: There is no such key.
        """
        async with self._database.write() as connection:
            done = await connection.execute(
                update(KEYS).where((KEYS.c.name == name) | (KEYS.c.id == name)).values(revoked=True)
            )
            if not done.rowcount:
                raise ConfigError(f"name: there is no key {name!r}; `fusion keys list` shows them")

    async def find(self, secret: str) -> Key | None:
        """Return the key that a secret belongs to; `None` where it opens nothing."""
        prefix, _, rest = secret.partition("-")
        public, _, hidden = rest.partition("-")
        public = public if public.isascii() and public.isalnum() else ""
        async with self._database.read() as connection:
            found = (await connection.execute(select(KEYS).where(KEYS.c.id == public))).mappings().first()
        # Compared for an unknown id as well: how long an answer takes tells nothing.
        right = hmac.compare_digest(_hash(hidden), found["hash"] if found else _hash(""))
        return _key(dict(found)) if found and right and prefix == PREFIX and not found["revoked"] else None

    async def by_id(self, key_id: str) -> Key | None:
        """Return a key by its public part."""
        async with self._database.read() as connection:
            found = (await connection.execute(select(KEYS).where(KEYS.c.id == key_id))).mappings().first()
        return _key(dict(found)) if found else None

    async def spent(self, key: Key) -> float:
        """Return what a key has spent in the current period of its limit, in US dollars."""
        query = select(func.coalesce(func.sum(SPENDING.c.nano_usd), 0)).where(
            SPENDING.c.key_id == key.id, SPENDING.c.at >= _begin(key.period)
        )
        async with self._database.read() as connection:
            return float(await connection.scalar(query) or 0) / _NANO

    async def book(self, key_id: str, usd: float, *, at_least: bool) -> None:
        """Note what a run cost.

        Args:
            key_id: Whose run.
            usd: US dollars.
            at_least: Whether the cost of some part is not known, so that this is a lower bound.
        """
        nano = int((decimal_of(usd) * _NANO).to_integral_value(ROUND_CEILING))
        async with self._database.write() as connection:
            await connection.execute(
                insert(SPENDING).values(key_id=key_id, at=time.time(), nano_usd=nano, at_least=at_least)
            )


def _check(name: str, limit_usd: float | None, period: str, per_minute: int | None) -> None:
    if not name.strip() or len(name) > 100:
        raise ConfigError(f"name: {name!r} must have 1 to 100 characters")
    if limit_usd is not None and not 0 < limit_usd < 1e9:
        raise ConfigError(f"limit: {limit_usd} must be above 0 US dollars")
    if period not in get_args(Period):
        raise ConfigError(f"per: {period!r} is not one of {', '.join(get_args(Period))}")
    if per_minute is not None and per_minute < 1:
        raise ConfigError(f"per-minute: {per_minute} must be at least 1")


def _hash(hidden: str) -> str:
    """A plain hash: the secret has 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(hidden.encode("utf-8", "surrogatepass")).hexdigest()


def _begin(period: Period) -> float:
    now = datetime.now(UTC)
    if period == "total":
        return 0.0
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return (today if period == "day" else today.replace(day=1)).timestamp()


def _row(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "limit_nano_usd": None if key.limit_usd is None else int(decimal_of(key.limit_usd) * _NANO),
        "period": key.period,
        "per_minute": key.per_minute,
        "presets": None if key.presets is None else json.dumps(key.presets),
        "created_at": key.created_at,
        "revoked": key.revoked,
    }


def _key(row: dict[str, Any]) -> Key:
    nano, presets = row.pop("limit_nano_usd"), row.pop("presets")
    row.pop("hash")
    return Key(
        **row,
        limit_usd=None if nano is None else nano / _NANO,
        presets=None if presets is None else tuple(json.loads(presets)),
    )

"""`fusion keys`: make, list and revoke the keys of the HTTP app."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from fusion_graph.errors import FusionError, missing_package
from fusion_graph.server.settings import ServerSettings
from fusion_graph.terminal.exits import BAD_INPUT, OK


def add(database: str | None, name: str, *, as_json: bool, presets: list[str] | None, **limits: Any) -> int:
    """Make a key, and print its secret, which nobody can show again.

    Args:
        database: The database; the default one when unset.
        name: What to call it.
        as_json: Whether to print JSON.
        presets: Presets that it may use; all when unset.
        **limits: `limit_usd`, `period` and `per_minute` of `Keys.add`.

    Returns:
        An exit code.
    """

    async def made(keys: Any) -> None:
        key, secret = await keys.add(name, presets=tuple(presets) if presets else None, **limits)
        if as_json:
            sys.stdout.write(json.dumps({**asdict(key), "key": secret}) + "\n")
            return
        sys.stderr.write(f"The key {name!r}; it is shown this once and kept as a hash alone:\n")
        sys.stdout.write(secret + "\n")

    return _run(database, made)


def show(database: str | None, *, as_json: bool) -> int:
    """List the keys with what they have spent.

    Args:
        database: The database; the default one when unset.
        as_json: Whether to print JSON.

    Returns:
        An exit code.
    """

    async def shown(keys: Any) -> None:
        found = [(key, await keys.spent(key)) for key in await keys.all()]
        if as_json:
            sys.stdout.write(json.dumps([{**asdict(key), "spent_usd": spent} for key, spent in found]) + "\n")
            return
        for key, spent in found:
            limit = "no limit" if key.limit_usd is None else f"of {key.limit_usd} ({key.period})"
            made = datetime.fromtimestamp(key.created_at, UTC).date()
            state = "revoked" if key.revoked else "open"
            sys.stdout.write(f"{key.name}  {key.id}  {state}  since {made}  spent {spent:.6f} US dollars, {limit}\n")
        if not found:
            sys.stderr.write("There are no keys; `fusion keys add NAME` makes one.\n")

    return _run(database, shown)


def revoke(database: str | None, name: str) -> int:
    """Take a key's power away.

    Args:
        database: The database; the default one when unset.
        name: Its name or id.

    Returns:
        An exit code.
    """

    async def revoked(keys: Any) -> None:
        await keys.revoke(name)
        sys.stderr.write(f"The key {name!r} opens nothing any more.\n")

    return _run(database, revoked)


def _run(database: str | None, work: Callable[[Any], Awaitable[None]]) -> int:
    try:
        asyncio.run(_with_keys(database, work))
    except FusionError as error:
        sys.stderr.write(f"Error: {error}\n")
        return BAD_INPUT
    return OK


async def _with_keys(database: str | None, work: Callable[[Any], Awaitable[None]]) -> None:
    try:
        from fusion_graph.server.database import opened  # noqa: PLC0415 - heavy
        from fusion_graph.server.keys import Keys  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise missing_package(error.name or "sqlalchemy", "serve", "`fusion keys`") from error
    settings = ServerSettings.from_env()
    async with opened(replace(settings, database=database) if database else settings) as held:
        await work(Keys(held))

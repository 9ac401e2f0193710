"""What `fusion doctor` says of the HTTP server: its packages, its database, its keys."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from fusion_graph.doctor import Check
from fusion_graph.errors import FusionError
from fusion_graph.server.settings import ServerSettings

if TYPE_CHECKING:
    from fusion_graph.server.keys import Key

GROUP = "server"
PATIENCE = 5.0
"""Seconds that a database has to answer."""
_PACKAGES = ("fastapi", "uvicorn", "sqlalchemy", "aiosqlite", "prometheus_client", "limits", "mcp", "sse_starlette")


async def server_checks() -> list[Check]:
    """Look at what `fusion serve` needs, by the `FUSION_SERVER_...` variables; nothing is made or changed.

    Returns:
        The checks `extra serve`, `database` and `keys`, as far as each can be looked at.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        detail = f"not installed: {', '.join(missing)}"
        return [Check(GROUP, "extra serve", "off", detail, "pip install 'fusion-graph[serve]'")]
    return [Check(GROUP, "extra serve", "ok", "installed"), *await _database()]


async def _database() -> list[Check]:
    try:
        settings = ServerSettings.from_env()
        where, file = _place(settings)
        if file is not None and not file.exists():
            detail = f"{where} is not there yet; the first `fusion serve` makes it"
            return [Check(GROUP, "database", "off", detail), _keys([])]
        async with asyncio.timeout(PATIENCE):
            keys = await _read(settings)
    except FusionError as error:
        return [Check(GROUP, "database", "problem", str(error), "FUSION_SERVER_DATABASE=FILE or postgresql://...")]
    except TimeoutError:
        return [_silent(where, f"no answer within {PATIENCE:g} s")]
    except Exception as error:  # noqa: BLE001 - whatever a driver raises is what the check reports
        return [_silent(where, type(error).__name__)]
    return [Check(GROUP, "database", "ok", where), _keys(keys)]


def _place(settings: ServerSettings) -> tuple[str, Path | None]:
    from fusion_graph.server.database import postgres_url, sqlite_file  # noqa: PLC0415 - optional

    file = sqlite_file(settings)
    return (str(file), file) if file is not None else (postgres_url(settings).render_as_string(), None)


async def _read(settings: ServerSettings) -> list[Key]:
    from fusion_graph.server.database import opened  # noqa: PLC0415 - optional
    from fusion_graph.server.keys import Keys  # noqa: PLC0415 - optional

    async with opened(settings) as database:
        return await Keys(database).all()


def _silent(where: str, why: str) -> Check:
    return Check(GROUP, "database", "problem", f"{where} does not answer: {why}", "start it, or correct its address")


def _keys(keys: list[Key]) -> Check:
    made = len(keys)
    valid = sum(not key.revoked for key in keys)
    if not made:
        return Check(GROUP, "keys", "off", "none: this machine alone is served, without one", "fusion keys add NAME")
    if not valid:
        return Check(GROUP, "keys", "problem", "all are revoked: nobody is served", "fusion keys add NAME")
    return Check(GROUP, "keys", "ok", f"{valid} valid" + (f", {made - valid} revoked" if made > valid else ""))

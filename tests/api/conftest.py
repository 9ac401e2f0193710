"""The app on a loopback port, with a scripted model server behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from api_house import Api, Kept, script, serving
from keeping_house import Keeper, keeping_app
from postgres import MISSING, binaries, cluster, own_database
from tenacity import wait_none

from fusion_graph import Resources
from fusion_graph.middleware import retry
from fusion_graph.server.app import create_app
from fusion_graph.server.services import OpenGate
from fusion_graph.server.settings import ServerSettings
from fusion_graph.testing import ScriptedServer


@pytest.fixture
def server_settings() -> ServerSettings:
    """The operator's settings of the app under test; a module may override it."""
    return ServerSettings(max_body_bytes=300_000)


@pytest.fixture
def api(
    server: ScriptedServer,
    resources: Resources,
    server_settings: ServerSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Api]:
    """The running app, whose models answer as `api_house` scripts them; it asks for no key and records in a list."""
    monkeypatch.setattr(retry, "_BACKOFF", wait_none())
    script(server)
    app = create_app(server_settings, resources, gate=OpenGate())
    kept = Kept()
    with serving(app) as url:
        app.state.services.records = kept
        yield Api(url, app, server, kept)


@pytest.fixture
async def client(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the app."""
    async with httpx.AsyncClient(base_url=api.url, timeout=20) as connected:
        yield connected


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Connection string of a cluster that lives as long as the session."""
    programs = binaries()
    if programs is None:
        pytest.skip(MISSING)
    with cluster(programs) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an app stores: a SQLite file, then a PostgreSQL database of the test's own."""
    if request.param == "sqlite":
        yield str(tmp_path / "server.sqlite")
        return
    with own_database(request.getfixturevalue("postgres")) as address:
        yield address


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """A SQLite file alone."""
    return str(tmp_path / "server.sqlite")


@pytest.fixture
def scripted(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    """The model server, its models scripted as `api_house` has them."""
    monkeypatch.setattr(retry, "_BACKOFF", wait_none())
    script(server)
    return server


@pytest.fixture
def keeper(scripted: ScriptedServer, database: str) -> Iterator[Keeper]:
    """A running app that stores."""
    with keeping_app(scripted, database) as running:
        yield running


@pytest.fixture
def sqlite_keeper(scripted: ScriptedServer, sqlite: str) -> Iterator[Keeper]:
    """A running app that stores in a SQLite file."""
    with keeping_app(scripted, sqlite) as running:
        yield running


@pytest.fixture
def postgres_database(postgres: str) -> Iterator[str]:
    """A PostgreSQL database of the test's own."""
    with own_database(postgres) as address:
        yield address

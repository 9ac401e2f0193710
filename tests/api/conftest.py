"""The app on a loopback port, with a scripted model server behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from api_house import Api, Kept, script, serving
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

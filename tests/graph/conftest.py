"""The scripted house of this folder's tests."""

from __future__ import annotations

import pytest
from scripted_house import House
from tenacity import wait_none

from fusion_graph import Resources
from fusion_graph.middleware import retry
from fusion_graph.testing import ScriptedServer


@pytest.fixture
def house(server: ScriptedServer, resources: Resources, monkeypatch: pytest.MonkeyPatch) -> House:
    """A scripted panel, judge and writer; retries do not wait unless the server asks for it."""
    monkeypatch.setattr(retry, "_BACKOFF", wait_none())
    return House(server, resources)

"""The scripted house of this folder's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from priced_house import PricedHouse
from tenacity import wait_none

from fusion_graph.middleware import retry
from fusion_graph.testing import ScriptedServer


@pytest.fixture
def house(server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PricedHouse:
    """A scripted panel whose models the operator has priced; retries do not wait unless the server asks for it."""
    monkeypatch.setattr(retry, "_BACKOFF", wait_none())
    return PricedHouse(server, tmp_path)

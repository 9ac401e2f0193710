"""Where the runs of this folder are kept, and the models that answer them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from household import House
from mortal import Keep
from postgres import MISSING, binaries, cluster
from tenacity import wait_none

from fusion_graph.middleware import retry
from fusion_graph.testing import ScriptedServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Connection string of a cluster that lives as long as the session."""
    programs = binaries()
    if programs is None:
        pytest.skip(MISSING)
    with cluster(programs) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def keep(request: pytest.FixtureRequest, tmp_path: Path) -> Keep:
    """Where a run is kept: an SQLite file, then PostgreSQL."""
    return Keep.at(str(tmp_path / "runs.db") if request.param == "sqlite" else request.getfixturevalue("postgres"))


@pytest.fixture
def sqlite(tmp_path: Path) -> Keep:
    """An SQLite file alone."""
    return Keep.at(str(tmp_path / "runs.db"))


@pytest.fixture
def house(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> House:
    """A scripted panel, judge and writer."""
    monkeypatch.setattr(retry, "_BACKOFF", wait_none())
    return House(server)

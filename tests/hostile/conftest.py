"""What the hostile tests share: the scripted house of the graph tests, and a sandbox where one works."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tenacity import wait_none

from fusion_graph import Resources
from fusion_graph.errors import ConfigError
from fusion_graph.middleware import retry
from fusion_graph.shell.sandboxes import find_sandbox
from fusion_graph.testing import ScriptedServer

sys.path.insert(0, str(Path(__file__).parents[1] / "graph"))

from scripted_house import House


@pytest.fixture
def house(server: ScriptedServer, resources: Resources, monkeypatch: pytest.MonkeyPatch) -> House:
    """A scripted panel, judge and writer; retries do not wait unless the server asks for it."""
    monkeypatch.setattr(retry, "_BACKOFF", wait_none())
    return House(server, resources)


@pytest.fixture
def with_bubblewrap() -> Resources:
    """Resources whose shell is bubblewrap, where it works."""
    resources = Resources(shell="bubblewrap")
    try:
        find_sandbox(resources)
    except ConfigError as error:
        pytest.skip(f"no sandbox to test: {error}")
    return resources

"""What all tests share: no keys from outside, a closed HTTP pool, a scripted model server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from fusion_graph import Gateway, Resources
from fusion_graph.http import close_http_client
from fusion_graph.testing import ScriptedServer

_OUTSIDE = ("API_KEY", "FUSION_", "LANGSMITH_", "LANGCHAIN_", "OLLAMA_")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if any(mark in name for mark in _OUTSIDE) and not name.startswith("FUSION_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")  # discard port: nothing answers


@pytest.fixture(autouse=True)
async def _closed_pool() -> AsyncIterator[None]:
    yield
    await close_http_client()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A scripted model server; any model that a test did not script answers 404."""
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def resources(server: ScriptedServer) -> Resources:
    """Resources whose gateway is the scripted server."""
    return Resources(gateway=Gateway(server.base_url, ""))

"""The real LangSmith client, sending to a recorder on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from langsmith import run_trees, utils
from tenacity import wait_none
from trace_house import LANGSMITH_KEY
from trace_recorder import Recorder

from fusion_graph.middleware import retry


def _forget() -> None:
    """Make LangSmith read its variables again."""
    utils.get_env_var.cache_clear()
    utils.get_tracer_project.cache_clear()
    run_trees._CLIENT = None


@pytest.fixture
def send_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Switch tracing on, towards an address."""

    def switch(url: str) -> None:
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", url)
        monkeypatch.setenv("LANGSMITH_API_KEY", LANGSMITH_KEY)
        monkeypatch.setenv("LANGSMITH_PROJECT", "fusion-tests")
        monkeypatch.setenv("LANGSMITH_USE_DAEMON", "true")
        _forget()

    _forget()
    yield switch
    if run_trees._CLIENT is not None:
        run_trees._CLIENT._manual_cleanup = True  # its thread ends; `cleanup` would wait for what cannot be sent
    monkeypatch.undo()
    _forget()


@pytest.fixture
def recorder(send_to: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """Tracing is on, and what it sends is here; retries of model calls do not wait."""
    monkeypatch.setattr(retry, "_BACKOFF", wait_none())
    with Recorder() as running:
        send_to(running.url)
        yield running

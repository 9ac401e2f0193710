"""Traces of a command that ends: sent if that is quickly done, never waited for at length."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_SWITCHES = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2")
PATIENCE = 3.0
"""Seconds that a command waits for its trace to be taken."""


@contextmanager
def sent_traces() -> Iterator[None]:
    """Let what runs in the block be traced without holding up the end of the process.

    LangSmith's client sends from threads that a process waits for when it ends, half a minute for a dead endpoint and
    minutes for a slow one. Here they are daemons, and what has not been sent within `PATIENCE` is dropped. Variables
    that are set already are kept.
    """
    os.environ.setdefault("LANGSMITH_USE_DAEMON", "true")
    os.environ.setdefault("LANGSMITH_DISABLE_RUN_COMPRESSION", "true")  # it sends from a pool that is waited for too
    try:
        yield
    finally:
        _send()


def _send() -> None:
    if any(os.environ.get(name) == "true" for name in _SWITCHES):
        from langchain_core.tracers.langchain import get_client  # noqa: PLC0415

        get_client().flush(timeout=PATIENCE)

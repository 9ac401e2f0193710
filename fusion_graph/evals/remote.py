"""Stages on a deployed LangGraph Server: any number of machines do the work, the store stays here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx
from langchain_core.runnables import RunnableConfig
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_client
from langgraph_sdk.errors import APIConnectionError, APIStatusError

from fusion_graph.errors import ConfigError
from fusion_graph.evals.stages.desk import LostPlaceError
from fusion_graph.evals.stages.graphs import Trace

GRAPH = "fusion"
_AWAY = (401, 403, 404, 429, 502, 503, 504)
"""Statuses that say nothing about a run: the server lets nobody in, has forgotten the thread, or is overrun or down."""


class RemoteThreads:
    """Threads of the graph `fusion` on a server; use it as `async with`.

    Args:
        url: The server's address. A key, where it wants one, is read from `LANGSMITH_API_KEY` by the client.

    Raises:
        ConfigError: It is no address.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._client = get_client(url=url)
        except (httpx.InvalidURL, ValueError) as error:
            raise ConfigError(f"--remote {url}: this is no address: {error}; give one as http://host:port") from error
        self.graph: Any = RemoteGraph(GRAPH, client=self._client, name=GRAPH)

    async def __aenter__(self) -> Self:
        """Connect, and make sure that the server has the graph.

        Raises:
            ConfigError: Nobody answers, or the server has no such graph.
        """
        try:
            found = await self._client.assistants.search(graph_id=GRAPH, limit=1)
        except Exception as error:  # the client raises what its transport and the server make it
            await self._client.aclose()
            raise ConfigError(f"--remote {self.url}: the server does not answer: {error}") from error
        if not found:
            await self._client.aclose()
            raise ConfigError(f"--remote {self.url}: the server has no graph {GRAPH!r}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._client.aclose()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[RunnableConfig]:
        """Open a thread that is gone afterwards.

        Raises:
            LostPlaceError: The server went away, then or while the thread was open.
        """
        thread = str(uuid4())
        with self._there():
            await self._client.threads.create(thread_id=thread, graph_id=GRAPH)
        try:
            with self._there():
                yield {"configurable": {"thread_id": thread}}
        except LostPlaceError:
            raise  # whoever is away deletes nothing
        except BaseException:
            await self._client.threads.delete(thread)
            raise
        with self._there():
            await self._client.threads.delete(thread)

    @contextmanager
    def _there(self) -> Iterator[None]:
        """Tell a server that is away from a run that failed."""
        try:
            yield
        except (httpx.TransportError, APIConnectionError, APIStatusError) as error:
            if isinstance(error, APIStatusError) and error.status_code not in _AWAY:
                raise
            said = str(error) or type(error).__name__
            raise LostPlaceError(f"the server {self.url} does not answer as it should: {said}") from error

    def prepared(self, thread: RunnableConfig, trace: Trace) -> tuple[RunnableConfig, dict[str, Any]]:
        """Take over the run's id from the server, which traces under it if it traces.

        What a connection that breaks has missed is sent again: the audit needs every tool's result.
        """
        told = {"on_run_created": lambda run: setattr(trace, "id", run.get("run_id"))}
        return thread, {**told, "stream_resumable": True}

"""Stages on a deployed LangGraph Server: any number of machines do the work, the store stays here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from langchain_core.runnables import RunnableConfig
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_client

from fusion_graph.errors import ConfigError

GRAPH = "fusion"


class RemoteThreads:
    """Threads of the graph `fusion` on a server; use it as `async with`.

    Args:
        url: The server's address. A key, where it wants one, is read from `LANGSMITH_API_KEY` by the client.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = get_client(url=url)
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
        """Open a thread that is gone afterwards."""
        thread = str(uuid4())
        await self._client.threads.create(thread_id=thread, graph_id=GRAPH)
        try:
            yield {"configurable": {"thread_id": thread}}
        finally:
            await self._client.threads.delete(thread)

"""Runs plans on the graphs, and tells what happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Protocol, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import StreamMode

from fusion_graph.agent import build_fusion_agent
from fusion_graph.errors import FusionError
from fusion_graph.graph import Graph, build_deliberation_graph, build_fusion_graph
from fusion_graph.resources import Resources
from fusion_graph.server.disconnects import cancelled
from fusion_graph.server.entering import Again, Since, entry, made_ready
from fusion_graph.server.event_buffer import EventBuffer
from fusion_graph.server.failed_runs import refused
from fusion_graph.server.plan import GraphName, RunPlan
from fusion_graph.server.run_events import RunEvent
from fusion_graph.server.translate import Translator

_BUILD = {"fusion": build_fusion_graph, "deliberation": build_deliberation_graph, "fusion_agent": build_fusion_agent}


class Engine(Protocol):
    """Runs plans, here or on another server."""

    def stream(
        self,
        plan: RunPlan,
        *,
        thread_id: str | None = None,
        resume: bool = False,
        again: Again | None = None,
        since: Since | None = None,
    ) -> AsyncGenerator[RunEvent, None]:
        """Run a plan.

        Args:
            plan: What to run.
            thread_id: Where the run is saved, step by step; nowhere when unset.
            resume: Whether to go on with what was saved there.
            again: The earlier run, on a thread made ready, that this one takes up.
            since: How far its stream was read before, where another server runs it.

        Yields:
            What happens, `Ended` last. Closing the generator cancels the run, down to its HTTP requests, unless
            another server runs it: then `stop` does.

        Raises:
            ApiError: The run cannot start, or cannot be taken up.
        """

    async def made_ready(self, plan: RunPlan, thread_id: str, again: Again) -> Again:
        """Make sure that an earlier run can be taken up.

        Args:
            plan: What to run.
            thread_id: A copy of the earlier run's thread.
            again: What is asked.

        Returns:
            What to run it with.

        Raises:
            ApiError: There is nothing to take up.
        """

    async def stop(self, thread_id: str) -> None:
        """End what another server runs on a thread."""


class LocalEngine:
    """Runs plans in this process.

    Args:
        resources: The operator's side of the graphs.
        checkpointer: Where runs with a thread are saved.
    """

    def __init__(self, resources: Resources, checkpointer: BaseCheckpointSaver[Any] | None = None) -> None:
        self._resources = resources
        self._checkpointer = checkpointer
        self._graphs: dict[tuple[GraphName, bool], Graph] = {}

    async def stream(
        self,
        plan: RunPlan,
        *,
        thread_id: str | None = None,
        resume: bool = False,
        again: Again | None = None,
        since: Since | None = None,
    ) -> AsyncGenerator[RunEvent, None]:
        """Run a plan; see `Engine.stream`."""
        del since
        buffer = EventBuffer()
        run = asyncio.create_task(self._run(plan, thread_id, buffer, resume=resume, again=again))
        try:
            async for event in buffer:
                yield event
        finally:
            await cancelled(run)

    async def made_ready(self, plan: RunPlan, thread_id: str, again: Again) -> Again:
        """Make sure that an earlier run can be taken up; see `Engine.made_ready`."""
        try:
            return await made_ready(self._graph(plan.graph, saved=True), _config(thread_id), again)
        except FusionError as error:
            raise refused(error) from error

    async def stop(self, thread_id: str) -> None:
        """Nothing is left to do: closing a run's generator ends it."""

    async def _run(self, plan: RunPlan, thread_id: str | None, buffer: EventBuffer, **how: Any) -> None:
        try:
            async for event in self._events(plan, thread_id, **how):
                buffer.put(event)
        except FusionError as error:
            buffer.close(refused(error))
        except Exception as error:  # noqa: BLE001 - the boundary: the reader gets it, whatever it is
            buffer.close(error)
        else:
            buffer.close()

    async def _events(self, plan: RunPlan, thread_id: str | None, **how: Any) -> AsyncGenerator[RunEvent, None]:
        graph = self._graph(plan.graph, saved=thread_id is not None)
        begin = await entry(graph, plan, _config(thread_id), **how)
        for event in begin.known:
            yield event
        taken, translator = begin.taken, Translator(len(plan.messages))
        modes: list[StreamMode] = ["custom", "messages", "values"]
        parts = graph.astream(taken.given, taken.config, context=taken.context, stream_mode=modes, subgraphs=True)
        async with aclosing(cast("AsyncGenerator[tuple[tuple[str, ...], str, Any], None]", parts)) as stream:
            async for namespace, mode, data in stream:
                for event in translator.take(namespace, mode, data):
                    yield event
        for event in translator.end():
            yield event

    def _graph(self, name: GraphName, *, saved: bool) -> Graph:
        key = (name, saved)
        if key not in self._graphs:
            checkpointer = self._checkpointer if saved else None
            self._graphs[key] = _BUILD[name](resources=self._resources, checkpointer=checkpointer)
        return self._graphs[key]


def _config(thread_id: str | None) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id}} if thread_id else {}

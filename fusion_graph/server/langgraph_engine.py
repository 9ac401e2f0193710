"""Inside LangGraph Server: stored runs are runs on its threads, which its own workers carry out, save and take up."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, cast

import httpx
from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import RunnableConfig
from langgraph.pregel.remote import RemoteGraph
from langgraph.types import Command, Send, StateSnapshot
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import APIStatusError, NotFoundError
from langgraph_sdk.schema import StreamPart
from typing_extensions import override

from fusion_graph import errors
from fusion_graph.graph import Graph
from fusion_graph.runs import TakenUp
from fusion_graph.server.engine import Engine
from fusion_graph.server.entering import Again, Entry, Since, entry, made_ready
from fusion_graph.server.errors import ApiError
from fusion_graph.server.failed_runs import refused
from fusion_graph.server.langgraph_messages import read_state, wire_messages
from fusion_graph.server.langgraph_threads import ServedThreads
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.run_events import Reached, RunEvent
from fusion_graph.server.translate import Translator

MODES: Any = ["custom", "messages-tuple", "values"]
BEGINNING = "0"
"""Sorts before the id of every part of a stream."""
_UNDER_WAY = ("pending", "running")
_NAMES = {"messages-tuple": "messages"}


class ServedEngine:
    """Runs plans on LangGraph Server.

    Args:
        local: Runs what is not stored, in this process.
        owner_key: The metadata field that says whose a thread is.
    """

    def __init__(self, local: Engine, owner_key: str = "owner") -> None:
        self._local = local
        self._owner_key = owner_key
        self._held: LangGraphClient | None = None

    @property
    def client(self) -> LangGraphClient:
        """The server that this process is part of."""
        if self._held is None:
            self._held = get_client()
        return self._held

    @property
    def threads(self) -> ServedThreads:
        """The server's threads."""
        return ServedThreads(lambda: self.client)

    async def stream(
        self,
        plan: RunPlan,
        *,
        thread_id: str | None = None,
        resume: bool = False,
        again: Again | None = None,
        since: Since | None = None,
    ) -> AsyncGenerator[RunEvent, None]:
        """Run a plan; see `Engine.stream`. Closing the generator leaves a run on a thread as it is; `stop` ends it."""
        if thread_id is None:
            async with aclosing(self._local.stream(plan)) as events:
                async for event in events:
                    yield event
            return
        run_id = await self._latest(thread_id) if resume else None
        if run_id is None:
            begin = await self._entry(plan, thread_id, again, resume=resume)
            for event in begin.known:
                yield event
            parts, since = self._begun(plan, thread_id, begin.taken), None
        else:
            last = since.cursor if since else BEGINNING
            parts = self.client.runs.join_stream(thread_id, run_id, last_event_id=last)
        async with aclosing(self._told(plan, thread_id, parts, since)) as events:
            async for event in events:
                yield event

    async def made_ready(self, plan: RunPlan, thread_id: str, again: Again) -> Again:
        """Make sure that an earlier run can be taken up; see `Engine.made_ready`."""
        try:
            return await made_ready(self._graph(plan), _config(thread_id), again)
        except errors.FusionError as error:
            raise refused(error) from error

    async def stop(self, thread_id: str) -> None:
        """End what runs on a thread, down to its HTTP requests."""
        try:
            runs = await self.client.runs.list(thread_id, limit=5)
        except NotFoundError:  # it never began
            return
        for run in runs:
            if run["status"] in _UNDER_WAY:
                await self._cancelled(thread_id, run["run_id"])

    async def _cancelled(self, thread_id: str, run_id: str) -> None:
        """Cancel a run; one that has ended since it was listed cannot be, and need not."""
        try:
            await self.client.runs.cancel(thread_id, run_id, wait=True)
        except (httpx.HTTPStatusError, APIStatusError):
            try:
                run = await self.client.runs.get(thread_id, run_id)
            except NotFoundError:
                return
            if run["status"] in _UNDER_WAY:
                raise

    def _graph(self, plan: RunPlan) -> Graph:
        return cast("Graph", _ServedGraph(plan.graph, client=self.client))

    async def _latest(self, thread_id: str) -> str | None:
        try:
            runs = await self.client.runs.list(thread_id, limit=1)
        except NotFoundError:
            return None
        return runs[0]["run_id"] if runs and runs[0]["status"] in (*_UNDER_WAY, "success") else None

    async def _entry(self, plan: RunPlan, thread_id: str, again: Again | None, *, resume: bool) -> Entry:
        metadata = {self._owner_key: plan.owner, "graph_id": plan.graph}
        await self.client.threads.create(thread_id=thread_id, metadata=metadata, if_exists="do_nothing")
        try:
            return await entry(self._graph(plan), plan, _config(thread_id), resume=resume, again=again)
        except errors.FusionError as error:
            raise refused(error) from error

    def _begun(self, plan: RunPlan, thread_id: str, taken: TakenUp) -> AsyncIterator[StreamPart]:
        context = taken.context
        return self.client.runs.stream(
            thread_id,
            plan.graph,
            **_given(taken),
            context=None if context is None else context.model_dump(mode="json", exclude_unset=True),
            stream_mode=MODES,
            stream_subgraphs=True,
            stream_resumable=True,
            on_disconnect="continue",
            multitask_strategy="reject",
            durability="sync",
            metadata={self._owner_key: plan.owner},
        )

    async def _told(
        self, plan: RunPlan, thread_id: str, parts: AsyncIterator[StreamPart], since: Since | None
    ) -> AsyncGenerator[RunEvent, None]:
        last = StreamPart("", {}, since.cursor if since else BEGINNING)
        translator = Translator(len(plan.messages), since.said if since else "")
        yield Reached(last.id or BEGINNING)
        async for part in parts:
            if part.event == "error":
                raise _failure(part.data)
            if part.id is not None:
                if _heard_before(part, last):
                    continue
                last = part
            for event in _heard(translator, part.event, part.data):
                yield event
            yield Reached(last.id or BEGINNING)
        await self._look(thread_id, translator)
        for event in translator.end():
            yield event
        yield Reached(last.id or BEGINNING)

    async def _look(self, thread_id: str, translator: Translator) -> None:
        """Take in how the thread's run ended, whatever of its stream was still there."""
        [run] = await self.client.runs.list(thread_id, limit=1)
        if run["status"] in ("error", "timeout", "interrupted"):
            raise ApiError(500, f"LangGraph Server ended the run: {run['status']}", code="run_broken")
        state = await self.client.threads.get_state(thread_id)
        translator.take((), "values", read_state(cast("dict[str, Any]", state["values"])))


class _ServedGraph(RemoteGraph):
    """A graph of the server as the functions of `runs` use one: its states hold messages."""

    checkpointer = True

    @override
    async def aget_state(self, config: RunnableConfig, **how: Any) -> StateSnapshot:
        saved = await super().aget_state(config, **how)
        values = read_state(saved.values) if isinstance(saved.values, Mapping) else {}
        return saved._replace(values=values)

    @override
    async def aupdate_state(
        self, config: RunnableConfig, values: Any, as_node: str | None = None, **how: Any
    ) -> RunnableConfig:
        return await super().aupdate_state(config, wire_messages(values), as_node, **how)


def _config(thread_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id}}


def _given(taken: TakenUp) -> dict[str, Any]:
    given = taken.given
    if not isinstance(given, Command):
        return {"input": None if given is None else wire_messages(given)}
    sends = given.goto if isinstance(given.goto, list | tuple) else [given.goto]
    goto = [{"node": send.node, "input": wire_messages(send.arg)} for send in sends if isinstance(send, Send)]
    return {"command": {"update": wire_messages(given.update), "goto": goto}}


def _heard(translator: Translator, name: str, data: Any) -> list[RunEvent]:
    mode, *namespace = name.split("|")
    mode = _NAMES.get(mode, mode)
    if mode == "messages":
        message, metadata = data
        if message.get("type") != "AIMessageChunk":
            return []
        return translator.take(namespace, mode, (AIMessageChunk.model_validate(message), metadata))
    if mode == "values":
        return translator.take(namespace, mode, read_state(data) if isinstance(data, Mapping) else data)
    return translator.take(namespace, mode, data) if mode == "custom" else []


def _heard_before(part: StreamPart, last: StreamPart) -> bool:
    """Whether a part came twice, as it may while a stream is joined; `langgraph dev` gives several parts one id."""
    place, reached = _place(part.id or BEGINNING), _place(last.id or BEGINNING)
    return place < reached or (place == reached and part == last)


def _place(part_id: str) -> tuple[int, ...]:
    """Order the ids of a stream's parts: milliseconds and a number, `1795323467834-10`."""
    return tuple(int(number) for number in part_id.split("-"))


def _failure(data: Any) -> Exception:
    told = data if isinstance(data, Mapping) else {}
    kind = getattr(errors, str(told.get("error")), None)
    message = str(told.get("message", ""))
    if isinstance(kind, type) and issubclass(kind, errors.FusionError):
        return refused(kind(message))
    return RuntimeError(f"LangGraph Server: {told.get('error')}")

"""Runs in processes that can be killed at any moment: what happens in them is seen at the model server alone."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command

from fusion_graph import (
    FusionConfig,
    Gateway,
    Resources,
    build_fusion_agent,
    build_fusion_graph,
    fork_before_judge,
    fork_before_writer,
    retry_failed,
)

os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"  # the processes below refuse what LangGraph will refuse one day
QUESTION = "Does a carbon tax cut emissions?"
_MORTALS = get_context("forkserver")
_MORTALS.set_forkserver_preload(
    [
        "fusion_graph.agent",
        "fusion_graph.runs",
        "langchain_openai",
        "langgraph.checkpoint.postgres.aio",
        "langgraph.checkpoint.sqlite.aio",
    ]
)
_TAKEN_UP = {one.__name__: one for one in (retry_failed, fork_before_judge, fork_before_writer)}


@dataclass(frozen=True)
class Keep:
    """Where runs are kept, and under which thread.

    Attributes:
        address: Path of an SQLite file, or a connection string of PostgreSQL.
        thread: The thread's id.
    """

    address: str
    thread: str

    @classmethod
    def at(cls, address: str) -> Keep:
        """Make one with a thread of its own."""
        return cls(address, uuid4().hex)

    @property
    def config(self) -> RunnableConfig:
        """The thread's config."""
        return {"configurable": {"thread_id": self.thread}}

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[BaseCheckpointSaver[Any]]:
        """Open the checkpointer."""
        if self.address.startswith("postgresql:"):
            async with AsyncPostgresSaver.from_conn_string(self.address) as saver:
                await saver.setup()
                yield saver
        else:
            async with AsyncSqliteSaver.from_conn_string(self.address) as saver:
                await saver.setup()
                yield saver


@dataclass(frozen=True)
class Life:
    """What one process does.

    Attributes:
        keep: Where its run is kept.
        gateway: Address of the model server.
        config: What the graph is built with.
        kind: Which graph: `fusion`, `agent`, or `host` for a graph that holds a fusion as a node.
        act: `ask`, `resume`, or a function of `fusion_graph.runs`.
        given: What a person answers, for `resume`.
        context: The run's context.
    """

    keep: Keep
    gateway: str
    config: dict[str, Any]
    kind: Literal["fusion", "agent", "host"] = "fusion"
    act: str = "ask"
    given: Any = None
    context: dict[str, Any] | None = None
    corpus: str | None = None


def built(life: Life, saver: BaseCheckpointSaver[Any]) -> Any:
    """Build the graph of a life."""
    settings = FusionConfig.model_validate(life.config)
    resources = Resources(gateway=Gateway(life.gateway, ""), corpus=Path(life.corpus) if life.corpus else None)
    if life.kind == "fusion":
        return build_fusion_graph(settings, resources=resources, checkpointer=saver)
    if life.kind == "agent":
        return build_fusion_agent(settings, resources=resources, checkpointer=saver)
    host = StateGraph(MessagesState)
    host.add_node("panel", build_fusion_graph(settings, resources=resources))
    host.add_edge(START, "panel")
    host.add_edge("panel", END)
    return host.compile(checkpointer=saver)


async def lived(life: Life) -> dict[str, Any]:
    """Do it, and return what came out, as plain data."""
    async with life.keep.opened() as saver:
        graph, config = built(life, saver), life.keep.config
        if life.act in _TAKEN_UP:
            output = await _TAKEN_UP[life.act](graph, config, context=life.context)
        else:
            resumed = None if life.given is None else Command(resume=life.given)
            begun = {"messages": [HumanMessage(QUESTION)]} if life.act == "ask" else resumed
            asked = {"durability": "sync"} if life.kind == "host" else {}  # as docs/durability.md says of hosts
            output = await graph.ainvoke(begun, config, context=life.context, **asked)
    plain = {**output, "messages": [(message.type, str(message.text)) for message in output["messages"]]}
    plain["__interrupt__"] = [one.value for one in output.get("__interrupt__", ())]
    return dict(json.loads(json.dumps(plain)))


class _Remembered(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _main(life: Life, pipe: Connection) -> None:
    remembered = _Remembered()
    logging.getLogger().addHandler(remembered)
    warnings.simplefilter("error")
    try:
        output, error = asyncio.run(lived(life)), None
    except Exception as raised:  # noqa: BLE001 - told to the process that waits
        output, error = None, f"{type(raised).__name__}: {raised}"
    pipe.send((output, error, remembered.lines))


class Mortal:
    """A process at work.

    Args:
        life: What it does.
    """

    def __init__(self, life: Life) -> None:
        self._pipe, theirs = _MORTALS.Pipe(duplex=False)
        self._process = _MORTALS.Process(target=_main, args=(life, theirs))
        self._process.start()
        theirs.close()

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    async def output(self, seconds: float = 30.0) -> dict[str, Any]:
        """Wait for what comes out; a warning in the log or from Python is an error."""
        if not await asyncio.to_thread(self._pipe.poll, seconds):
            self.kill()
            raise TimeoutError(f"nothing came out within {seconds:g} s")
        output, error, lines = self._pipe.recv()
        self._process.join()
        self._pipe.close()
        if error is not None or lines:
            raise RuntimeError(f"{error}; logged: {lines}")
        return dict(output)

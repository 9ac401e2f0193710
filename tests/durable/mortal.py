"""Runs in processes that can be killed at any moment: what happens in them is seen at the model server alone."""

from __future__ import annotations

import asyncio
import json
import logging
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

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
    build_deliberation_graph,
    build_fusion_agent,
    build_fusion_graph,
    fork_before_judge,
    fork_before_writer,
    retry_failed,
)

CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}}
_MORTALS = get_context("forkserver")
_MORTALS.set_forkserver_preload(["mortal"])
_DOERS = {
    "retry_failed": retry_failed,
    "fork_before_judge": fork_before_judge,
    "fork_before_writer": fork_before_writer,
}


@dataclass(frozen=True)
class Life:
    """What one process does.

    Attributes:
        store: Path of an SQLite file, or a connection string of PostgreSQL.
        gateway: Address of the model server.
        config: What the graph is built with.
        act: `ask`, `resume`, or a function of `fusion_graph.runs`.
        kind: Which graph: `fusion`, `deliberation`, `agent`, or `host` for one that holds a fusion.
        given: What a person answers an interrupt with, for `resume`.
        context: The run's settings.
        corpus: A folder for the tools.
    """

    store: str
    gateway: str
    config: dict[str, Any]
    act: str = "ask"
    kind: str = "fusion"
    given: Any = None
    context: dict[str, Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)


@asynccontextmanager
async def opened(store: str) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """Open a checkpointer."""
    if store.startswith("postgresql:"):
        async with AsyncPostgresSaver.from_conn_string(store) as saver:
            await saver.setup()
            yield saver
    else:
        async with AsyncSqliteSaver.from_conn_string(store) as saver:
            yield saver


def built(life: Life, saver: BaseCheckpointSaver[Any]) -> Any:
    """Build the graph of a life."""
    settings, resources = FusionConfig.model_validate(life.config), Resources(gateway=Gateway(life.gateway, ""))
    if life.kind == "agent":
        return build_fusion_agent(settings, resources=resources, checkpointer=saver)
    if life.kind == "deliberation":
        return build_deliberation_graph(settings, resources=resources, checkpointer=saver)
    if life.kind == "fusion":
        return build_fusion_graph(settings, resources=resources, checkpointer=saver)
    host = StateGraph(MessagesState)
    host.add_node("panel", build_fusion_graph(settings, resources=resources))
    host.add_edge(START, "panel")
    host.add_edge("panel", END)
    return host.compile(checkpointer=saver)


async def lived(life: Life) -> dict[str, Any]:
    """Do it, and return what came out, as plain data."""
    async with opened(life.store) as saver:
        graph = built(life, saver)
        if life.act == "ask":
            output = await graph.ainvoke(
                {"messages": [HumanMessage("Why?")]}, CONFIG, context=life.context, **life.options
            )
        elif life.act == "resume":
            given = None if life.given is None else Command(resume=life.given)
            output = await graph.ainvoke(given, CONFIG, context=life.context, **life.options)
        else:
            output = await _DOERS[life.act](graph, CONFIG, context=life.context)
        output = dict(output)
        output["messages"] = [(message.type, str(message.text)) for message in output["messages"]]
        if "__interrupt__" in output:
            output["__interrupt__"] = [one.value for one in output["__interrupt__"]]
        return json.loads(json.dumps(output))


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
        output = asyncio.run(lived(life))
    except BaseException as error:
        pipe.send((None, f"{type(error).__name__}: {error}", remembered.lines))
        raise
    pipe.send((output, None, remembered.lines))


class Mortal:
    """One process at work."""

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
        """Wait for what comes out; a log line above INFO is an error."""
        if not await asyncio.to_thread(self._pipe.poll, seconds):
            self.kill()
            raise TimeoutError(f"nothing came out within {seconds:g} s")
        output, error, lines = self._pipe.recv()
        self._process.join()
        self._pipe.close()
        if error is not None:
            raise RuntimeError(error)
        assert lines == []
        return dict(output)

"""Stages as runs of the graph `fusion`, the one that serves users: begun, stopped between nodes, taken up elsewhere.

A panel answer is a run with one seat that stops before the judge. An analysis is a thread that is given the outcomes of
a panel as if its panelists had just ended, and runs to the writer. A final answer is given the analysis as well.
LangGraph Server offers the same calls through `RemoteGraph`, so in-process and deployed graphs are driven alike.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID, uuid4

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage, convert_to_messages
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langsmith.utils import tracing_is_enabled

from fusion_graph.answer import FALLBACK
from fusion_graph.config import FusionConfig, Seat
from fusion_graph.drafts_block import default_seed
from fusion_graph.evals.stages.parts import ASKED, Compared, ToolUse, Written
from fusion_graph.graph import build_fusion_graph
from fusion_graph.outcomes import PanelistOutcome
from fusion_graph.receipt import Receipt
from fusion_graph.resources import Resources
from fusion_graph.seats import resolved
from fusion_graph.sources import found_in

CHOSEN = "named in the eval file"
_UNBOUNDED = 10**9
"""A window that bounds nothing: the writer's own does."""


@dataclass(slots=True)
class Trace:
    """Under which id a run is traced.

    Attributes:
        id: The id; `None` where nothing traces, or where it is not known yet.
    """

    id: str | None = None


class Threads(Protocol):
    """A graph, and a place for its threads."""

    @property
    def graph(self) -> Any:
        """The graph `fusion`, compiled with a checkpointer, or a `RemoteGraph` of it."""

    def opened(self) -> AbstractAsyncContextManager[RunnableConfig]:
        """Open a thread that is gone afterwards; gives its config."""

    def prepared(self, thread: RunnableConfig, trace: Trace) -> tuple[RunnableConfig, dict[str, Any]]:
        """Give a run's config, and what else `astream` takes; the run's id goes into `trace`, now or as it begins."""


class LocalThreads:
    """Threads of a graph in this process.

    Args:
        resources: The operator's side.
    """

    def __init__(self, resources: Resources) -> None:
        self._saver = InMemorySaver()
        self.graph = build_fusion_graph(resources=resources, checkpointer=self._saver)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[RunnableConfig]:
        """Open a thread that is gone afterwards."""
        thread = uuid4().hex
        try:
            yield {"configurable": {"thread_id": thread}}
        finally:
            await self._saver.adelete_thread(thread)

    def prepared(self, thread: RunnableConfig, trace: Trace) -> tuple[RunnableConfig, dict[str, Any]]:
        """Name the run's trace, if anything traces here."""
        if not tracing_is_enabled():
            return thread, {}
        trace.id = str(uuid4())
        return {**thread, "run_id": UUID(trace.id)}, {}


class GraphStages:
    """Runs single stages.

    Args:
        threads: Where they run.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    async def seat(
        self, settings: FusionConfig, question: str, trace: Trace | None = None
    ) -> tuple[PanelistOutcome, list[ToolUse]]:
        """Let one seat research and draft.

        Args:
            settings: A panel of one.
            question: What is asked.
            trace: Told the id of its trace.

        Returns:
            How it ended, and what its tools returned.
        """
        begun = {"messages": [{"role": "user", "content": question}]}
        async with self._threads.opened() as thread:
            evidence = await self._run(thread, begun, settings, before=["judge"], trace=trace)
            values = await self._values(thread)
            await self._end(thread, values)
        outcome = next(iter(values["outcomes"].values()))
        return PanelistOutcome.model_validate(outcome), evidence

    async def analysis(
        self, settings: FusionConfig, question: str, outcomes: Sequence[PanelistOutcome]
    ) -> tuple[Compared, list[ToolUse]]:
        """Let the judge compare drafts.

        Args:
            settings: What concerns the judge.
            question: What was asked.
            outcomes: How the panel's seats ended; at least one has a draft.

        Returns:
            What the judge left, and what its tools returned.
        """
        async with self._threads.opened() as thread:
            await self._reopen(thread, settings, question, outcomes)
            evidence = await self._run(thread, None, None, before=["review", "writer"])
            values = await self._values(thread)
            await self._end(thread, values)
        return Compared.model_validate({name: values[name] for name in Compared.model_fields}), evidence

    async def final(
        self,
        settings: FusionConfig,
        question: str,
        outcomes: Sequence[PanelistOutcome],
        compared: Compared | None,
        trace: Trace | None = None,
    ) -> Written:
        """Let the writer write.

        Args:
            settings: What concerns the writer.
            question: What was asked.
            outcomes: How the panel's seats ended; at least one has a draft.
            compared: What the judge left; `None` where there is none, and the writer works from the drafts.
            trace: Told the id of its trace.

        Returns:
            What it wrote.
        """
        left = {"analysis": None, "window": _UNBOUNDED} if compared is None else compared.model_dump()
        async with self._threads.opened() as thread:
            await self._reopen(thread, settings, question, outcomes)
            await self._run(thread, None, None, before=["judge"])  # `join` alone: it asks no model
            await self._threads.graph.aupdate_state(thread, left, as_node="judge")
            await self._run(thread, None, None, trace=trace)
            return _written(await self._values(thread))

    async def _reopen(
        self, thread: RunnableConfig, settings: FusionConfig, question: str, outcomes: Sequence[PanelistOutcome]
    ) -> None:
        seed = default_seed(question) if settings.seed is None else settings.seed
        values = {
            "messages": [{"role": "user", "content": question}],
            "settings": [settings.model_dump(mode="json", exclude_unset=True)],
            "run_key": uuid4().hex,
            "process": "",
            "seats": [_labelled(seat, outcomes).model_dump(mode="json") for seat in resolved(settings)],
            "outcomes": {outcome.seat_id: outcome.model_dump(mode="json") for outcome in outcomes},
            "shown": [],
            "window": 0,
            "analysis": None,
            "responses": [],
            "failed_models": [],
            "sources": [],
            "receipt": Receipt(chosen=CHOSEN, seed=seed, blind=settings.blind).as_state(),
            "status": "",
            "failure_reason": None,
        }
        await self._threads.graph.aupdate_state(thread, values, as_node="panelist")

    async def _run(
        self,
        thread: RunnableConfig,
        begun: Any,
        settings: FusionConfig | None,
        *,
        before: Sequence[str] = (),
        trace: Trace | None = None,
    ) -> list[ToolUse]:
        """Run on to where it is to stop, and gather what tools return on the way."""
        context = None if settings is None else settings.model_dump(mode="json", exclude_unset=True)
        config, more = self._threads.prepared(thread, trace or Trace())
        found: list[ToolUse] = []
        stream = self._threads.graph.astream(
            begun,
            config,
            context=context,
            interrupt_before=list(before) or None,
            stream_mode=["updates"],
            subgraphs=True,
            **more,
        )
        async for namespace, _mode, update in stream:
            if namespace:
                found += _tool_uses(update)
        return found

    async def _values(self, thread: RunnableConfig) -> dict[str, Any]:
        return dict((await self._threads.graph.aget_state(thread)).values)

    async def _end(self, thread: RunnableConfig, values: Mapping[str, Any]) -> None:
        """End a run that was stopped on the way: without a draft it goes to its end, and lets go of what it held."""
        dropped = {seat: {**outcome, "review": "dropped"} for seat, outcome in values["outcomes"].items()}
        await self._threads.graph.aupdate_state(thread, {"outcomes": dropped}, as_node="panelist")
        await self._run(thread, None, None)


def _labelled(seat: Seat, outcomes: Sequence[PanelistOutcome]) -> Seat:
    label = next((outcome.label for outcome in outcomes if outcome.seat_id == seat.id), seat.label)
    return seat.model_copy(update={"label": label})


def _tool_uses(update: Any) -> list[ToolUse]:
    """Read from an update of a sub-agent what tools were asked, and what they returned."""
    found: list[ToolUse] = []
    for message in (message for node in _nodes(update) for message in _messages(node)):
        if isinstance(message, ToolMessage):
            urls = [source.url for source in found_in([message])]
            found.append(ToolUse(str(message.name or "tool"), str(message.text), urls))
        elif isinstance(message, AIMessage):
            calls = message.tool_calls
            found += [ToolUse(call["name"] + ASKED, json.dumps(call["args"], ensure_ascii=False)) for call in calls]
    return found


def _nodes(update: Any) -> list[Any]:
    return [node for node in update.values() if isinstance(node, dict)] if isinstance(update, dict) else []


def _messages(node: dict[str, Any]) -> list[BaseMessage]:
    held = node.get("messages")
    return convert_to_messages(held) if isinstance(held, list) else []


def _written(values: Mapping[str, Any]) -> Written:
    receipt = values["receipt"]
    last = convert_to_messages(values["messages"][-1:])[0]
    stand_in = FALLBACK in last.additional_kwargs or last.type != "ai"
    marks = [] if stand_in else last.additional_kwargs.get("annotations") or []
    return Written(
        answer="" if stand_in else str(last.text),
        receipt=receipt,
        citations=dict(Counter(str(mark["url"]) for mark in marks)),
        sources=values["sources"],
    )


async def fingerprint(resources: Resources) -> dict[str, Any]:
    """Say where stages run, as their keys have it: which gateway answers, and what the folder holds.

    Args:
        resources: The operator's side.

    Returns:
        Plain data.
    """
    from fusion_graph.evals.stages.folders import folder_digest  # noqa: PLC0415 - only where there is a folder

    corpus = await asyncio.to_thread(folder_digest, resources.corpus) if resources.corpus else None
    return {"gateway": resources.gateway.base_url.rstrip("/"), "corpus": corpus, "searxng": resources.searxng_url}

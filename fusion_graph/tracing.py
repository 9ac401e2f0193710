"""What traces say beyond what LangChain records: who served a part, how it ended, what it cost.

LangChain's tracer sends a run when it starts and again when it ends. What is known only then is added to the run while
it is open. Nothing here does anything where no LangSmith tracer listens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp

from fusion_graph.handlers import heard_first
from fusion_graph.receipt import PartReceipt, Receipt, SeatReceipt
from fusion_graph.usage import Usage

if TYPE_CHECKING:
    from langchain_core.tracers.langchain import LangChainTracer

Facts = Mapping[str, Any]


def note_part(config: RunnableConfig, facts: Facts) -> None:
    """Add to the run of the node that did a part's work.

    Args:
        config: The node's config.
        facts: Metadata, such as `part_facts` gives.
    """
    for tracer in tracers_of(config):
        _add(tracer, _node(config), facts)


def note_run(config: RunnableConfig, receipt: Receipt) -> None:
    """Add a summary of the final receipt to the run of the graph.

    Args:
        config: The config of the node that ends the run.
        receipt: The final receipt.
    """
    for tracer in tracers_of(config):
        node = tracer.run_map.get(str(_node(config)))
        if node is not None and node.parent_run_id is not None:
            _add(tracer, node.parent_run_id, run_facts(receipt))


def noted_at_end(config: RunnableConfig, facts: Callable[[Any], Facts]) -> RunnableConfig:
    """Make a config whose own run is told what it came to, as it ends.

    Args:
        config: The config of a nested run, made by `part_config`.
        facts: Gives the metadata for the run's output, or for the exception that ended it.

    Returns:
        A config for the same run; the same one where nothing traces.
    """
    tracers = list(tracers_of(config))
    if not tracers:
        return config
    return heard_first(config, _AtEnd(tracers, facts), inherit=False)


def note_cancelled(config: RunnableConfig, error: BaseException) -> None:
    """End the traced model calls that a cancellation cut short; LangChain leaves them open.

    Args:
        config: The config of the nested run that was cancelled.
        error: The cancellation.
    """
    for tracer in tracers_of(config):
        for run in list(tracer.run_map.values()):
            if run.run_type == "llm" and str(_node(config)) in run.dotted_order:
                tracer.on_llm_error(error, run_id=run.id)


def part_facts(name: str, part: SeatReceipt | PartReceipt) -> dict[str, Any]:
    """Say what a part came to.

    Args:
        name: Seat id, `judge`, `writer` or `caller`.
        part: Its receipt.

    Returns:
        Flat metadata; what is unknown is left out.
    """
    facts: dict[str, Any] = {"outcome": "ok" if part.failure is None else "failed"}
    if isinstance(part, SeatReceipt):
        facts = {"outcome": part.outcome, "seat_id": name, "seat_label": part.label, "seat_role": part.role}
        facts["answered_by"] = part.answered_by
    return _known(
        {
            "fusion_part": name,
            **facts,
            "failure": part.failure.kind if part.failure else None,
            **part.model_dump(include={"requested_model", "served_model", "finish_reason", "calls", "tool_calls"}),
            **_used(part.usage),
        }
    )


def run_facts(receipt: Receipt) -> dict[str, Any]:
    """Say what a run came to.

    Args:
        receipt: Its final receipt.

    Returns:
        Flat metadata; what is unknown is left out.
    """
    totals = receipt.totals
    return _known(
        {
            "status": receipt.status,
            "failure_reason": receipt.failure_reason,
            "preset": receipt.preset,
            "deliberated": receipt.deliberated,
            "seats": len(receipt.seats),
            "drafts": len(receipt.shown_order),
            "rung": receipt.rung,
            "degraded": [f"{entry.part}: {entry.reason}" for entry in receipt.degraded],
            "calls": totals.calls,
            "tool_calls": totals.tool_calls,
            **_used(totals.usage),
        }
    )


def _used(usage: Usage) -> dict[str, Any]:
    cost = "unknown" if usage.cost_usd is None else "at_least" if usage.cost_at_least else "known"
    names = {"input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost_usd", "cost_source"}
    return {**usage.model_dump(include=names), "cost_is": cost, "fees_usd": usage.fees_usd or None}


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if value is not None}


def tracers_of(config: RunnableConfig) -> Iterator[LangChainTracer]:
    """Find the LangSmith tracers that listen to a run."""
    from langchain_core.tracers.langchain import LangChainTracer  # noqa: PLC0415 - loaded by the first run anyway

    manager = config.get("callbacks")
    return (handler for handler in getattr(manager, "handlers", ()) if isinstance(handler, LangChainTracer))


def _node(config: RunnableConfig) -> UUID | None:
    return getattr(config.get("callbacks"), "parent_run_id", None)


def _add(tracer: LangChainTracer, run_id: UUID | None, facts: Facts) -> None:
    run = tracer.run_map.get(str(run_id))
    if run is not None:
        run.extra["metadata"] = {**run.metadata, **facts}  # a new one: LangChain shares it with other runs


class _AtEnd(BaseCallbackHandler):
    """Hears that a run ends before the tracers do."""

    run_inline = True

    def __init__(self, tracers: list[LangChainTracer], facts: Callable[[Any], Facts]) -> None:
        self._tracers, self._facts = tracers, facts

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        self._note(run_id, outputs)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        if not isinstance(error, GraphBubbleUp):
            self._note(run_id, error)

    def _note(self, run_id: UUID, ended: Any) -> None:
        facts = self._facts(ended)
        for tracer in self._tracers:
            _add(tracer, run_id, facts)

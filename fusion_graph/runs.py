"""Take up a run that a checkpointer keeps: its failed seats again, or another judge or writer on the same drafts.

All of it works on the compiled graphs `fusion` and `deliberation`, with the thread's config that the run had. What a
run saved before is never changed: the earlier answer stays in the thread's history.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from langchain_core.messages import RemoveMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START
from langgraph.types import Command, Send, StateSnapshot

from fusion_graph.budget import PARTIAL, REACHED
from fusion_graph.config import FusionConfig, Stage
from fusion_graph.drafts_block import split_question
from fusion_graph.errors import RunError
from fusion_graph.graph import Graph
from fusion_graph.kit import config_of
from fusion_graph.nodes.join import in_order
from fusion_graph.outcomes import PanelistOutcome
from fusion_graph.receipt import Receipt
from fusion_graph.resume import this_process
from fusion_graph.seats import visible
from fusion_graph.state import PanelistTask

_BEHIND: dict[Stage, str] = {"judge": "join", "writer": "review"}
"""The node in whose name a fork goes on: the one that leads to judge or writer alone."""


@dataclass(frozen=True, slots=True)
class TakenUp:
    """How a saved run goes on.

    Attributes:
        given: What the graph is given.
        config: The thread's config.
        context: What differs from the run's own settings.
    """

    given: Any
    config: RunnableConfig
    context: FusionConfig | None

    async def output(self, graph: Graph) -> dict[str, Any]:
        """Go on, and return the graph's output."""
        return dict(await graph.ainvoke(self.given, self.config, context=self.context))


async def retry_failed(graph: Graph, config: RunnableConfig, *, context: Any = None) -> dict[str, Any]:
    """Run the failed seats of a run that has ended once more, then join, judge and writer; good drafts are kept.

    The new answer takes the place of the earlier one. What the earlier attempt cost stays on the receipt, under
    `earlier`. A quorum counts the seats that are run again, not the drafts that are kept.

    Args:
        graph: A compiled graph with a checkpointer.
        config: The thread's config; a `checkpoint_id` in it picks an earlier run of the thread.
        context: Settings that differ from those of the run, such as a longer `seat_timeout`; panel and history stay.

    Returns:
        The graph's output.

    Raises:
        RunError: There is no checkpointer and no run, the run has not ended, or every seat has a draft.
        ConfigError: The context is no valid setting.
    """
    return await (await prepare_retry(graph, config, context=context)).output(graph)


async def prepare_retry(graph: Graph, config: RunnableConfig, *, context: Any = None) -> TakenUp:
    """Do what `retry_failed` does up to running it, so that a caller can stream it; nothing is changed yet.

    Args:
        graph: A compiled graph with a checkpointer.
        config: The thread's config.
        context: Settings that differ.

    Returns:
        What to run.

    Raises:
        RunError: As `retry_failed`.
        ConfigError: The context is no valid setting.
    """
    saved = await _saved(graph, config)
    if saved.next:
        raise RunError(
            f"the run has not ended: it is before {saved.next[0]!r}; go on with `await graph.ainvoke(None, config)`, "
            "or, where it waits for a person, with `Command(resume=...)`"
        )
    state: Any = saved.values
    outcomes = in_order(state)
    failed = [outcome for outcome in outcomes if outcome.lost]
    if not failed:
        raise RunError("there is nothing to retry: every seat of the run has a draft")
    settings, run_key = _layers(saved, context), uuid4().hex
    question, earlier = split_question(state["messages"])
    seen = visible(state["messages"], question, earlier, _merged(settings))
    seats = {seat["id"]: seat for seat in state["seats"]}
    tasks = [
        PanelistTask(
            seat=seats[outcome.seat_id], messages=seen, settings=settings, run_key=run_key, process=this_process()
        )
        for outcome in failed
    ]
    answer = state["messages"][-1:] if state["status"] == "ok" and state["receipt"]["writer"] else []
    update = {
        "messages": [RemoveMessage(id=message.id) for message in answer],
        "settings": settings,
        "run_key": run_key,
        "process": this_process(),
        "analysis": None,
        "receipt": _reopened(Receipt.model_validate(state["receipt"]), failed).as_state(),
        "status": "",
        "failure_reason": None,
    }
    command: Command[Any] = Command(update=update, goto=[Send("panelist", task) for task in tasks])
    return TakenUp(command, config, _given(context))


async def fork_before_judge(graph: Graph, config: RunnableConfig, *, context: Any) -> dict[str, Any]:
    """Judge and write once more on the same drafts, with other settings; no seat is called again.

    Args:
        graph: A compiled graph with a checkpointer.
        config: The thread's config; a `checkpoint_id` in it picks an earlier run of the thread.
        context: What differs from the run's own settings, such as `{"judge": "author/model"}`.

    Returns:
        The graph's output. The fork is then the thread's latest state, the earlier answer is in its history.

    Raises:
        RunError: There is no checkpointer, no run, or the run saved nothing before its judge.
        ConfigError: The context is no valid setting.
    """
    return await (await prepare_fork(graph, config, "judge", context=context)).output(graph)


async def fork_before_writer(graph: Graph, config: RunnableConfig, *, context: Any) -> dict[str, Any]:
    """Write once more from the same drafts and analysis, with other settings; neither seat nor judge is called again.

    Args:
        graph: A compiled graph with a checkpointer.
        config: The thread's config; a `checkpoint_id` in it picks an earlier run of the thread.
        context: What differs from the run's own settings, such as `{"writer": "author/model"}`.

    Returns:
        The graph's output. The fork is then the thread's latest state, the earlier answer is in its history.

    Raises:
        RunError: There is no checkpointer, no run, or the run saved nothing before its writer.
        ConfigError: The context is no valid setting.
    """
    return await (await prepare_fork(graph, config, "writer", context=context)).output(graph)


async def prepare_fork(graph: Graph, config: RunnableConfig, stage: Stage, *, context: Any) -> TakenUp:
    """Do what the two forks do up to running them; the fork is then the thread's latest state.

    Args:
        graph: A compiled graph with a checkpointer.
        config: The thread's config.
        stage: What is done again: `judge`, then the writer, or `writer` alone.
        context: What differs.

    Returns:
        What to run.

    Raises:
        RunError: As the forks.
        ConfigError: The context is no valid setting.
    """
    before = await _before(graph, await _saved(graph, config), stage)
    receipt = Receipt.model_validate(before.values["receipt"]).model_copy(update={"started_at": _now()})
    update = {
        "settings": _layers(before, context),
        "run_key": uuid4().hex,
        "process": this_process(),
        "receipt": receipt.as_state(),
    }
    await graph.aupdate_state(before.config, update, as_node=_BEHIND[stage])
    kept = {key: value for key, value in config["configurable"].items() if key != "checkpoint_id"}
    return TakenUp(None, {**config, "configurable": kept}, _given(context))


async def _before(graph: Graph, saved: StateSnapshot, stage: Stage) -> StateSnapshot:
    """Go back through the thread, as far as this run's question, to where judge or writer was next."""
    while START not in saved.next:
        if saved.next == (stage,):
            return saved
        if saved.parent_config is None:
            break
        saved = await graph.aget_state(saved.parent_config)
    raise RunError(
        f"nothing was saved before the {stage} of this run: it never got there, the graph has none, or the run was "
        "made with durability='exit'"
    )


async def _saved(graph: Graph, config: RunnableConfig) -> StateSnapshot:
    if not graph.checkpointer:
        raise RunError("this graph has no checkpointer, so no run is kept; build it with checkpointer=...")
    saved = await graph.aget_state(config)
    thread = (config.get("configurable") or {}).get("thread_id")
    if not saved.values:
        raise RunError(f"there is no run on thread {thread!r}")
    if not saved.values.get("seats"):
        raise RunError(f"the graph {graph.name!r} keeps no panel of its own on thread {thread!r}")
    return saved


def _reopened(receipt: Receipt, failed: Sequence[PanelistOutcome]) -> Receipt:
    """Take from a receipt what is done again, and keep what it cost."""
    again = {outcome.seat_id for outcome in failed}
    seats = [seat for seat in receipt.seats if seat.seat_id in again]
    replaced = Receipt(seats=seats, judge=receipt.judge, writer=receipt.writer, earlier=receipt.earlier)
    begun = Receipt(started_at=_now(), earlier=replaced.sums())
    kept = ("preset", "chosen", "language_model_called", "notice", "seed", "blind", "limits", "edits")
    said = [entry for entry in receipt.degraded if entry.part == "run" and entry.reason not in (PARTIAL, REACHED)]
    return begun.amended(degraded=said, **{name: getattr(receipt, name) for name in kept})


def _layers(saved: StateSnapshot, context: Any) -> list[dict[str, Any]]:
    given = _given(context)
    if given is None:
        return list(saved.values["settings"])
    return [*saved.values["settings"], given.model_dump(mode="json", exclude_unset=True)]


def _given(context: Any) -> FusionConfig | None:
    return None if context is None else config_of(context)


def _merged(layers: Sequence[dict[str, Any]]) -> FusionConfig:
    """Settings without what presets say: enough to know what the panel was shown."""
    merged = FusionConfig.model_validate(layers[0])
    for layer in layers[1:]:
        merged = FusionConfig.model_validate(layer).over(merged)
    return merged


def _now() -> float:
    return round(time.time(), 3)

"""What an earlier process had finished: read from the checkpoint that a resumed run starts from."""

from __future__ import annotations

import os
from typing import Any, TypeVar
from uuid import uuid4

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer

from fusion_graph.meter import Meter
from fusion_graph.outcomes import PanelistOutcome
from fusion_graph.receipt import EARLIER, Degradation
from fusion_graph.usage import Usage

_CHECKPOINTER = "__pregel_checkpointer"
"""Where LangGraph keeps a run's checkpointer in the config of its nodes."""
_DURABILITY = "__pregel_durability"
"""Where it looks for the durability of a run whose caller names none."""
_RESUMING = "__pregel_resuming"
"""What it tells the nodes of a run that is taken up from a checkpoint."""
RESUMED = "resumed"
"""On the receipt: a part was begun more than once."""
RESUMED_DETAIL = "it was begun before, in a process that ended; calls that were under way then are not counted"
_PROCESS = uuid4().hex
G = TypeVar("G", bound=CompiledStateGraph[Any, Any, Any, Any])


def this_process() -> str:
    """Name this process; no other one is ever called the same."""
    return f"{_PROCESS}-{os.getpid()}"


def resuming(config: RunnableConfig) -> bool:
    """Say whether a run is taken up from a checkpoint, given the config of its first node."""
    return bool((config.get("configurable") or {}).get(_RESUMING))


def resumed(part: str, meter: Meter) -> list[Degradation]:
    """Say on the receipt that a part was begun before.

    Args:
        part: `judge`, `writer` or `caller`.
        meter: The part's meter.

    Returns:
        One entry, or none.
    """
    return [Degradation(part=part, reason=RESUMED, detail=RESUMED_DETAIL)] if meter.resumed else []


def durable(graph: G, checkpointer: Checkpointer) -> G:
    """Make a graph save each step before the next one starts, unless a run asks for less.

    LangGraph's own default saves in the background: what a step cost could be lost with the process.

    Args:
        graph: A compiled graph.
        checkpointer: What it was compiled with.

    Returns:
        The graph; the same one where it keeps no runs itself.
    """
    if not isinstance(checkpointer, BaseCheckpointSaver):
        return graph
    return graph.with_config(configurable={_DURABILITY: "sync"})


def checkpointer_of(config: RunnableConfig) -> BaseCheckpointSaver[Any] | None:
    """Return what keeps a run, given the config of one of its nodes; `None` where nothing does."""
    saver = (config.get("configurable") or {}).get(_CHECKPOINTER)
    return saver if isinstance(saver, BaseCheckpointSaver) else None


async def usable_before(config: RunnableConfig) -> list[str]:
    """List the seats of this superstep whose usable drafts are saved already.

    Seats run side by side and do not see each other's results. A resumed run starts only those that had not
    finished; the others' results lie in the checkpoint as pending writes.

    Args:
        config: The config of a panelist's node.

    Returns:
        Seat ids; none where nothing is saved.
    """
    return [outcome.seat_id for outcome in await outcomes_before(config) if outcome.usable]


async def outcomes_before(config: RunnableConfig) -> list[PanelistOutcome]:
    """List the outcomes of this superstep that are saved already, usable or not.

    Args:
        config: The config of a panelist's node.

    Returns:
        The outcomes; none where nothing is saved.
    """
    return _written(await _saved(config))


async def spent_before(config: RunnableConfig) -> dict[str, Usage]:
    """Say what was spent on a run before the seats that this step still has to run.

    Args:
        config: The config of a panelist's node.

    Returns:
        What each seat of this step used that had finished, and each whose draft a retry keeps; under `earlier` what
        the retry replaces. Nothing where nothing is saved.
    """
    saved = await _saved(config)
    values: dict[str, Any] = saved.checkpoint["channel_values"] if saved else {}
    held = [PanelistOutcome.model_validate(entry) for entry in (values.get("outcomes") or {}).values()]
    outcomes = [*(outcome for outcome in held if outcome.usable), *_written(saved)]
    spent = {outcome.seat_id: outcome.usage for outcome in outcomes}
    retried = [value for _, channel, value in (saved.pending_writes or [] if saved else []) if channel == "receipt"]
    earlier = (retried[-1] if retried else values.get("receipt") or {}).get("earlier")
    return spent if earlier is None else {**spent, EARLIER: Usage.model_validate(earlier["usage"])}


async def _saved(config: RunnableConfig) -> CheckpointTuple | None:
    configurable = config.get("configurable") or {}
    saver = checkpointer_of(config)
    if saver is None or "thread_id" not in configurable:
        return None
    namespace = str(configurable.get("checkpoint_ns", "")).rpartition("|")[0]
    here: RunnableConfig = {"configurable": {"thread_id": configurable["thread_id"], "checkpoint_ns": namespace}}
    return await saver.aget_tuple(here)


def _written(saved: CheckpointTuple | None) -> list[PanelistOutcome]:
    written = [value for _, channel, value in (saved.pending_writes or [] if saved else []) if channel == "outcomes"]
    return [PanelistOutcome.model_validate(entry) for value in written for entry in value.values()]

"""What an earlier process had finished: read from the checkpoint that a resumed run starts from."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver

from fusion_graph.outcomes import PanelistOutcome

_CHECKPOINTER = "__pregel_checkpointer"
"""Where LangGraph keeps a run's checkpointer in the config of its nodes."""


async def usable_before(config: RunnableConfig) -> list[str]:
    """List the seats of this superstep whose usable drafts are saved already.

    Seats run side by side and do not see each other's results. A resumed run starts only those that had not
    finished; the others' results lie in the checkpoint as pending writes.

    Args:
        config: The config of a panelist's node.

    Returns:
        Seat ids; none where nothing is saved.
    """
    configurable = config.get("configurable") or {}
    saver = configurable.get(_CHECKPOINTER)
    if not isinstance(saver, BaseCheckpointSaver) or "thread_id" not in configurable:
        return []
    namespace = str(configurable.get("checkpoint_ns", "")).rpartition("|")[0]
    here: RunnableConfig = {"configurable": {"thread_id": configurable["thread_id"], "checkpoint_ns": namespace}}
    saved = await saver.aget_tuple(here)
    written = [value for _, channel, value in (saved.pending_writes or [] if saved else []) if channel == "outcomes"]
    outcomes = [PanelistOutcome.model_validate(entry) for value in written for entry in value.values()]
    return [outcome.seat_id for outcome in outcomes if outcome.usable]

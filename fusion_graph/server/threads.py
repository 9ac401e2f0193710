"""The threads of saved runs, beside running them: copying one, deleting one."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple


class Threads(Protocol):
    """Threads, here or on another server."""

    async def copy(self, source: str, target: str) -> str:
        """Copy a thread with its history, under another id if that can be chosen; returns the copy's id."""

    async def delete(self, thread_id: str) -> None:
        """Delete a thread; nothing happens where there is none."""


@runtime_checkable
class ServedRuns(Protocol):
    """An engine whose server keeps threads of its own."""

    @property
    def threads(self) -> Threads:
        """Its threads."""


class LocalThreads:
    """Threads of a checkpointer.

    Args:
        saver: The checkpointer.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        self._saver = saver

    async def copy(self, source: str, target: str) -> str:
        """Copy a thread with its history, those of its subgraphs included."""
        config: RunnableConfig = {"configurable": {"thread_id": source}}
        entries = [entry async for entry in self._saver.alist(config)]
        for entry in reversed(entries):
            await self._put(entry, target)
        return target

    async def delete(self, thread_id: str) -> None:
        """Delete a thread."""
        await self._saver.adelete_thread(thread_id)

    async def _put(self, entry: CheckpointTuple, target: str) -> None:
        namespace = entry.config["configurable"].get("checkpoint_ns", "")
        place: dict[str, Any] = {"thread_id": target, "checkpoint_ns": namespace}
        if entry.parent_config is not None:
            place["checkpoint_id"] = entry.parent_config["configurable"]["checkpoint_id"]
        versions = entry.checkpoint["channel_versions"]
        saved = await self._saver.aput({"configurable": place}, entry.checkpoint, entry.metadata, versions)
        by_task: dict[str, list[tuple[str, Any]]] = {}
        for task_id, channel, value in entry.pending_writes or []:
            by_task.setdefault(task_id, []).append((channel, value))
        for task_id, writes in by_task.items():
            await self._saver.aput_writes(saved, writes, task_id)


def thread_of(response_id: str) -> str:
    """Return the id of a response's thread: the UUID in its own id, in the form that LangGraph Server wants."""
    return str(UUID(response_id.rpartition("_")[2]))

"""Runs inside a node: the sub-agents of a part, or its one model call.

LangGraph merges the callbacks of an explicit config with those of the surrounding run as sets, and their order is lost.
So a nested run gets its callbacks from its surroundings alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import set_config_context

from fusion_graph.tracing import note_cancelled

T = TypeVar("T")


async def within(config: RunnableConfig, call: Callable[[RunnableConfig], Coroutine[Any, Any, T]]) -> T:
    """Make a nested call whose callback handlers are heard in the order in which a config has them.

    Args:
        config: The config, as `part_config` gives it.
        call: Makes the call, given the config to pass on.

    Returns:
        What the call returns.
    """
    with set_config_context(config) as surroundings:
        try:
            return await asyncio.create_task(call({**config, "callbacks": None}), context=surroundings)
        except asyncio.CancelledError as error:
            note_cancelled(config, error)
            raise

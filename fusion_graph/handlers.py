"""LangChain calls callback handlers in the order of a list; what must be heard first is put at its head.

LangGraph merges the callbacks of an explicit config with those of the surrounding run as sets, and the order is lost.
So a nested run gets its handlers from its surroundings alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import set_config_context

T = TypeVar("T")


def heard_first(config: RunnableConfig, *handlers: BaseCallbackHandler, inherit: bool = True) -> RunnableConfig:
    """Put handlers before all others, tracers included.

    Args:
        config: The config of a run, such as a node's.
        *handlers: The handlers.
        inherit: Whether they hear the runs below too.

    Returns:
        A new config.
    """
    manager = config.get("callbacks")
    if manager is None or isinstance(manager, list):
        return {**config, "callbacks": [*handlers, *(manager or [])]}
    manager = manager.copy()
    manager.handlers = [*handlers, *manager.handlers]
    if inherit:
        manager.inheritable_handlers = [*handlers, *manager.inheritable_handlers]
    return {**config, "callbacks": manager}


def heard_last(config: RunnableConfig, handler: BaseCallbackHandler) -> RunnableConfig:
    """Put a handler after all others, for the run and those below it.

    Args:
        config: The config of a run.
        handler: The handler.

    Returns:
        A new config.
    """
    manager = config.get("callbacks")
    if manager is None or isinstance(manager, list):
        return {**config, "callbacks": [*(manager or []), handler]}
    manager = manager.copy()
    manager.add_handler(handler)
    return {**config, "callbacks": manager}


async def within(config: RunnableConfig, call: Callable[[RunnableConfig], Coroutine[Any, Any, T]]) -> T:
    """Make a nested call whose handlers are heard in the order in which a config has them.

    Args:
        config: The config, as `heard_first` gives it.
        call: Makes the call, given the config to pass on.

    Returns:
        What the call returns.
    """
    with set_config_context(config) as surroundings:
        return await asyncio.create_task(call({**config, "callbacks": None}), context=surroundings)

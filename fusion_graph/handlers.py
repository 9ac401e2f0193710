"""LangChain calls callback handlers in the order of a list; what must be heard first is put at its head."""

from __future__ import annotations

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig


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

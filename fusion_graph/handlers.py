"""LangChain calls callback handlers in the order of a list; what must be heard first is put at its head."""

from __future__ import annotations

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig


def heard_first(config: RunnableConfig, handler: BaseCallbackHandler, *, inherit: bool = True) -> RunnableConfig:
    """Put a handler before all others, tracers included.

    Args:
        config: The config of a run, such as a node's.
        handler: The handler.
        inherit: Whether the runs below are heard too.

    Returns:
        A new config.
    """
    manager = config.get("callbacks")
    if manager is None or isinstance(manager, list):
        return {**config, "callbacks": [handler, *(manager or [])]}
    manager = manager.copy()
    manager.handlers.insert(0, handler)
    if inherit:
        manager.inheritable_handlers.insert(0, handler)
    return {**config, "callbacks": manager}

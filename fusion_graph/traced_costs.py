"""What a call really cost, in the field where LangSmith looks for it; its own price list knows few gateways' models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import RunnableConfig

from fusion_graph.handlers import heard_first, heard_last
from fusion_graph.meter import message_of
from fusion_graph.tracing import tracers_of
from fusion_graph.usage import usage_of

if TYPE_CHECKING:
    from langchain_core.messages.ai import UsageMetadata


def with_costs(config: RunnableConfig) -> RunnableConfig:
    """Make a config whose traced model calls carry the cost that their provider reported.

    Args:
        config: The config of a run.

    Returns:
        A config for the same run; the same one where nothing traces.
    """
    heard = getattr(config.get("callbacks"), "handlers", ())
    if next(tracers_of(config), None) is None or any(isinstance(handler, _Priced) for handler in heard):
        return config
    priced = _Priced()
    return heard_last(heard_first(config, priced), _Plain(priced))


class _Priced(BaseCallbackHandler):
    """Writes the cost into the message that the tracers are about to read."""

    run_inline = True

    def __init__(self) -> None:
        self.plain: dict[UUID, tuple[AIMessage, UsageMetadata]] = {}

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        message = message_of(response)
        if message is None or message.usage_metadata is None:
            return
        cost = usage_of(message).cost_usd
        if cost is not None:
            self.plain[run_id] = (message, message.usage_metadata)
            message.usage_metadata = cast("UsageMetadata", {**message.usage_metadata, "total_cost": cost})


class _Plain(BaseCallbackHandler):
    """Takes it out again once they have: LangChain adds up usage of whole numbers only."""

    run_inline = True

    def __init__(self, priced: _Priced) -> None:
        self._priced = priced

    def on_llm_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        held = self._priced.plain.pop(run_id, None)
        if held is not None:
            held[0].usage_metadata = held[1]

"""Options of the calling model that are given turn by turn, and those that it turns out not to take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.language_models import BaseChatModel

from fusion_graph.writer_options import Leniency


class TakeOptions(AgentMiddleware[Any, Any]):
    """Says whether tools may be called in parallel, and asks again without an option that is rejected by name.

    It stands next to the model: only there is it known whether a turn has tools.

    Args:
        leniency: What the run asked for, and what was dropped.
    """

    def __init__(self, leniency: Leniency) -> None:
        super().__init__()
        self.leniency = leniency

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Call the model, as often as it rejects one more option."""
        return await self.leniency.ask(request.model, lambda model: handler(self._asked(request, model)))

    def _asked(self, request: ModelRequest[Any], model: BaseChatModel) -> ModelRequest[Any]:
        asked = request.override(model=model)
        parallel = self.leniency.parallel
        if parallel is None or "parallel_tool_calls" in self.leniency.dropped or not offered(request):
            return asked
        return asked.override(model_settings={**request.model_settings, "parallel_tool_calls": parallel})


def offered(request: ModelRequest[Any]) -> bool:
    """Whether the model may call a tool on this turn."""
    return bool(request.tools) and request.tool_choice != {"type": "none"}

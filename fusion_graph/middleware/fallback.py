"""A seat whose model fails goes on with another that its config names, and says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.language_models import BaseChatModel
from langgraph.errors import GraphBubbleUp

from fusion_graph.failures import classify


class Fallback(AgentMiddleware[Any, Any]):
    """Hands a turn that failed for good to the next model, which then keeps the seat.

    LangChain's own fallback asks the failing model again on every turn and does not tell who answered.

    Args:
        models: Names and chat models, in order.

    Attributes:
        answered_by: The name of the model that took over, or `None` while the seat's own works.
        reasons: Why each model before it failed.
    """

    def __init__(self, models: Sequence[tuple[str, BaseChatModel]]) -> None:
        super().__init__()
        self._left = list(models)
        self._model: BaseChatModel | None = None
        self.answered_by: str | None = None
        self.reasons: list[str] = []

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Call the model; where that fails for good, call the next one."""
        while True:
            current = request if self._model is None else request.override(model=self._model)
            try:
                return await handler(current)
            except GraphBubbleUp:
                raise
            except Exception as error:
                if not self._left:
                    raise
                self.reasons.append(classify(error).message)
            self.answered_by, self._model = self._left.pop(0)

"""Some models take no temperature; one that says so is asked again without."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.language_models import BaseChatModel

from fusion_graph.failures import classify


class DropTemperature(AgentMiddleware[Any, Any]):
    """Asks again without a temperature when the provider rejects it by name.

    Attributes:
        dropped: Whether that happened; it then stays dropped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dropped = False

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Call the model; on a rejected temperature drop it and call again."""
        if self.dropped:
            return await handler(request.override(model=without_temperature(request.model)))
        try:
            return await handler(request)
        except Exception as error:
            failure = classify(error)
            if failure.kind != "invalid_request" or "temperature" not in failure.message.lower():
                raise
            self.dropped = True
        return await handler(request.override(model=without_temperature(request.model)))


def without_temperature(model: BaseChatModel) -> BaseChatModel:
    """Return a copy of a chat model that leaves the temperature to the provider."""
    return model.model_copy(update={"temperature": None}) if hasattr(model, "temperature") else model

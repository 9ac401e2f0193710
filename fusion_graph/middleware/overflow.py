"""A context that overflowed inside the loop is trimmed once; a second overflow is the seat's failure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AnyMessage, ToolMessage

from fusion_graph.failures import classify
from fusion_graph.packing import pack, tokens

NOTE = "context_trimmed"


class TrimOnOverflow(AgentMiddleware[Any, Any]):
    """Halves what tools returned when the model says that its context is full, and keeps it halved.

    Attributes:
        trimmed: Whether that happened.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trimmed = False

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Call the model; on a first overflow trim and call again."""
        if self.trimmed:
            return await handler(request.override(messages=halved(request.messages)))
        try:
            return await handler(request)
        except Exception as error:
            if classify(error).kind != "context_overflow" or not any(
                isinstance(m, ToolMessage) for m in request.messages
            ):
                raise
            self.trimmed = True
        return await handler(request.override(messages=halved(request.messages)))


def halved(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Cut tool results to half their tokens together, short ones last; everything else stays."""
    results = [message for message in messages if isinstance(message, ToolMessage)]
    texts = [str(message.text) for message in results]
    cut = iter(pack(texts, sum(tokens(text) for text in texts) // 2))
    return [
        message.model_copy(update={"content": next(cut)}) if isinstance(message, ToolMessage) else message
        for message in messages
    ]

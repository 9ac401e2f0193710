"""Every call of an agent is paid from the run's budget; where that runs out, the next turn is the last or none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.types import Command

from fusion_graph.budget import Amount
from fusion_graph.middleware.step_limit import StepLimit
from fusion_graph.purse import Purse
from fusion_graph.usage import fee_of

TOOL_RESULT = 4_000
"""Tokens by which a prompt may grow from one turn to the next; a last turn that grew by more may exceed the limit."""
SHORTEST_DRAFT = 200
"""Characters that a part must have written between its tool calls for that to stand as a draft."""

Handler = Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]


class Budget(AgentMiddleware[Any, Any]):
    """Sets the most that a call can cost aside before each attempt, so it stands inside the retries.

    A turn with tools must leave enough for a last turn after it, which is kept from then on. Where it would not, the
    tools are withdrawn and the turn becomes the last; where not even that fits, what was written so far stands, or
    the part ends as failed.

    Args:
        purse: The part's side of the ledger.
        limit: Knows how a last turn is made.
    """

    def __init__(self, purse: Purse, limit: StepLimit) -> None:
        super().__init__()
        self.purse = purse
        self.limit = limit

    async def awrap_model_call(self, request: ModelRequest[Any], handler: Handler) -> ModelResponse[Any]:
        """Pay for the call and make it, or end the part."""
        self.purse.recall(request.model, _since_question(request.messages))
        if not _has_tools(request):
            return await self._last(request, handler)
        most, then = self._most(request), self._most(request, more=TOOL_RESULT)
        ticket = await self.purse.ledger.reserve(self.purse.part, most, then=then)
        if ticket is not None:
            return await self.purse.pay(ticket, request.model, lambda: handler(request))
        self.purse.ledger.stop(self.purse.part)
        return await self.limit.finish(request, lambda last: self._last(last, handler))

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Run a tool and count what it charged."""
        result = await handler(request)
        charged = fee_of(result)
        if charged is not None:
            self.purse.charge_fee(charged[0])
        return result

    async def _last(self, request: ModelRequest[Any], handler: Handler) -> ModelResponse[Any]:
        ticket = await self.purse.ledger.reserve(self.purse.part, self._most(request), last=True)
        if ticket is not None:
            return await self.purse.pay(ticket, request.model, lambda: handler(request))
        refusal, text = self.purse.refusal(), _written(request.messages)
        if len(text) < SHORTEST_DRAFT:
            raise refusal
        return ModelResponse(result=[AIMessage(text, response_metadata={"finish_reason": "length"})])

    def _most(self, request: ModelRequest[Any], more: int = 0) -> Amount:
        system = [request.system_message] if request.system_message is not None else []
        return self.purse.most(request.model, [*system, *request.messages], request.tools, more)


def budgeted(purse: Purse, limit: StepLimit) -> list[AgentMiddleware[Any, Any]]:
    """Return the middleware for a part of a limited run; none where nothing is limited."""
    return [Budget(purse, limit)] if purse.ledger.limited else []


def _has_tools(request: ModelRequest[Any]) -> bool:
    return bool(request.tools) and request.tool_choice != {"type": "none"}


def _written(messages: Sequence[AnyMessage]) -> str:
    """Return what was written since the question, beside tool calls."""
    if len(messages) > 1 and isinstance(messages[-2], ToolMessage):
        messages = messages[:-1]  # the words that announce a last turn are no question
    said = [str(message.text).strip() for message in _since_question(messages)]
    return "\n\n".join(text for text in said if text)


def _since_question(messages: Sequence[AnyMessage]) -> list[AIMessage]:
    start = max((at for at, message in enumerate(messages) if isinstance(message, HumanMessage)), default=-1)
    return [message for message in messages[start + 1 :] if isinstance(message, AIMessage)]

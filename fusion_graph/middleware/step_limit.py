"""A budget of tool steps that ends in a draft: at the limit the tools are withdrawn for one last turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

MAX_CALLS_PER_STEP = 8
"""Tool calls that one step may hold; a model that asks for more gets the first ones."""


class StepLimit(AgentMiddleware[Any, Any]):
    """Lets a model take so many tool steps, then makes it write.

    A step is one turn in which the model calls tools. LangChain's own limit ends the run with a canned message
    or lets the model go on asking; here the last turn has no tools to ask for, so what comes is text.

    Args:
        max_steps: Tool steps allowed.
        withdrawal: How tools are withdrawn, as overrides of the model request.
        last_turn: What the model is told on that turn.
        keep: Names of tools that stay even then.
    """

    def __init__(self, max_steps: int, *, withdrawal: dict[str, Any], last_turn: str, keep: Sequence[str] = ()) -> None:
        super().__init__()
        self.max_steps = max_steps
        self.withdrawal = withdrawal
        self.last_turn = last_turn
        self.keep = frozenset(keep)

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Pass the turn on, without tools once the steps are used up."""
        if steps_taken(request.messages) < self.max_steps or not request.tools:
            return _with_calls(await handler(request), self._few)
        return await self.finish(request, handler)

    async def finish(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Make this turn the last one, whatever the number of steps: without tools, told so, and without tool calls."""
        last = request.override(messages=[*request.messages, HumanMessage(self.last_turn)], **self._withdrawn(request))
        return _with_calls(await handler(last), self._kept)

    def _withdrawn(self, request: ModelRequest[Any]) -> dict[str, Any]:
        kept = [tool for tool in request.tools if not isinstance(tool, dict) and tool.name in self.keep]
        return {"tools": kept, "tool_choice": None} if kept else self.withdrawal

    def _few(self, message: AIMessage) -> AIMessage:
        return _replaced(message, repaired_calls(message)[:MAX_CALLS_PER_STEP])

    def _kept(self, message: AIMessage) -> AIMessage:
        return _replaced(message, [call for call in repaired_calls(message) if call["name"] in self.keep])


def steps_taken(messages: Sequence[AnyMessage]) -> int:
    """Count the turns since the question in which the model called tools."""
    steps = 0
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        if isinstance(message, AIMessage) and message.tool_calls:
            steps += 1
    return steps


def repaired_calls(message: AIMessage) -> list[Any]:
    """Return a message's tool calls, those with unreadable arguments included.

    A call whose arguments are no JSON is given empty ones, so that the tool answers with what is missing and
    the model can try again, where the agent would else end without a word.
    """
    broken = [
        {"name": call["name"] or "unknown", "args": {}, "id": call["id"] or f"call_{at}", "type": "tool_call"}
        for at, call in enumerate(message.invalid_tool_calls)
    ]
    return [*message.tool_calls, *broken]


def _replaced(message: AIMessage, calls: list[Any]) -> AIMessage:
    if calls == message.tool_calls and not message.invalid_tool_calls:
        return message
    content = message.content
    if isinstance(content, list):
        ids = {call["id"] for call in calls}
        content = [
            block
            for block in content
            if not (isinstance(block, dict) and block.get("type") in ("tool_use", "tool_call", "function_call"))
            or block.get("id") in ids
        ]
    extra = {key: value for key, value in message.additional_kwargs.items() if key != "tool_calls"}
    update = {"tool_calls": calls, "invalid_tool_calls": [], "content": content, "additional_kwargs": extra}
    return message.model_copy(update=update)


def _with_calls(response: ModelResponse[Any], change: Callable[[AIMessage], AIMessage]) -> ModelResponse[Any]:
    response.result = [change(message) if isinstance(message, AIMessage) else message for message in response.result]
    return response

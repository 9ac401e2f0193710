"""What tools return is data, what they raise is a message to the model, and both are told to whoever watches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import ToolMessage
from langgraph.errors import GraphBubbleUp
from langgraph.types import Command

from fusion_graph.events import Emit
from fusion_graph.failures import classify
from fusion_graph.fence import fence
from fusion_graph.sources import found_in
from fusion_graph.tools.result import SourcedTool

LONGEST_RESULT = 200_000
LONGEST_ERROR = 2_000
"""Characters of a foreign tool's result, and of an error, that a model is shown."""


class ToolGuard(AgentMiddleware[Any, Any]):
    """Stands between a model and its tools.

    Args:
        part: Seat id or `judge`, for the events.
        emit: Where events go.
    """

    def __init__(self, part: str, emit: Emit) -> None:
        super().__init__()
        self.part = part
        self.emit = emit

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Run one tool call."""
        call = request.tool_call
        facts = {"seat_id": self.part, "tool": call["name"], "tool_call_id": call["id"]}
        self.emit("panel.tool_call", arguments=call["args"], **facts)
        result = await self._run(request, handler)
        if isinstance(result, ToolMessage):
            result = _bounded(result) if isinstance(request.tool, SourcedTool) else _fenced(result)
            found = [source.model_dump() for source in found_in([result])]
            self.emit("panel.tool_result", status=result.status, sources=found, **facts)
        return result

    async def _run(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        try:
            return await handler(request)
        except GraphBubbleUp:
            raise
        except Exception as error:  # noqa: BLE001 - a tool's failure is told to the model, which can go on without it
            call = request.tool_call
            text = f"The tool failed: {classify(error).message}"
            return ToolMessage(text, name=call["name"], tool_call_id=call["id"] or "", status="error")


def _bounded(message: ToolMessage) -> ToolMessage:
    """Shorten an error, which repeats the arguments that the model gave; our own results have limits of their own."""
    text = str(message.text)
    if message.status != "error" or len(text) <= LONGEST_ERROR:
        return message
    half = LONGEST_ERROR // 2
    return message.model_copy(update={"content": f"{text[:half]} [...] {text[-half:]}"})


def _fenced(message: ToolMessage) -> ToolMessage:
    """Fence what a tool that is not ours returned; our own tools fence what they quote themselves."""
    whole = str(message.text)
    text = fence("tool_result", whole[:LONGEST_RESULT], tool=str(message.name))
    if len(whole) > LONGEST_RESULT:
        text += f"\n[cut: the last {len(whole) - LONGEST_RESULT:,} of {len(whole):,} characters are not shown]"
    pictures = [block for block in message.content if not isinstance(block, str) and block.get("type") != "text"]
    content: Any = [{"type": "text", "text": text}, *pictures] if pictures else text
    return message.model_copy(update={"content": content})

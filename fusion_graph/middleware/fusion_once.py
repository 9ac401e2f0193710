"""How a calling model uses its `fusion` tool: forced or forbidden on its first turn, and once per turn of the user."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal
from uuid import uuid4

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langgraph.types import Command

from fusion_graph.failures import classify
from fusion_graph.tool import CAPPED, FUSION, failure


class FusionOnce(AgentMiddleware[Any, Any]):
    """Forces or withholds the tool, and lets it run once.

    Args:
        tool_choice: `required` forces a call on the first turn only - a force that stayed would make the model
            call again and again; `none` takes the tool away; `auto` leaves the decision to the model.
        question: The user's question, for a forced call that a provider ignored.

    Attributes:
        output: What the panel's run gave, once there was one.
    """

    def __init__(self, tool_choice: Literal["auto", "required", "none"], question: str) -> None:
        super().__init__()
        self.tool_choice = tool_choice
        self.question = question
        self.output: dict[str, Any] | None = None

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Call the model with the tool forced, free or gone."""
        self.output = self.output or _output_in(_this_turn(request.messages))
        if self.tool_choice == "none":
            return await handler(request.override(tools=[tool for tool in request.tools if _name(tool) != FUSION]))
        if self.tool_choice != "required" or _called(_this_turn(request.messages)):
            return await handler(request)
        answers = await _forced(request, handler)
        if _called(answers):
            return ModelResponse(result=answers)
        # Servers ignore or refuse tool_choice often enough that the call is made here when none came back.
        call = {
            "name": FUSION,
            "args": {"question": self.question},
            "id": f"call_{uuid4().hex[:12]}",
            "type": "tool_call",
        }
        said = next((message for message in reversed(answers) if isinstance(message, AIMessage)), AIMessage(""))
        update = {"content": "", "tool_calls": [call], "invalid_tool_calls": []}
        return ModelResponse(result=[said.model_copy(update=update)])

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Run the call if it is the first one of this turn."""
        call = request.tool_call
        if call["name"] == FUSION and self.tool_choice == "none":
            return _refused(call, "fusion may not run in this turn", "invalid_request")
        if call["name"] != FUSION or _first_call(request.state["messages"]) == call["id"]:
            result = await handler(request)
            if isinstance(result, ToolMessage) and call["name"] == FUSION and isinstance(result.artifact, dict):
                self.output = result.artifact.get("output")
            return result
        return _refused(call, "fusion runs once per turn; use the result you have", CAPPED)


async def _forced(
    request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
) -> list[BaseMessage]:
    try:
        response = await handler(request.override(tool_choice=FUSION))
    except Exception as error:
        if classify(error).kind != "invalid_request":
            raise
        return []
    return list(response.result)


def _refused(call: ToolCall, error: str, reason: str) -> ToolMessage:
    content = json.dumps(failure(error, reason))
    return ToolMessage(content, name=FUSION, tool_call_id=call["id"] or "", status="error")


def _this_turn(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    start = max((at for at, message in enumerate(messages) if isinstance(message, HumanMessage)), default=-1)
    return list(messages[start + 1 :])


def _calls(messages: Sequence[BaseMessage]) -> list[Any]:
    turns = [message for message in messages if isinstance(message, AIMessage)]
    return [call for message in turns for call in message.tool_calls if call["name"] == FUSION]


def _output_in(messages: Sequence[BaseMessage]) -> dict[str, Any] | None:
    """Find what a panel gave, where an earlier process convened it and a checkpoint kept the tool's message."""
    results = [message for message in messages if isinstance(message, ToolMessage) and message.name == FUSION]
    kept = [message.artifact.get("output") for message in results if isinstance(message.artifact, dict)]
    return next((output for output in kept if output is not None), None)


def _called(messages: Sequence[BaseMessage]) -> bool:
    return bool(_calls(messages))


def _first_call(messages: Sequence[BaseMessage]) -> str | None:
    turn = _this_turn(messages)
    # A call that was answered by an error - unreadable arguments, say - has convened nobody.
    vain = {message.tool_call_id for message in turn if isinstance(message, ToolMessage) and message.status == "error"}
    calls = [call for call in _calls(turn) if call["id"] not in vain]
    return calls[0]["id"] if calls else None


def _name(tool: Any) -> str:
    return str(tool.get("name", "")) if isinstance(tool, dict) else str(tool.name)

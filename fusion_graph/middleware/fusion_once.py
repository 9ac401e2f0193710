"""How a calling model uses its tools: forced or forbidden on its first turn, and `fusion` once per turn of the user."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage
from langgraph.types import Command

from fusion_graph.config_caller import FUSION
from fusion_graph.failures import classify
from fusion_graph.offer import ANY, Offer
from fusion_graph.tool import CAPPED, attached, failure
from fusion_graph.turns import attachments, fusion_calls, fusion_results, this_turn


class FusionOnce(AgentMiddleware[Any, Any]):
    """Forces or withholds tools, and lets `fusion` run once.

    A force is for the first turn of the model after a question of the user's: one that stayed would make it call
    again and again. The same goes for `fusion` itself: a turn of the user's that goes on in the next run, after a
    client's tool has answered, has no second one.

    Args:
        offer: The run's tools, and what of them is forced.
        question: The user's question, for a forced call that a provider ignored.
        forbid: With `tool_choice` `none`, how tools are withdrawn, as overrides of the model request.

    Attributes:
        output: What the panel's run gave, once there was one.
        ignored: Whether a force came to nothing.
    """

    def __init__(self, offer: Offer, question: str, forbid: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.offer = offer
        self.question = question
        self.forbid = forbid
        self.output: dict[str, Any] | None = None
        self.ignored = False

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Call the model with its tools forced, free or gone."""
        force = self.offer.force
        if self.forbid is not None and request.tools:
            return await handler(request.override(**self.forbid))
        first = not any(isinstance(message, AIMessage) for message in this_turn(request.messages))
        if force is None or not first or not request.tools:
            return await handler(request)
        answers = await _forced(request, handler, force)
        if _obeyed(answers, force):
            return ModelResponse(result=answers)
        if self.offer.fuses and force in (FUSION, ANY):
            return ModelResponse(result=[self._call_of_fusion(answers)])
        self.ignored = True
        return ModelResponse(result=answers) if answers else await handler(request)

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Run the call, if tools may run, and if it is no second fusion in this turn."""
        call = request.tool_call
        if self.forbid is not None:
            return _refused(call, "no tool may run in this turn; answer without", "invalid_request")
        if call["name"] != FUSION or not self.offer.fuses:
            return await handler(request)
        messages = request.state["messages"]
        if not _first(messages, call):
            return _refused(call, "fusion runs once per turn; use the result you have", CAPPED)
        with attached(attachments(messages)):
            result = await handler(request)
        if isinstance(result, ToolMessage) and isinstance(result.artifact, dict):
            self.output = result.artifact.get("output")
        return result

    def _call_of_fusion(self, answers: Sequence[BaseMessage]) -> AIMessage:
        """Make the call here: servers ignore or refuse tool_choice often enough."""
        call = {
            "name": FUSION,
            "args": {"question": self.question},
            "id": f"call_{uuid4().hex[:12]}",
            "type": "tool_call",
        }
        said = next((message for message in reversed(answers) if isinstance(message, AIMessage)), AIMessage(""))
        return said.model_copy(update={"content": "", "tool_calls": [call], "invalid_tool_calls": []})


async def _forced(
    request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]], force: str
) -> list[BaseMessage]:
    # A tool that the gateway runs goes by its type, `vendor:tool`.
    choice: Any = {"type": force} if ":" in force else force
    try:
        response = await handler(request.override(tool_choice=choice))
    except Exception as error:
        if classify(error).kind != "invalid_request":
            raise
        return []
    return list(response.result)


def _obeyed(answers: Sequence[BaseMessage], force: str) -> bool:
    called = [call["name"] for message in answers if isinstance(message, AIMessage) for call in message.tool_calls]
    # What a gateway runs itself leaves no call behind.
    return bool(called) if force == ANY else force in called or (":" in force and bool(answers))


def _refused(call: ToolCall, error: str, reason: str) -> ToolMessage:
    content = json.dumps(failure(error, reason))
    return ToolMessage(content, name=call["name"], tool_call_id=call["id"] or "", status="error")


def _first(messages: Sequence[BaseMessage], call: ToolCall) -> bool:
    turn = this_turn(messages)
    if fusion_results(turn):
        return False
    vain = {message.tool_call_id for message in turn if isinstance(message, ToolMessage) and message.status == "error"}
    waiting = [one["id"] for one in fusion_calls(turn) if one["id"] not in vain]
    return waiting[:1] == [call["id"]]

"""Tools that the client runs: the run ends with their calls, after the tools that run here have been run.

Every provider wants a result for every call before the conversation goes on. So a turn that calls both kinds is told
in two messages: first one with the calls that run here, which their results follow; then, as the last of the run, one
with the client's calls and whatever the model said. The next run begins with the client's results behind that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any
from uuid import uuid4

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse, hook_config
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.types import Command

from fusion_graph.middleware.writer_options import offered

HELD = "fusion_client_calls"
"""Key in a message's `additional_kwargs` while the run goes on: the client's calls of that turn."""
_CALL_BLOCKS = ("tool_use", "tool_call", "function_call")


class HandBack(AgentMiddleware[Any, Any]):
    """Ends the run where the client must act.

    Args:
        client: Names of the client's tools.
    """

    def __init__(self, client: Collection[str]) -> None:
        super().__init__()
        self.client = frozenset(client)

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Call the model, unless the client's calls of its last turn still wait for those that ran here."""
        if (waiting := _waiting(request.messages)) is not None:
            return ModelResponse(result=[_handed(waiting)])
        response = await handler(request)
        if offered(request):
            response.result = [self._held(m) if isinstance(m, AIMessage) else m for m in response.result]
        return response

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Run a tool; a client's call comes here only if its arguments could not be read."""
        call = request.tool_call
        if call["name"] not in self.client:
            return await handler(request)
        text = "The arguments are no JSON object, so the tool was not called. Call it again."
        return ToolMessage(text, name=call["name"], tool_call_id=call["id"] or "", status="error")

    @hook_config(can_jump_to=["end"])
    async def aafter_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:  # noqa: ARG002 - LangChain's shape
        """End the run with the client's calls, once no other call of the turn is left."""
        last = state["messages"][-1]
        if not isinstance(last, AIMessage) or last.tool_calls or HELD not in last.additional_kwargs:
            return None
        calls = last.additional_kwargs[HELD]
        return {"messages": [last.model_copy(update={"tool_calls": calls})], "jump_to": "end"}

    def _held(self, message: AIMessage) -> AIMessage:
        theirs = [call for call in message.tool_calls if call["name"] in self.client]
        if not theirs:
            return message
        ours = [call for call in message.tool_calls if call["name"] not in self.client]
        extra = {key: value for key, value in message.additional_kwargs.items() if key != "tool_calls"}
        update = {"tool_calls": ours, "additional_kwargs": {**extra, HELD: theirs}}
        return message.model_copy(update=update)


def _waiting(messages: Sequence[BaseMessage]) -> AIMessage | None:
    last = next((message for message in reversed(messages) if isinstance(message, AIMessage)), None)
    if last is None or HELD not in last.additional_kwargs or not isinstance(messages[-1], ToolMessage):
        return None
    return last


def _handed(turn: AIMessage) -> AIMessage:
    held = turn.additional_kwargs[HELD]
    return AIMessage(str(turn.text), id=f"lc_{uuid4()}", additional_kwargs={HELD: held})


def told(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Bring what a run added into the form in which it is handed over.

    Args:
        messages: What the calling model and its tools added.

    Returns:
        The same without the marks of this module; the words of a turn that was told in two messages stand in the
        second one only.
    """
    return [_unmarked(message) for message in messages]


def _unmarked(message: BaseMessage) -> BaseMessage:
    if not isinstance(message, AIMessage) or HELD not in message.additional_kwargs:
        return message
    held = message.additional_kwargs[HELD]
    extra = {key: value for key, value in message.additional_kwargs.items() if key != HELD}
    if held == message.tool_calls:
        return message.model_copy(update={"additional_kwargs": extra})
    return message.model_copy(update={"additional_kwargs": extra, "content": _wordless(message, held)})


def _wordless(message: AIMessage, held: Sequence[Any]) -> Any:
    """Take the words and the client's calls out of a message's content; thoughts and our calls stay."""
    if isinstance(message.content, str):
        return ""
    gone = {call["id"] for call in held}
    return [
        block
        for block in message.content
        if isinstance(block, dict)
        and block.get("type") != "text"
        and not (block.get("type") in _CALL_BLOCKS and (block.get("call_id") or block.get("id")) in gone)
    ]

"""The messages of chat completions as LangChain's."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from fusion_graph.server.messages.calls import called
from fusion_graph.server.messages.content import content_of
from fusion_graph.server.messages.replay import of_details
from fusion_graph.server.requests import chat_messages as wire
from fusion_graph.server.requests.parts import text_of


def from_chat(messages: Sequence[wire.ChatMessage]) -> list[AnyMessage]:
    """Read the messages.

    Args:
        messages: The request's.

    Returns:
        LangChain's; a fusion that an answer rests on stands before the answer, as the call of a tool.
    """
    return [read for message in messages for read in _read(message)]


def _read(message: wire.ChatMessage) -> list[AnyMessage]:
    if isinstance(message, wire.SystemMessage):
        return [SystemMessage(text_of(message.content), name=message.name)]
    if isinstance(message, wire.UserMessage):
        return [HumanMessage(content_of(message.content), name=message.name)]
    if isinstance(message, wire.ToolMessage):
        return [ToolMessage(text_of(message.content), tool_call_id=message.tool_call_id, name=message.name)]
    calls = [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or []]
    text = text_of(message.content) or message.refusal or ""
    return [*of_details(message.reasoning_details), AIMessage(text, name=message.name, **called(calls))]

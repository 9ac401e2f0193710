"""The input of responses as LangChain's messages."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from fusion_graph.server.messages.calls import called
from fusion_graph.server.messages.content import content_of
from fusion_graph.server.messages.replay import of_item
from fusion_graph.server.requests import response_items as wire
from fusion_graph.server.requests.parts import text_of


def from_input(given: str | Sequence[wire.InputItem]) -> list[AnyMessage]:
    """Read the input.

    Args:
        given: A question, or items.

    Returns:
        The messages; calls that follow an answer or each other belong to one message, as providers want it.
    """
    if isinstance(given, str):
        return [HumanMessage(given)]
    messages: list[AnyMessage] = []
    for item in given:
        if isinstance(item, wire.FunctionCall):
            _add_call(messages, item)
        elif isinstance(item, wire.FusionItem):
            messages.extend(of_item(item, _asked(messages)))
        elif isinstance(item, wire.FunctionCallOutput):
            messages.append(ToolMessage(content_of(item.output), tool_call_id=item.call_id))
        elif isinstance(item, wire.InputMessage):
            messages.append(_said(item))
    return messages


def _said(item: wire.InputMessage) -> AnyMessage:
    if item.role == "user":
        return HumanMessage(content_of(item.content))
    if item.role == "assistant":
        return AIMessage(text_of(item.content))
    return SystemMessage(text_of(item.content))


def _add_call(messages: list[AnyMessage], item: wire.FunctionCall) -> None:
    added = called([(item.call_id, item.name, item.arguments)])
    last = messages[-1] if messages else None
    if not isinstance(last, AIMessage):
        messages.append(AIMessage("", **added))
        return
    calls = [*last.tool_calls, *added["tool_calls"]]
    invalid = [*last.invalid_tool_calls, *added["invalid_tool_calls"]]
    messages[-1] = AIMessage(last.content, tool_calls=calls, invalid_tool_calls=invalid)


def _asked(messages: Sequence[AnyMessage]) -> str:
    return next((str(message.text) for message in reversed(messages) if isinstance(message, HumanMessage)), "")

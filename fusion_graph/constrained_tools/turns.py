"""Tool calls and results of a conversation as plain text turns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolCall,
    ToolMessage,
    merge_message_runs,
)

from fusion_graph.fence import fence


def plain_turns(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Tell tool calls and their results in plain text, for chat templates that have no part for them.

    Args:
        messages: A conversation in LangChain's messages.

    Returns:
        The same conversation without tool messages: each result is a fenced part of the user's turn, with
        the call that led to it; turns of the same side are joined.
    """
    calls: dict[str | None, ToolCall] = {}
    turns: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            turns.append(HumanMessage(_told(message, calls.get(message.tool_call_id))))
        elif isinstance(message, AIMessage):
            calls.update((call["id"], call) for call in message.tool_calls)
            turns.extend([AIMessage(message.text)] if message.text else [])
        else:
            turns.append(message)
    return merge_message_runs(turns)


def calls_of_this_turn(messages: Sequence[BaseMessage]) -> list[tuple[str, dict[str, Any]]]:
    """List the tool calls since the user last spoke, newest first.

    Args:
        messages: A conversation in LangChain's messages.

    Returns:
        Name and arguments of each call.
    """
    calls: list[tuple[str, dict[str, Any]]] = []
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        if isinstance(message, AIMessage):
            calls.extend((call["name"], call["args"]) for call in message.tool_calls)
    return calls


def _told(message: ToolMessage, call: ToolCall | None) -> str:
    name = (call["name"] if call else message.name) or "a tool"
    arguments = json.dumps(call["args"], ensure_ascii=False, default=str) if call else ""
    verb = "failed with" if message.status == "error" else "gave"
    return f"The call {name}({arguments}) {verb}:\n" + fence("tool_result", message.text, tool=name)

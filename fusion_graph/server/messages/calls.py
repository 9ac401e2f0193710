"""Calls of the client's functions in a conversation: each is answered, and each answer has its call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, InvalidToolCall, ToolCall, ToolMessage

from fusion_graph.server.requests.faults import bad, shown


def called(calls: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """Bring calls into LangChain's form.

    Args:
        calls: Id, name and arguments of each, the arguments as JSON text.

    Returns:
        Arguments of an `AIMessage`; what is no JSON object is kept as an invalid call, in the model's own words.
    """
    valid: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for call_id, name, arguments in calls:
        args = _object(arguments)
        if args is None:
            wrong = InvalidToolCall(name=name, args=arguments, id=call_id, error=None, type="invalid_tool_call")
            invalid.append(wrong)
        else:
            valid.append(ToolCall(name=name, args=args, id=call_id, type="tool_call"))
    return {"tool_calls": valid, "invalid_tool_calls": invalid}


def _object(arguments: str) -> dict[str, Any] | None:
    try:
        read = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def check_calls(messages: Sequence[AnyMessage], param: str) -> None:
    """Refuse a conversation that no provider would take.

    Args:
        messages: The conversation.
        param: The request's field, for the message.

    Raises:
        ApiError: 400: a result has no call before it, or a call has no result after it.
    """
    open_calls: dict[str, str] = {}
    for message in messages:
        if isinstance(message, ToolMessage):
            if open_calls.pop(message.tool_call_id, None) is None:
                told = f"{param}: the result for {shown(message.tool_call_id)} has no call before it that waits for one"
                raise bad(told, param)
            continue
        _none_open(open_calls, param)
        if isinstance(message, AIMessage):
            for call in (*message.tool_calls, *message.invalid_tool_calls):
                open_calls[call["id"] or ""] = call["name"] or ""
    _none_open(open_calls, param)


def _none_open(open_calls: dict[str, str], param: str) -> None:
    if open_calls:
        call_id, name = next(iter(open_calls.items()))
        told = f"{param}: the call {shown(call_id)} of {shown(name)} has no result; send what it returned after it"
        raise bad(told, param)


def goes_on(messages: Sequence[AnyMessage]) -> bool:
    """Whether the user's turn is under way: a model has spoken after the last message of the user."""
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            return False
        if isinstance(message, AIMessage):
            return True
    return False

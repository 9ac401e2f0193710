"""Messages as LangGraph Server's API carries them, in states and in what tasks are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

_KINDS: dict[str, type[BaseMessage]] = {
    "human": HumanMessage,
    "ai": AIMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
}


def read_messages(messages: Any) -> list[AnyMessage]:
    """Read messages; those that are messages already stay."""
    read: list[Any] = [
        _KINDS[message["type"]].model_validate(message) if isinstance(message, Mapping) else message
        for message in messages
    ]
    return read


def read_state(values: Mapping[str, Any]) -> dict[str, Any]:
    """Read the messages in a state."""
    return {**values, "messages": read_messages(values["messages"])} if "messages" in values else dict(values)


def wire_messages(values: Any) -> Any:
    """Make the messages of a state, or of what a task is given, JSON-plain."""
    if not isinstance(values, Mapping) or "messages" not in values:
        return values
    plain = [
        message.model_dump(mode="json") if isinstance(message, BaseMessage) else message
        for message in values["messages"]
    ]
    return {**values, "messages": plain}

"""How many tokens a request can hold, estimated on the high side; every model cuts text in its own way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

BYTES_PER_TOKEN = 3
"""English has four to five, code and JSON about three, scripts of three bytes a character about one character."""
_PER_MESSAGE = 10
_PER_PICTURE = 2_500
"""Tokens of what is no text: large pictures cost most vendors' models less."""
_TEXTS = ("text", "thinking", "reasoning")


def tokens_at_most(text: str) -> int:
    """Estimate the tokens of a text on the high side."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def request_tokens(messages: Iterable[BaseMessage], tools: Sequence[Any] = ()) -> int:
    """Estimate the tokens of a request on the high side.

    Args:
        messages: Everything that is sent, the system prompt included.
        tools: The tools that are offered, whose schemas are sent too.

    Returns:
        Tokens.
    """
    return sum(_message(message) for message in messages) + sum(_tool(tool) for tool in tools)


def _message(message: BaseMessage) -> int:
    blocks = [message.content] if isinstance(message.content, str) else message.content
    calls = json.dumps([call["args"] for call in message.tool_calls]) if isinstance(message, AIMessage) else ""
    return _PER_MESSAGE + tokens_at_most(calls) + sum(_block(block) for block in blocks)


def _block(block: str | dict[Any, Any]) -> int:
    if isinstance(block, str):
        return tokens_at_most(block)
    text = next((block[name] for name in _TEXTS if isinstance(block.get(name), str)), None)
    return _PER_PICTURE if text is None else tokens_at_most(text)


def _tool(tool: Any) -> int:
    schema = tool if isinstance(tool, dict) else convert_to_openai_tool(tool)
    return tokens_at_most(json.dumps(schema, ensure_ascii=False))

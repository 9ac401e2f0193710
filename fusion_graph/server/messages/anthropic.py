"""The messages of Anthropic's shape as LangChain's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from fusion_graph.server.messages.content import content_of
from fusion_graph.server.requests import anthropic_blocks as wire
from fusion_graph.server.requests.parts import text_of


def from_anthropic(turns: Sequence[wire.Turn], system: Any = None) -> list[AnyMessage]:
    """Read the turns.

    Args:
        turns: The request's `messages`.
        system: Its `system`, a text or blocks.

    Returns:
        The messages; results of functions that a user turn holds come before what the user says in it.
    """
    prompt: list[AnyMessage] = [SystemMessage(text_of(system))] if system else []
    return [*prompt, *(read for turn in turns for read in _read(turn))]


def _read(turn: wire.Turn) -> list[AnyMessage]:
    if isinstance(turn, wire.AssistantTurn):
        return [_answer(turn)]
    if isinstance(turn.content, str):
        return [HumanMessage(turn.content)]
    results = [block for block in turn.content if isinstance(block, wire.ToolResultBlock)]
    said = [block for block in turn.content if not isinstance(block, wire.ToolResultBlock)]
    spoken: list[AnyMessage] = [HumanMessage(content_of(said))] if said else []
    return [*map(_result, results), *spoken]


def _result(block: wire.ToolResultBlock) -> ToolMessage:
    status = "error" if block.is_error else "success"
    return ToolMessage(content_of(block.content), tool_call_id=block.tool_use_id, status=status)


def _answer(turn: wire.AssistantTurn) -> AIMessage:
    if isinstance(turn.content, str):
        return AIMessage(turn.content)
    calls = [
        {"id": block.id, "name": block.name, "args": block.input, "type": "tool_call"}
        for block in turn.content
        if isinstance(block, wire.ToolUseBlock)
    ]
    return AIMessage(text_of(turn.content), tool_calls=calls)

"""A finished run as an Anthropic message."""

from __future__ import annotations

from typing import Any

from anthropic.types import TextBlock, ToolUseBlock

from fusion_graph.server.render.extension import fusion_field
from fusion_graph.server.render.result import Result
from fusion_graph.server.render.tally import Tally
from fusion_graph.server.render.usage import messages_usage

_STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


def message(result: Result, tally: Tally, message_id: str) -> dict[str, Any]:
    """Return a `message`.

    Args:
        result: The finished run, with an answer.
        tally: Its tool calls.
        message_id: `msg_...`.

    Returns:
        Anthropic's object with the field `fusion`, in which `annotations` cite by positions in the last text block.
    """
    said = [*result.said_before, *([result.text] if result.text else [])]
    blocks: list[TextBlock | ToolUseBlock] = [TextBlock(type="text", text=text) for text in said]
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": result.model,
        "content": [block.model_dump(mode="json", exclude_unset=True) for block in [*blocks, *tool_blocks(result)]],
        "stop_reason": stop_reason(result),
        "stop_sequence": None,
        "usage": messages_usage(result.receipt, tally),
        "fusion": message_field(result),
    }


def message_field(result: Result) -> dict[str, Any]:
    """Return the field `fusion` of a message: it holds the citations too, for which the API has no place."""
    return {**fusion_field(result), "annotations": result.annotations}


def stop_reason(result: Result) -> str:
    """Return why the answer ended, in Anthropic's words."""
    return _STOPS[result.finish_reason]


def tool_blocks(result: Result) -> list[ToolUseBlock]:
    """Return the calls of the client's own tools."""
    return [
        ToolUseBlock(type="tool_use", id=str(call["id"]), name=call["name"], input=call["args"])
        for call in result.tool_calls
    ]

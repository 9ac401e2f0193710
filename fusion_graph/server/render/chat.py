"""A finished run as a chat completion."""

from __future__ import annotations

import json
from typing import Any

from fusion_graph.server.render.annotations import nested
from fusion_graph.server.render.extension import fusion_field
from fusion_graph.server.render.record import reasoning_details
from fusion_graph.server.render.result import BETWEEN, Result
from fusion_graph.server.render.tally import Tally
from fusion_graph.server.render.usage import chat_usage


def chat_completion(result: Result, tally: Tally, completion_id: str, created: int) -> dict[str, Any]:
    """Return a `chat.completion`.

    Args:
        result: The finished run, with an answer.
        tally: Its tool calls.
        completion_id: `chatcmpl-...`.
        created: Unix time in seconds.

    Returns:
        OpenAI's object with OpenRouter's additions and the field `fusion`.
    """
    message: dict[str, Any] = {
        "role": "assistant",
        "content": result.whole_text or None,
        "refusal": None,
        **message_extras(result),
    }
    if result.reasoning:
        message["reasoning"] = result.reasoning
    if result.tool_calls:
        message["tool_calls"] = tool_calls(result)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": result.finish_reason}
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": result.model,
        "system_fingerprint": None,
        "choices": [choice],
        "usage": chat_usage(result.receipt, tally),
        "fusion": fusion_field(result),
    }


def message_extras(result: Result) -> dict[str, Any]:
    """Return citations and the record of the fusion, as far as there are any.

    Args:
        result: The finished run.

    Returns:
        `annotations`, with positions in the whole content, and `reasoning_details`.
    """
    offset = sum(len(text) + len(BETWEEN) for text in result.said_before)
    extras = {
        "annotations": nested(result.annotations, offset),
        "reasoning_details": reasoning_details(result),
    }
    return {name: value for name, value in extras.items() if value}


def tool_calls(result: Result) -> list[dict[str, Any]]:
    """Return the calls of the client's own tools, as a chat message has them."""
    return [
        {
            "id": call["id"],
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["args"], ensure_ascii=False)},
        }
        for call in result.tool_calls
    ]

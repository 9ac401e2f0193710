"""What the two calls behind one answer used, and how they are streamed as one."""

from __future__ import annotations

import json
import sys

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk


def with_usage(answer: AIMessage, decided: AIMessage | None) -> AIMessage:
    """Add what deciding used to what answering used.

    Args:
        answer: The answer.
        decided: The decision before it, if one was asked for.

    Returns:
        The answer with the sum; unknown where one of the two is unknown.
    """
    if decided is None:
        return answer
    known = answer.usage_metadata and decided.usage_metadata
    total = add_usage(answer.usage_metadata, decided.usage_metadata) if known else None
    return answer.model_copy(update={"usage_metadata": total})


def first_chunk(decided: AIMessage) -> ChatGenerationChunk:
    """Stream what was decided.

    Args:
        decided: The decision.

    Returns:
        The tool call, or an empty chunk with just what deciding used.
    """
    calls = [
        tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=at)
        for at, call in enumerate(decided.tool_calls)
    ]
    message = AIMessageChunk(
        content="",
        tool_call_chunks=calls,
        response_metadata=decided.response_metadata,
        usage_metadata=decided.usage_metadata,
    )
    return ChatGenerationChunk(message=message)


def next_chunk(chunk: AIMessageChunk, decided: AIMessage | None) -> ChatGenerationChunk:
    """Pass a chunk of the inner model's answer on.

    Args:
        chunk: The chunk.
        decided: The decision before it; if what that used is unknown, so is the sum.

    Returns:
        The chunk as part of the outer message.
    """
    unknown = decided is not None and decided.usage_metadata is None
    usage = None if unknown else chunk.usage_metadata
    return ChatGenerationChunk(message=chunk.model_copy(update={"id": None, "usage_metadata": usage}))


def cut_short() -> tuple[type[Exception], ...]:
    """Return what OpenAI's SDK raises in place of a constrained output that hit its token limit."""
    openai = sys.modules.get("openai")
    return (openai.LengthFinishReasonError,) if openai else ()


def cut_reply(error: Exception) -> AIMessage:
    """Make a reply of such an error.

    Args:
        error: What was raised.

    Returns:
        An empty message with what the call used, where the error says it.
    """
    used = getattr(getattr(error, "completion", None), "usage", None)
    if used is None:
        return AIMessage("")
    usage = UsageMetadata(
        input_tokens=used.prompt_tokens, output_tokens=used.completion_tokens, total_tokens=used.total_tokens
    )
    return AIMessage("", usage_metadata=usage)

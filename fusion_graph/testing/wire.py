"""Replies in OpenAI's wire format, whole and in chunks."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from fusion_graph.testing.calls import ReceivedCall
from fusion_graph.testing.faults import Fault
from fusion_graph.testing.replies import Completion, ToolCall, Usage

_CHARS_PER_TOKEN = 4
_FRAGMENT = 8
_WORD_BOUNDARY = re.compile(r"(?<=\s)(?=\S)")
_REASONING_FIELDS = ("reasoning", "reasoning_content")


def whole(reply: Completion, call: ReceivedCall) -> dict[str, Any]:
    """Return the body of a response that is not streamed.

    Args:
        reply: The reply.
        call: The call it answers.

    Returns:
        A `chat.completion` object, or an object with the error of `cut_with`.
    """
    if reply.cut_with is not None:
        return {"error": _late_error(reply.cut_with)}
    choice = {"index": 0, "message": _message(reply, call), "logprobs": None, "finish_reason": reply.ending}
    body = {**_head(reply, call, "chat.completion"), "choices": [choice]}
    usage = usage_of(reply, call)
    return body if usage is None else {**body, "usage": usage}


def chunks(reply: Completion, call: ReceivedCall) -> Iterator[dict[str, Any]]:
    """Yield the chunks of a stream: text word by word, tool arguments in fragments, usage last if asked for.

    Args:
        reply: The reply.
        call: The call it answers.

    Yields:
        `chat.completion.chunk` objects.
    """
    head = _head(reply, call, "chat.completion.chunk")
    for delta in _deltas(reply, call):
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reply.ending}]}
    usage = usage_of(reply, call) if _wants_usage(call) else None
    if usage is not None:
        yield {**head, "choices": [], "usage": usage}


def late_error(fault: Fault, reply: Completion, call: ReceivedCall) -> dict[str, Any]:
    """Return the chunk that ends a stream with an error.

    Args:
        fault: The error.
        reply: The reply it ends.
        call: The call that is answered.

    Returns:
        A chunk with an `error` and the finish reason `error`.
    """
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
    return {**_head(reply, call, "chat.completion.chunk"), "error": _late_error(fault), "choices": [choice]}


def usage_of(reply: Completion, call: ReceivedCall) -> dict[str, Any] | None:
    """Return the usage block of a reply.

    Args:
        reply: The reply.
        call: The call it answers.

    Returns:
        The block, tokens estimated where the script names none; None when no usage is to be reported.
    """
    usage = reply.usage
    if usage is None:
        return None
    tools = json.dumps(call.body["tools"]) if call.body.get("tools") else ""
    prompt = _tokens(call.prompt + tools) if usage.prompt_tokens is None else usage.prompt_tokens
    completion = _tokens(_output(reply)) if usage.completion_tokens is None else usage.completion_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        **_details(usage),
    }


def _details(usage: Usage) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if usage.cached_tokens is not None:
        details["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if usage.reasoning_tokens is not None:
        details["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    if usage.cost is not None:
        details["cost"] = usage.cost
    return details


def _head(reply: Completion, call: ReceivedCall, kind: str) -> dict[str, Any]:
    model = reply.served_model or call.model
    return {"id": call.id, "object": kind, "created": int(time.time()), "model": model}


def _message(reply: Completion, call: ReceivedCall) -> dict[str, Any]:
    no_text = reply.refusal is not None or (reply.tool_calls and not reply.content)
    message: dict[str, Any] = {"role": "assistant", "content": None if no_text else reply.content}
    message["refusal"] = reply.refusal
    if reply.reasoning is not None:
        message.update(dict.fromkeys(_REASONING_FIELDS, reply.reasoning))
    if reply.tool_calls:
        message["tool_calls"] = [
            _tool_call(tool, call, at, tool.arguments_text) for at, tool in enumerate(reply.tool_calls)
        ]
    return message


def _tool_call(tool: ToolCall, call: ReceivedCall, at: int, arguments: str) -> dict[str, Any]:
    call_id = tool.call_id or f"call_{call.id.removeprefix('chatcmpl-')}_{at}"
    return {"id": call_id, "type": "function", "function": {"name": tool.name, "arguments": arguments}}


def _deltas(reply: Completion, call: ReceivedCall) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    for piece in _words(reply.reasoning or ""):
        yield dict.fromkeys(_REASONING_FIELDS, piece)
    if reply.refusal is None:
        for piece in _words(reply.content):
            yield {"content": piece}
    else:
        for piece in _words(reply.refusal):
            yield {"refusal": piece}
    for at, tool in enumerate(reply.tool_calls):
        yield {"tool_calls": [{"index": at, **_tool_call(tool, call, at, "")}]}
        for fragment in _fragments(tool.arguments_text):
            yield {"tool_calls": [{"index": at, "function": {"arguments": fragment}}]}


def _words(text: str) -> list[str]:
    return _WORD_BOUNDARY.split(text) if text else []


def _fragments(text: str) -> list[str]:
    return [text[at : at + _FRAGMENT] for at in range(0, len(text), _FRAGMENT)]


def _wants_usage(call: ReceivedCall) -> bool:
    openai = call.body.get("stream_options") or {}
    openrouter = call.body.get("usage") or {}
    return bool(openai.get("include_usage") or openrouter.get("include"))


def _output(reply: Completion) -> str:
    tools = "".join(tool.name + tool.arguments_text for tool in reply.tool_calls)
    return (reply.reasoning or "") + (reply.refusal or reply.content) + tools


def _tokens(text: str) -> int:
    return -(-len(text) // _CHARS_PER_TOKEN)


def _late_error(fault: Fault) -> dict[str, Any]:
    return {**fault.error(), "code": fault.code or fault.status}

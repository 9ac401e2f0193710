"""The output items of a Response."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.messages import ToolCall
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from fusion_graph.server.render.record import SERVER_TOOL, tool_result


def new_id(prefix: str) -> str:
    """Make the id of an item or an object, such as `msg_...`."""
    return f"{prefix}_{uuid4().hex}"


def fusion_item(item_id: str, panel: Mapping[str, Any] | None = None, *, ended: bool = True) -> dict[str, Any]:
    """Return an `openrouter:fusion` item.

    Args:
        item_id: `st_...`.
        panel: What the panel came to; `None` while it works, or where it broke off.
        ended: Whether it works no more.

    Returns:
        The item: `completed` with an analysis or with drafts alone, `incomplete` without either. Where the judge failed
        `failure_reason` says why; `seat_id` and `label` are added to every draft and every failed model.
    """
    item: dict[str, Any] = {"type": SERVER_TOOL, "id": item_id, "status": "incomplete" if ended else "in_progress"}
    if panel is None:
        return item
    result = tool_result(dict(panel))
    if result["status"] == "ok":
        item["status"] = "completed"
        result["failure_reason"] = _judge_failure(panel)
        result["responses"] = panel["responses"]  # with the addresses as the seats wrote them
        result["sources"] = [{"url": s["url"], "title": s["title"], "id": s["id"]} for s in panel["sources"]]
    kept = ("analysis", "responses", "sources", "failed_models", "error", "failure_reason")
    return {**item, **{name: result[name] for name in kept if result.get(name)}}


def _judge_failure(panel: Mapping[str, Any]) -> str | None:
    if panel["analysis"] is not None:
        return None
    codes = (entry["reason"] for entry in panel["receipt"]["degraded"] if entry["part"] == "judge")
    return next((code for code in codes if code.startswith("judge_")), None)


def message_item(item_id: str, status: Any, parts: Sequence[ResponseOutputText] = ()) -> dict[str, Any]:
    """Return a `message` item.

    Args:
        item_id: `msg_...`.
        status: `in_progress`, `completed` or `incomplete`.
        parts: Its content.
    """
    message = ResponseOutputMessage(id=item_id, type="message", role="assistant", status=status, content=list(parts))
    return message.model_dump(mode="json", exclude_unset=True)


def text_part(text: str, annotations: Sequence[dict[str, Any]] = ()) -> ResponseOutputText:
    """Return an `output_text` part with its citations."""
    return ResponseOutputText.model_validate(
        {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": []}
    )


def reasoning_item(item_id: str, status: str, text: str = "") -> dict[str, Any]:
    """Return a `reasoning` item with the text as its content."""
    content = [{"type": "reasoning_text", "text": text}] if text else []
    return {"type": "reasoning", "id": item_id, "summary": [], "content": content, "status": status}


def call_item(call: ToolCall, status: Any) -> dict[str, Any]:
    """Return the `function_call` item of a call of the client's own tool."""
    item = ResponseFunctionToolCall(
        type="function_call",
        id=new_id("fc"),
        call_id=str(call["id"]),
        name=call["name"],
        arguments=json.dumps(call["args"], ensure_ascii=False) if status == "completed" else "",
        status=status,
    )
    return item.model_dump(mode="json", exclude_unset=True, by_alias=True)


def web_item(
    item_id: str, tool: str, arguments: Mapping[str, Any], sources: Sequence[Any], status: str
) -> dict[str, Any]:
    """Return the item of a search or a fetch that the calling model made itself.

    Args:
        item_id: `st_...`.
        tool: `web_search` or `web_fetch`.
        arguments: What the model asked for.
        sources: What was found.
        status: `in_progress`, `completed` or `incomplete`.
    """
    item: dict[str, Any] = {"type": f"openrouter:{tool}", "id": item_id, "status": status}
    if tool == "web_fetch":
        return {**item, "url": str(arguments.get("url", "")), "title": sources[0]["title"] if sources else None}
    found = [{"type": "url", "url": source["url"]} for source in sources]
    return {**item, "action": {"type": "search", "query": str(arguments.get("query", "")), "sources": found}}

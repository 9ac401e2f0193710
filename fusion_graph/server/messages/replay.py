"""A fusion of an earlier turn, put back where it happened: the call of the tool, and what it returned."""

from __future__ import annotations

import json
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from langchain_core.messages import AIMessage, AnyMessage, ToolCall, ToolMessage

from fusion_graph.server.requests.chat_messages import ReasoningDetail
from fusion_graph.server.requests.response_items import FusionItem
from fusion_graph.tool import FUSION, failure

SERVER_TOOL = "openrouter:fusion"


def of_details(details: list[ReasoningDetail] | None) -> list[AnyMessage]:
    """Read the fusions out of an assistant message's `reasoning_details`.

    Args:
        details: The records.

    Returns:
        For each complete record of a fusion the call and its result; nothing for others.
    """
    replayed: list[AnyMessage] = []
    for detail in details or []:
        ours = detail.type == "reasoning.server_tool_call" and detail.tool_name == SERVER_TOOL
        if ours and detail.result:
            replayed += _pair(_question(detail.arguments), detail.result, detail.tool_call_id)
    return replayed


def of_item(item: FusionItem, asked: str) -> list[AnyMessage]:
    """Read a fusion item of responses.

    Args:
        item: The item.
        asked: The question that it answered, where the item does not say.

    Returns:
        The call and its result; nothing for a fusion that had not ended.
    """
    if item.status == "in_progress":
        return []
    given = item.model_dump(include={"analysis", "responses", "sources", "failed_models"}, exclude_none=True)
    failed = item.status == "incomplete" or (item.error is not None and not item.responses)
    told = failure(item.error or "the fusion did not end", item.failure_reason or "unexpected_error")
    result = {**(told if failed else {"status": "ok"}), **given}
    return _pair(item.prompt or asked, json.dumps(result, ensure_ascii=False), item.id)


def _pair(question: str, result: str, call_id: str | None) -> list[AnyMessage]:
    # The id is made from the content, so that a conversation sent twice is the same bytes for prompt caches.
    name = call_id or f"call_{uuid5(NAMESPACE_OID, question + result).hex[:12]}"
    call = ToolCall(name=FUSION, args={"question": question}, id=name, type="tool_call")
    failed = _object(result).get("status") == "error"
    told = ToolMessage(result, name=FUSION, tool_call_id=name, status="error" if failed else "success")
    return [AIMessage("", tool_calls=[call]), told]


def _question(arguments: str | None) -> str:
    named = _object(arguments or "{}")
    return str(named.get("question") or named.get("prompt") or "")


def _object(text: str) -> dict[str, Any]:
    try:
        read: Any = json.loads(text)
    except (ValueError, RecursionError):  # cut, or rewritten by a client
        return {}
    return read if isinstance(read, dict) else {}

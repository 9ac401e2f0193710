"""The record of a fusion in a chat message: what a later request brings back, so that the panel is not asked anew."""

from __future__ import annotations

import json
from typing import Any

from fusion_graph.server.render.result import Result
from fusion_graph.tool import result_of

SERVER_TOOL = "openrouter:fusion"


def reasoning_details(result: Result) -> list[dict[str, Any]]:
    """Return the `reasoning_details` of a chat message.

    Args:
        result: The finished run.

    Returns:
        One `reasoning.server_tool_call` where a panel was convened: `arguments` is the JSON of `{"prompt"}`, `result`
        that of the tool's result (`status`, `analysis`, `responses`, `failed_models`, `sources`, or `error`).
    """
    panel = result.panel
    if panel is None:
        return []
    call_id, question = result.fusion_call
    record = {
        "type": "reasoning.server_tool_call",
        "tool_name": SERVER_TOOL,
        "arguments": json.dumps({"prompt": question}, ensure_ascii=False),
        "result": json.dumps(tool_result(panel), ensure_ascii=False),
        "tool_call_id": call_id or None,
        "index": 0,
    }
    return [record]


def tool_result(panel: dict[str, Any]) -> dict[str, Any]:
    """Bring a panel's output into the form of the tool's result, without a written answer.

    Args:
        panel: The output of a graph, or what the tool said where none came about.

    Returns:
        The result, JSON-plain.
    """
    if "receipt" not in panel:
        kept = ("status", "error", "failure_reason")
        return {key: panel[key] for key in kept if key in panel}
    written = result_of({**panel, "receipt": {**panel["receipt"], "writer": None}})
    return {key: value for key, value in written.items() if value is not None}

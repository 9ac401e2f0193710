"""Which graph runs, and what its calling model may and must call."""

from __future__ import annotations

from typing import Any

from fusion_graph.config import Mode
from fusion_graph.config_caller import CHOICES, FUSION
from fusion_graph.server.messages.calls import goes_on
from fusion_graph.server.plan import GraphName
from fusion_graph.server.planning.wanted import Wanted
from fusion_graph.server.requests.faults import bad, shown

SERVER_TOOLS = {"openrouter:fusion": FUSION, "openrouter:web_search": "web_search", "openrouter:web_fetch": "web_fetch"}
MAX_STEPS = 30
"""Tool steps of the calling model, which is what OpenRouter allows too."""


def choose_graph(mode: Mode | None, wanted: Wanted) -> tuple[GraphName, dict[str, Any]]:
    """Choose the graph.

    Args:
        mode: How the request is worked on; `None` for a plain call.
        wanted: The request.

    Returns:
        The graph, and fields of `FusionConfig` about the calling model.

    Raises:
        ApiError: 400: `tool_choice` names no tool of the request, or contradicts the mode.
    """
    choice = _choice(mode, wanted)
    _check_steps(wanted)
    if mode == "analyze":
        return "deliberation", _without_tools(wanted, choice)
    if mode == "fuse":
        return _always(wanted, choice)
    return "fusion_agent", {**_tools(wanted, choice), **({} if mode else {"may_deliberate": False})}


def _choice(mode: Mode | None, wanted: Wanted) -> str:
    choice, tools = wanted.tool_choice, wanted.tools
    if choice == "required" and mode is None and not tools.any:
        raise bad("tool_choice: 'required' needs a tool; add one to tools, or say 'auto'", "tool_choice")
    if choice in CHOICES:
        return choice
    here = [*([FUSION] if mode else []), *(spec.type for spec in tools.server)]
    theirs = [tool.name for tool in tools.client]
    known = [*theirs, *(name for name, ours in SERVER_TOOLS.items() if ours in here)]
    if choice not in known:
        listed = ", ".join([*CHOICES, *known])
        raise bad(f"tool_choice: {shown(choice)} is no tool of this request; choose one of {listed}", "tool_choice")
    return SERVER_TOOLS.get(choice, choice)


def _check_steps(wanted: Wanted) -> None:
    few = wanted.max_tool_calls is not None and wanted.max_tool_calls < MAX_STEPS
    if few and wanted.tools.server:  # without them fusion is the only server tool, and it runs once
        told = f"max_tool_calls: with web tools of the calling model only {MAX_STEPS}, the limit in force, is supported"
        raise bad(f"{told}; use their max_uses, or max_tool_calls of fusion for the panel's", "max_tool_calls")


def _without_tools(wanted: Wanted, choice: str) -> dict[str, Any]:
    if wanted.tools.any:
        raise bad("tools: mode 'analyze' has no calling model to use them; leave them out, or use mode 'auto'", "tools")
    del choice  # whatever it says, the panel deliberates
    return {}


def _always(wanted: Wanted, choice: str) -> tuple[GraphName, dict[str, Any]]:
    """Deliberate first, whatever comes then; a turn that is under way has its deliberation behind it."""
    under_way = goes_on(wanted.messages)
    if not wanted.tools.any or (choice == "none" and not under_way):
        return "fusion", {}
    if choice not in (*CHOICES, FUSION):
        told = f"tool_choice: a model that always deliberates does that first, not {shown(choice)}"
        raise bad(f"{told}; use openrouter/fusion, or tool_choice auto, none, required", "tool_choice")
    return "fusion_agent", _tools(wanted, "none" if choice == "none" else FUSION)


def _tools(wanted: Wanted, choice: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"tool_choice": choice}
    if wanted.tools.client:
        fields["client_tools"] = wanted.tools.client
    if wanted.tools.server:
        fields["caller_tools"] = wanted.tools.server
    return fields

"""`POST /v1/chat/completions`, planned."""

from __future__ import annotations

from typing import Any

from fusion_graph.kit import Kit
from fusion_graph.server.messages.chat import from_chat
from fusion_graph.server.planning.asked import gather
from fusion_graph.server.planning.make import make_plan
from fusion_graph.server.planning.options import chat_options, given
from fusion_graph.server.planning.plans import ChatPlan
from fusion_graph.server.planning.tools import outer_tools
from fusion_graph.server.planning.wanted import Wanted
from fusion_graph.server.principal import Principal
from fusion_graph.server.requests.chat import ChatRequest
from fusion_graph.server.requests.faults import checked
from fusion_graph.server.requests.plain import plain
from fusion_graph.server.requests.tools import ServerToolChoice
from fusion_graph.server.settings import ServerSettings


def plan_chat(body: Any, principal: Principal, settings: ServerSettings, kit: Kit) -> ChatPlan:
    """Plan a chat completion.

    Args:
        body: The request's JSON.
        principal: Who asks.
        settings: The operator's settings.
        kit: The operator's side of the graphs.

    Returns:
        The plan.

    Raises:
        ApiError: 400 or 403, naming the field, the value and what is allowed.
    """
    request = checked(ChatRequest, plain(body))
    tools = outer_tools(request.tools)
    wanted = Wanted(
        model=request.model,
        asked=gather(request.plugins, tools.fusion, request.fusion),
        tools=tools,
        tool_choice=word_of(request.tool_choice),
        options=chat_options(request),
        stops=request.stop_server_tools_when or (),
        max_tool_calls=request.max_tool_calls,
        messages=from_chat(request.messages),
        param="messages",
        echo=given(metadata=request.metadata, user=request.user),
    )
    options = request.stream_options
    return ChatPlan(
        plan=make_plan(wanted, principal, settings, kit),
        stream=bool(request.stream),
        include_usage=options is None or options.include_usage is not False,
        include_fusion_events=options is not None and bool(options.include_fusion_events),
    )


def word_of(choice: Any) -> str:
    """Return a `tool_choice` as one word: `auto`, `none`, `required`, or the name of a tool."""
    if choice is None or isinstance(choice, str):
        return choice or "auto"
    if isinstance(choice, ServerToolChoice):
        return choice.type
    name: str = choice.name
    return name

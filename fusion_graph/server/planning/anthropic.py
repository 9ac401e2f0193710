"""`POST /v1/messages`, planned."""

from __future__ import annotations

from typing import Any

from fusion_graph.kit import Kit
from fusion_graph.server.messages.anthropic import from_anthropic
from fusion_graph.server.planning.asked import gather
from fusion_graph.server.planning.make import make_plan
from fusion_graph.server.planning.options import given, stops
from fusion_graph.server.planning.plans import MessagesPlan
from fusion_graph.server.planning.tools import outer_tools
from fusion_graph.server.planning.wanted import Wanted
from fusion_graph.server.principal import Principal
from fusion_graph.server.requests.anthropic import MessagesRequest, NamedChoice, ThinkingOn
from fusion_graph.server.requests.faults import checked
from fusion_graph.server.requests.plain import plain
from fusion_graph.server.settings import ServerSettings

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def plan_messages(body: Any, principal: Principal, settings: ServerSettings, kit: Kit) -> MessagesPlan:
    """Plan a message.

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
    request = checked(MessagesRequest, plain(body))
    wanted = Wanted(
        model=request.model,
        asked=gather(request.plugins, None, request.fusion),
        tools=outer_tools(request.tools),
        tool_choice=_choice(request),
        options=_options(request),
        stops=request.stop_server_tools_when or (),
        messages=from_anthropic(request.messages, request.system),
        param="messages",
    )
    return MessagesPlan(plan=make_plan(wanted, principal, settings, kit), stream=bool(request.stream))


def _choice(request: MessagesRequest) -> str:
    choice = request.tool_choice
    if choice is None:
        return "auto"
    return choice.name if isinstance(choice, NamedChoice) else _CHOICES[choice.type]


def _options(request: MessagesRequest) -> dict[str, Any]:
    choice, output = request.tool_choice, request.output_config
    single = choice is not None and choice.disable_parallel_tool_use is not None
    schema = output.format.schema_ if output and output.format else None
    shape = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return given(
        max_completion_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        stop=stops(request.stop_sequences),
        reasoning=_reasoning(request),
        parallel_tool_calls=not choice.disable_parallel_tool_use if choice is not None and single else None,
        response_format=None if schema is None else shape,
    )


def _reasoning(request: MessagesRequest) -> dict[str, Any] | None:
    thinking = request.thinking
    effort = request.output_config.effort if request.output_config else None
    if isinstance(thinking, ThinkingOn):
        return given(effort=effort, max_tokens=thinking.budget_tokens)
    if thinking is not None and thinking.type == "disabled":
        return {"effort": "none"}
    return given(effort=effort) or None

"""`POST /v1/responses`, planned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AnyMessage, SystemMessage

from fusion_graph.kit import Kit
from fusion_graph.server.messages.responses import from_input
from fusion_graph.server.planning.asked import gather
from fusion_graph.server.planning.chat import word_of
from fusion_graph.server.planning.make import make_plan
from fusion_graph.server.planning.options import responses_options
from fusion_graph.server.planning.plans import ResponsesPlan
from fusion_graph.server.planning.tools import outer_tools
from fusion_graph.server.planning.wanted import Wanted
from fusion_graph.server.principal import Principal
from fusion_graph.server.requests.faults import bad, checked
from fusion_graph.server.requests.plain import plain
from fusion_graph.server.requests.responses import ResponsesRequest
from fusion_graph.server.settings import ServerSettings

_ECHOED = (
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
    "truncation",
    "user",
)
"""What a Response repeats of its request, as it was sent."""


def plan_responses(
    body: Any, principal: Principal, settings: ServerSettings, kit: Kit, earlier: Sequence[AnyMessage] = ()
) -> ResponsesPlan:
    """Plan a response.

    Args:
        body: The request's JSON.
        principal: Who asks.
        settings: The operator's settings.
        kit: The operator's side of the graphs.
        earlier: The messages of the response or conversation that it goes on from, see `continues`.

    Returns:
        The plan.

    Raises:
        ApiError: 400 or 403, naming the field, the value and what is allowed.
    """
    request = checked(ResponsesRequest, plain(body))
    _check_keeping(request)
    tools = outer_tools(request.tools)
    told: list[AnyMessage] = [SystemMessage(request.instructions)] if request.instructions else []
    wanted = Wanted(
        model=request.model,
        asked=gather(request.plugins, tools.fusion, request.fusion),
        tools=tools,
        tool_choice=word_of(request.tool_choice),
        options=responses_options(request),
        stops=request.stop_server_tools_when or (),
        max_tool_calls=request.max_tool_calls,
        messages=[*told, *earlier, *from_input(request.input)],
        param="input",
        echo=_echo(request, body),
    )
    background = bool(request.background)
    return ResponsesPlan(
        plan=make_plan(wanted, principal, settings, kit),
        stream=bool(request.stream),
        background=background,
        store=request.store is not False,
        previous_response_id=request.previous_response_id,
        conversation=_conversation(request),
    )


def continues(body: Any) -> tuple[str | None, str | None]:
    """Read what a response goes on from, before it is planned.

    Args:
        body: The request's JSON, whatever it holds.

    Returns:
        `previous_response_id` and the conversation's id; `None` where there is none, or no readable one, which
        `plan_responses` will refuse.
    """
    if not isinstance(body, dict):
        return None, None
    previous, conversation = body.get("previous_response_id"), body.get("conversation")
    named = conversation.get("id") if isinstance(conversation, dict) else conversation
    return previous if isinstance(previous, str) else None, named if isinstance(named, str) else None


def _conversation(request: ResponsesRequest) -> str | None:
    named = request.conversation
    return named if named is None or isinstance(named, str) else named.id


def _check_keeping(request: ResponsesRequest) -> None:
    if request.background and request.store is False:
        raise bad("store: a background run is kept until it is fetched; leave store out or set it to true", "store")
    if request.previous_response_id is not None and request.conversation is not None:
        told = "conversation and previous_response_id exclude each other; give one of them"
        raise bad(f"conversation: {told}", "conversation")


def _echo(request: ResponsesRequest, body: dict[str, Any]) -> dict[str, Any]:
    echo = {name: body[name] for name in _ECHOED if body.get(name) is not None}
    named = _conversation(request)
    return echo if named is None else {**echo, "conversation": {"id": named}}

"""The messages of chat completions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from fusion_graph.server.requests.base import Body, CallId, Echoed, Unsupported, Without, by, tag
from fusion_graph.server.requests.parts import SpokenContent, Text, UserContent

Name = Annotated[str, Field(max_length=256)]
_REPLAYED = Without("what an earlier answer of this server carried")


class SystemMessage(Body):
    """What the operator of the client says; `developer` is the same."""

    role: Literal["system", "developer"]
    content: Text
    name: Name | None = None


class UserMessage(Body):
    """What the user says."""

    role: Literal["user"]
    content: UserContent
    name: Name | None = None


class CalledFunction(Echoed):
    """A function call's name and arguments."""

    name: str = Field(min_length=1, max_length=200)
    arguments: str


class ToolCall(Echoed):
    """A call that an earlier answer made."""

    id: CallId
    type: Literal["function"] = "function"
    function: CalledFunction


class ReasoningDetail(Echoed):
    """A record of how an earlier answer came about; that of a fusion is read, others are read past."""

    type: str
    tool_name: str | None = None
    tool_call_id: str | None = None
    arguments: str | None = None
    result: str | None = None


class AssistantMessage(Body):
    """What the model said earlier."""

    role: Literal["assistant"]
    content: SpokenContent | None = None
    tool_calls: list[ToolCall] | None = Field(None, max_length=128)
    name: Name | None = None
    refusal: str | None = None
    reasoning_details: list[ReasoningDetail] | None = Field(
        None, max_length=128, description="Send it back as it came: it holds the fusion that this answer rests on."
    )
    annotations: Annotated[list[Any] | None, _REPLAYED] = None
    reasoning: Annotated[Any, _REPLAYED] = None
    reasoning_content: Annotated[Any, _REPLAYED] = None
    fusion: Annotated[Any, _REPLAYED] = None
    parsed: Annotated[Any, _REPLAYED] = None
    images: Annotated[list[Any] | None, _REPLAYED] = None
    model: Annotated[str | None, _REPLAYED] = None
    audio: Annotated[Any, Unsupported(why="is audio, which is not supported here")] = None
    function_call: Annotated[Any, Unsupported(why="is deprecated; use tool_calls")] = None


class ToolMessage(Body):
    """What a function of the client's returned."""

    role: Literal["tool"]
    tool_call_id: CallId
    content: Text
    name: Name | None = None


ChatMessage = Annotated[
    Annotated[SystemMessage, tag("system")]
    | Annotated[SystemMessage, tag("developer")]
    | Annotated[UserMessage, tag("user")]
    | Annotated[AssistantMessage, tag("assistant")]
    | Annotated[ToolMessage, tag("tool")],
    by("role", "system, developer, user, assistant, tool"),
]

"""What a request gives the calling model: functions of the client's, server tools, and how it must choose."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field

from fusion_graph.config import ClientTool
from fusion_graph.server.requests.base import FUNCTION_NAME, Body, Unsupported, Without, by, kind_of, tag
from fusion_graph.server.requests.fusion import FusionTool
from fusion_graph.server.requests.web import WebFetchTool, WebSearchTool

FunctionName = Annotated[str, Field(min_length=1, max_length=64, pattern=FUNCTION_NAME)]
JsonSchema = dict[str, Any]
ServerToolName = Literal["openrouter:fusion", "openrouter:web_search", "openrouter:web_fetch"]
_KNOWN = "function, openrouter:fusion, openrouter:web_search, openrouter:web_fetch"
CacheControl = Annotated[dict[str, Any] | None, Without("prompts are laid out for the providers' caches")]


class FunctionDefinition(Body):
    """A function of the client's."""

    name: FunctionName
    description: str | None = Field(None, max_length=20_000)
    parameters: JsonSchema | None = None
    strict: bool | None = None
    defer_loading: Annotated[Any, Unsupported(False, why="defers tools, which is not supported here")] = None

    def as_tool(self) -> ClientTool:
        """Return it as the graphs know it."""
        return client_tool(self.name, self.description, self.parameters, self.strict)


class ChatFunctionTool(Body):
    """A function of the client's, as chat completions write it."""

    type: Literal["function"]
    function: FunctionDefinition
    cache_control: CacheControl = None

    def as_tool(self) -> ClientTool:
        """Return it as the graphs know it."""
        return self.function.as_tool()


class ResponsesFunctionTool(FunctionDefinition):
    """A function of the client's, as responses write it."""

    type: Literal["function"]


ChatTool = Annotated[
    Annotated[ChatFunctionTool, tag("function")]
    | Annotated[FusionTool, tag("openrouter:fusion")]
    | Annotated[WebSearchTool, tag("openrouter:web_search")]
    | Annotated[WebFetchTool, tag("openrouter:web_fetch")],
    by("type", _KNOWN),
]
ResponsesTool = Annotated[
    Annotated[ResponsesFunctionTool, tag("function")]
    | Annotated[FusionTool, tag("openrouter:fusion")]
    | Annotated[WebSearchTool, tag("openrouter:web_search")]
    | Annotated[WebFetchTool, tag("openrouter:web_fetch")],
    by("type", _KNOWN),
]
Choice = Literal["auto", "none", "required"]


class ServerToolChoice(Body):
    """A server tool that must be called on the first turn."""

    type: ServerToolName


class _Named(Body):
    name: FunctionName


class ChatFunctionChoice(Body):
    """A function that must be called on the first turn, as chat completions name it."""

    type: Literal["function"]
    function: _Named

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.name


class ResponsesFunctionChoice(_Named):
    """A function that must be called on the first turn, as responses name it."""

    type: Literal["function"]


def _choice_kind(value: Any) -> str | None:
    if isinstance(value, str):
        return "=word"
    kind = kind_of(value, "type")
    return kind if kind in (None, "=function") else "=server"


_by_choice = Discriminator(
    _choice_kind,
    custom_error_type="unknown_kind",
    custom_error_message="use auto, none, required, or an object whose `type` is function or a server tool's name",
)
ChatToolChoice = Annotated[
    Annotated[Choice, tag("word")]
    | Annotated[ChatFunctionChoice, tag("function")]
    | Annotated[ServerToolChoice, tag("server")],
    _by_choice,
]
ResponsesToolChoice = Annotated[
    Annotated[Choice, tag("word")]
    | Annotated[ResponsesFunctionChoice, tag("function")]
    | Annotated[ServerToolChoice, tag("server")],
    _by_choice,
]


def client_tool(name: str, description: str | None, parameters: JsonSchema | None, strict: bool | None) -> ClientTool:
    """Make a client's tool from whatever parts a request gives."""
    given: dict[str, Any] = {"description": description, "parameters": parameters, "strict": strict}
    return ClientTool.model_validate(
        {"name": name, **{key: value for key, value in given.items() if value is not None}}
    )

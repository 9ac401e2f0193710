"""The body of `POST /v1/messages`, in Anthropic's shape: fusion by slug or plugin, and the client's own tools."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field

from fusion_graph.config import ClientTool
from fusion_graph.server.requests.anthropic_blocks import System, Turn
from fusion_graph.server.requests.base import Body, ModelName, Tokens, Unsupported, Without, by, kind_of, tag
from fusion_graph.server.requests.fusion import FusionSettings, Plugins
from fusion_graph.server.requests.loop import StopConditions
from fusion_graph.server.requests.tools import CacheControl, FunctionName, client_tool


class InputSchema(Body):
    """The JSON schema of a tool's input."""

    model_config = ConfigDict(extra="allow")

    type: Literal["object"] = "object"


class CustomTool(Body):
    """A tool of the client's."""

    type: Literal["custom"] | None = None
    name: FunctionName
    description: str | None = Field(None, max_length=20_000)
    input_schema: InputSchema
    strict: bool | None = None
    cache_control: CacheControl = None
    defer_loading: Annotated[Any, Unsupported(False, why="defers tools, which is not supported here")] = None
    eager_input_streaming: Annotated[bool | None, Without("calls are handed over whole")] = None
    input_examples: Annotated[list[Any] | None, Without("providers have no common form for them")] = None
    allowed_callers: Annotated[list[str] | None, Without("the calling model alone calls it")] = None

    def as_tool(self) -> ClientTool:
        """Return it as the graphs know it."""
        return client_tool(self.name, self.description, self.input_schema.model_dump(exclude_unset=True), self.strict)


def _tool_kind(value: Any) -> str | None:
    kind = kind_of(value, "type")
    untyped = isinstance(value, dict) and value.get("type") is None
    return "=custom" if untyped or isinstance(value, CustomTool) else kind


AnthropicTool = Annotated[
    Annotated[CustomTool, tag("custom")],
    Discriminator(
        _tool_kind,
        custom_error_type="unknown_kind",
        custom_error_message="only tools of your own (`name`, `input_schema`) are supported; fusion is the plugin",
    ),
]


class FreeChoice(Body):
    """Whether tools may, must or must not be called."""

    type: Literal["auto", "any", "none"]
    disable_parallel_tool_use: bool | None = None


class NamedChoice(Body):
    """The tool that must be called first."""

    type: Literal["tool"]
    name: FunctionName
    disable_parallel_tool_use: bool | None = None


AnthropicChoice = Annotated[
    Annotated[FreeChoice, tag("auto")]
    | Annotated[FreeChoice, tag("any")]
    | Annotated[FreeChoice, tag("none")]
    | Annotated[NamedChoice, tag("tool")],
    by("type", "auto, any, none, tool"),
]


class ThinkingOn(Body):
    """Think, with a budget."""

    type: Literal["enabled"]
    budget_tokens: int = Field(ge=1024, lt=2**31)
    display: Annotated[str | None, Without("what a provider shows is passed on")] = None


class ThinkingElse(Body):
    """Think as much as is needed, or not at all."""

    type: Literal["adaptive", "disabled"]
    display: Annotated[str | None, Without("what a provider shows is passed on")] = None


Thinking = Annotated[
    Annotated[ThinkingOn, tag("enabled")]
    | Annotated[ThinkingElse, tag("adaptive")]
    | Annotated[ThinkingElse, tag("disabled")],
    by("type", "enabled, adaptive, disabled"),
]


class AnthropicMetadata(Body):
    """About the request."""

    user_id: str | None = Field(None, max_length=256)


class OutputSchema(Body):
    """JSON after a schema."""

    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class OutputConfig(Body):
    """The form of the answer, and how hard the writer thinks."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputSchema | None = None


class MessagesRequest(Body):
    """A message."""

    model: ModelName = Field(
        description="`openrouter/fusion`, `openrouter/fusion-flash`, `fusion/<preset>` or a model."
    )
    messages: list[Turn] = Field(min_length=1)
    max_tokens: Tokens | None = Field(None, description="Output tokens of each call of the writer.")
    system: System | None = None
    plugins: Plugins | None = None
    fusion: FusionSettings | None = Field(None, description="Fusion's settings, this server's own among them.")
    tools: list[AnthropicTool] | None = Field(None, max_length=128)
    tool_choice: AnthropicChoice | None = None
    stream: bool | None = None
    stop_sequences: list[Annotated[str, Field(min_length=1, max_length=500)]] | None = Field(None, max_length=4)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    metadata: AnthropicMetadata | None = None
    stop_server_tools_when: StopConditions | None = None
    service_tier: Annotated[str | None, Field(max_length=40), Without("models are called at the default tier")] = None
    speed: Annotated[str | None, Field(max_length=40), Without("models are called at the default speed")] = None
    inference_geo: Annotated[str | None, Without("providers are the operator's choice")] = None
    provider: Annotated[dict[str, Any] | None, Without("providers are the operator's choice")] = None
    user: Annotated[str | None, Without("it goes to no provider")] = None
    session_id: Annotated[str | None, Field(max_length=256), Without("providers are not pinned")] = None
    trace: Annotated[dict[str, Any] | None, Without("tracing is the operator's choice")] = None
    cache_control: CacheControl = None
    betas: Annotated[list[str] | None, Without("there are none")] = None
    top_k: Annotated[Any, Unsupported(why="has no counterpart in the models' packages")] = None
    models: Annotated[Any, Unsupported(why="names fallbacks of the calling model; use seats' `fallbacks`")] = None
    fallbacks: Annotated[Any, Unsupported(why="names fallbacks of the calling model; use seats' `fallbacks`")] = None
    container: Annotated[Any, Unsupported(why="names a container; there are none")] = None
    context_management: Annotated[Any, Unsupported(why="is not supported here")] = None
    mcp_servers: Annotated[Any, Unsupported([], why="names addresses that only the operator may choose")] = None

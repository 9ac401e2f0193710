"""The body of `POST /v1/chat/completions`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from fusion_graph.server.requests.base import Body, Tokens, Unsupported, Without, by, tag, text_or_list
from fusion_graph.server.requests.chat_messages import ChatMessage
from fusion_graph.server.requests.sampling import Effort, Written
from fusion_graph.server.requests.tools import ChatTool, ChatToolChoice

_NO_SETTING = "has no counterpart in the models' packages"
StopText = Annotated[str, Field(min_length=1, max_length=500)]
Stop = Annotated[
    Annotated[StopText, tag("text")] | Annotated[list[StopText], tag("list"), Field(max_length=4)], text_or_list
]


class ChatReasoning(Body):
    """How hard the writer thinks."""

    effort: Effort | None = None
    max_tokens: Tokens | None = None
    enabled: bool | None = Field(None, description="`false` is effort `none`; `true` is the provider's default.")
    exclude: Annotated[bool | None, Without("what reasoning a provider shows is streamed with the seats")] = None
    summary: Annotated[str | None, Without("providers decide what they show")] = None


class TextFormat(Body):
    """Prose."""

    type: Literal["text"]


class JsonObjectFormat(Body):
    """Any JSON object."""

    type: Literal["json_object"]


class NamedSchema(Body):
    """A JSON schema with its name."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    schema_: dict[str, Any] = Field(alias="schema")
    description: str | None = Field(None, max_length=20_000)
    strict: bool | None = None


class JsonSchemaFormat(Body):
    """JSON after a schema."""

    type: Literal["json_schema"]
    json_schema: NamedSchema


ChatFormat = Annotated[
    Annotated[TextFormat, tag("text")]
    | Annotated[JsonObjectFormat, tag("json_object")]
    | Annotated[JsonSchemaFormat, tag("json_schema")],
    by("type", "text, json_object, json_schema"),
]


class ChatStreamOptions(Body):
    """What a stream carries."""

    include_usage: bool | None = Field(None, description="`false` leaves the usage out of the last chunk.")
    include_fusion_events: bool | None = Field(
        None, description="Ours: the fusion events ride along as an extra field of the chunks."
    )
    include_obfuscation: Annotated[bool | None, Without("chunks are never padded")] = None


class ChatRequest(Written):
    """A chat completion."""

    messages: list[ChatMessage] = Field(min_length=1, description="The conversation; its last user message is asked.")
    tools: list[ChatTool] | None = Field(None, max_length=136)
    tool_choice: ChatToolChoice | None = None
    max_completion_tokens: Tokens | None = Field(None, description="Output tokens of each call of the writer.")
    max_tokens: Tokens | None = Field(None, description="Older name of `max_completion_tokens`.")
    stop: Stop | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = Field(None, description="Of the writer's sampling.")
    reasoning_effort: Effort | None = Field(None, description="Of the writer; the same as `reasoning.effort`.")
    reasoning: ChatReasoning | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    response_format: ChatFormat | None = None
    stream_options: ChatStreamOptions | None = None
    store: Annotated[bool | None, Without("chat completions are not stored")] = None
    n: Annotated[Any, Unsupported(1, why="asks for several answers; this server gives one")] = None
    logprobs: Annotated[Any, Unsupported(False, why="asks for log probabilities, which are not supported here")] = None
    logit_bias: Annotated[Any, Unsupported({}, why=_NO_SETTING)] = None
    audio: Annotated[Any, Unsupported(why="asks for audio, which is not supported here")] = None
    prediction: Annotated[Any, Unsupported(why="is not supported here")] = None
    web_search_options: Annotated[Any, Unsupported(why="is not supported; use the tool openrouter:web_search")] = None
    functions: Annotated[Any, Unsupported(why="is deprecated; use tools")] = None
    function_call: Annotated[Any, Unsupported(why="is deprecated; use tool_choice")] = None
    min_p: Annotated[Any, Unsupported(0, 0.0, why=_NO_SETTING)] = None
    top_a: Annotated[Any, Unsupported(0, 0.0, why=_NO_SETTING)] = None
    repetition_penalty: Annotated[Any, Unsupported(1, 1.0, why=_NO_SETTING)] = None

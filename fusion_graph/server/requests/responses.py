"""The body of `POST /v1/responses`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from fusion_graph.server.requests.base import Body, Tokens, Unsupported, Without, by, tag, text_or_list, text_or_object
from fusion_graph.server.requests.chat import JsonObjectFormat, NamedSchema, Stop, TextFormat
from fusion_graph.server.requests.response_items import InputItem
from fusion_graph.server.requests.sampling import Effort, Written
from fusion_graph.server.requests.tools import ResponsesTool, ResponsesToolChoice

StoredId = Annotated[str, Field(min_length=1, max_length=200)]


class ResponsesReasoning(Body):
    """How hard the writer thinks."""

    effort: Effort | None = None
    max_tokens: Tokens | None = None
    enabled: bool | None = Field(None, description="`false` is effort `none`; `true` is the provider's default.")
    summary: Annotated[str | None, Without("providers decide what they show")] = None
    generate_summary: Annotated[str | None, Without("see summary")] = None
    context: Annotated[str | None, Without("reasoning of earlier turns is not kept")] = None
    mode: Annotated[str | None, Without("see effort")] = None


class FlatSchema(NamedSchema):
    """JSON after a schema."""

    type: Literal["json_schema"]


ResponsesFormat = Annotated[
    Annotated[TextFormat, tag("text")]
    | Annotated[JsonObjectFormat, tag("json_object")]
    | Annotated[FlatSchema, tag("json_schema")],
    by("type", "text, json_object, json_schema"),
]


class TextConfig(Body):
    """The form of the answer."""

    format: ResponsesFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ConversationReference(Body):
    """A conversation by its id."""

    id: StoredId


class ResponsesStreamOptions(Body):
    """What a stream carries."""

    include_obfuscation: Annotated[bool | None, Without("events are never padded")] = None


class ResponsesRequest(Written):
    """A response."""

    input: Annotated[
        Annotated[str, tag("text"), Field(min_length=1)] | Annotated[list[InputItem], tag("list"), Field(min_length=1)],
        text_or_list,
    ] = Field(description="The question, or the conversation as items.")
    instructions: str | None = Field(None, description="A system message for this turn only.")
    tools: list[ResponsesTool] | None = Field(None, max_length=136)
    tool_choice: ResponsesToolChoice | None = None
    max_output_tokens: Tokens | None = Field(None, description="Output tokens of each call of the writer.")
    reasoning: ResponsesReasoning | None = None
    text: TextConfig | None = None
    stop: Stop | None = None
    background: bool | None = Field(None, description="The run goes on without its client.")
    store: bool | None = Field(None, description="Whether the response can be fetched later; `true` when unset.")
    previous_response_id: StoredId | None = Field(None, description="Go on from this stored response.")
    conversation: (
        Annotated[
            Annotated[StoredId, tag("text")] | Annotated[ConversationReference, tag("object")],
            text_or_object,
        ]
        | None
    ) = Field(None, description="Go on in this conversation.")
    stream_options: ResponsesStreamOptions | None = None
    include: Annotated[list[str] | None, Without("whatever there is, is included")] = None
    truncation: Annotated[
        Literal["auto", "disabled"] | None, Without("drafts are cut to the window; a conversation is not")
    ] = None
    prompt: Annotated[Any, Unsupported(why="names a stored prompt; there are none")] = None
    context_management: Annotated[Any, Unsupported(why="is not supported here")] = None
    background_options: Annotated[Any, Unsupported(why="is not supported here")] = None
    access_programs: Annotated[Any, Unsupported(why="is not supported here")] = None
    image: Annotated[Any, Unsupported(why="makes images, which is not supported here")] = None

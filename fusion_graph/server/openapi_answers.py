"""What the OpenAPI document says of answers: the fields that clients rely on; there may be more beside them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Plain = dict[str, Any]


class Answer(BaseModel):
    """Base of what the server sends."""

    model_config = ConfigDict(extra="allow")


class Fusion(Answer):
    """What the run did, with its whole receipt."""

    deliberated: bool = Field(description="Whether a panel was convened.")
    mode: Literal["fuse", "analyze", "auto"]
    graph: str
    surface: Literal["slug", "plugin", "server_tool", "model"]
    status: Literal["ok", "error"]
    failure_reason: str | None
    degraded: list[Plain]
    seats: list[Plain]
    analysis: Plain | None
    sources: list[Plain]
    failed_models: list[Plain]
    receipt: Plain


class ChatUsage(Answer):
    """Tokens and cost of all calls together."""

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    total_tokens: int = Field(ge=0)
    cost: float | None = Field(description="US dollars; `null` where nobody knows.")
    cost_at_least: bool


class SaidMessage(Answer):
    """The answer."""

    role: Literal["assistant"]
    content: str | None
    tool_calls: list[Plain] | None = None
    annotations: list[Plain] | None = None
    reasoning_details: list[Plain] | None = None


class Choice(Answer):
    """The one choice."""

    index: Literal[0]
    message: SaidMessage
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"]


class ChatCompletion(Answer):
    """A chat completion."""

    id: str = Field(pattern="^chatcmpl-")
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice] = Field(min_length=1, max_length=1)
    usage: ChatUsage | None
    fusion: Fusion


class OutputItem(Answer):
    """A message, a fusion, a call of a function, a search."""

    type: str
    id: str


class ResponseObject(Answer):
    """A response."""

    id: str = Field(pattern="^resp_")
    object: Literal["response"]
    created_at: int
    status: Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
    background: bool
    model: str
    output: list[OutputItem]
    error: Plain | None
    incomplete_details: Plain | None
    usage: Plain | None
    fusion: Fusion | None = None


class MessageObject(Answer):
    """A message in Anthropic's shape."""

    id: str = Field(pattern="^msg_")
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[Plain]
    stop_reason: Literal["end_turn", "max_tokens", "tool_use", "refusal"]
    usage: Plain
    fusion: Fusion


class Pricing(Answer):
    """US dollars per token, as text; `-1` where there is no price of its own, or nobody knows it."""

    prompt: str
    completion: str


class ModelEntry(Answer):
    """A slug, or a model that you may name."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    name: str
    context_length: int | None
    pricing: Pricing
    supported_parameters: list[str]


class ModelPage(Answer):
    """All of them."""

    object: Literal["list"]
    data: list[ModelEntry]


class Page(Answer):
    """A page of a list."""

    object: Literal["list"]
    data: list[Plain]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Conversation(Answer):
    """A conversation."""

    id: str = Field(pattern="^conv_")
    object: Literal["conversation"]
    created_at: int
    metadata: dict[str, str]


class Item(Answer):
    """An item of a conversation."""

    id: str
    type: str


class Deleted(Answer):
    """What was deleted."""

    id: str
    object: str
    deleted: Literal[True]


class GenerationRecord(Answer):
    """What a run took."""

    id: str
    model: str
    streamed: bool
    cancelled: bool
    total_cost: float | None


class Generation(Answer):
    """The record of a run."""

    data: GenerationRecord


class ErrorDetail(Answer):
    """What is wrong."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None
    failure_reason: str | None = None


class Error(Answer):
    """An error, in OpenAI's shape."""

    error: ErrorDetail


class MessagesError(Answer):
    """An error, in Anthropic's shape."""

    type: Literal["error"]
    error: ErrorDetail
    request_id: str


ANSWERS: tuple[type[BaseModel], ...] = (
    ChatCompletion,
    ResponseObject,
    MessageObject,
    ModelPage,
    ModelEntry,
    Page,
    Conversation,
    Item,
    Deleted,
    Generation,
    Error,
    MessagesError,
)
OF: dict[tuple[str, str], type[BaseModel]] = {
    ("post", "/v1/chat/completions"): ChatCompletion,
    ("post", "/v1/responses"): ResponseObject,
    ("get", "/v1/responses"): Page,
    ("get", "/v1/responses/{response_id}"): ResponseObject,
    ("delete", "/v1/responses/{response_id}"): Deleted,
    ("post", "/v1/responses/{response_id}/cancel"): ResponseObject,
    ("post", "/v1/responses/{response_id}/retry"): ResponseObject,
    ("get", "/v1/responses/{response_id}/input_items"): Page,
    ("post", "/v1/messages"): MessageObject,
    ("get", "/v1/models"): ModelPage,
    ("get", "/v1/models/{model}"): ModelEntry,
    ("get", "/v1/generation"): Generation,
    ("post", "/v1/conversations"): Conversation,
    ("get", "/v1/conversations/{conversation_id}"): Conversation,
    ("post", "/v1/conversations/{conversation_id}"): Conversation,
    ("delete", "/v1/conversations/{conversation_id}"): Deleted,
    ("get", "/v1/conversations/{conversation_id}/items"): Page,
    ("post", "/v1/conversations/{conversation_id}/items"): Page,
    ("get", "/v1/conversations/{conversation_id}/items/{item_id}"): Item,
    ("delete", "/v1/conversations/{conversation_id}/items/{item_id}"): Conversation,
}
"""What each operation answers, by method and path."""
EVENT: Plain = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
    "required": ["data"],
}
"""One server-sent event; its data is JSON, or `[DONE]`."""
STREAMED = (
    ("post", "/v1/chat/completions"),
    ("post", "/v1/responses"),
    ("get", "/v1/responses/{response_id}"),
    ("post", "/v1/responses/{response_id}/retry"),
    ("post", "/v1/messages"),
)
"""Operations that can answer by a stream of server-sent events."""

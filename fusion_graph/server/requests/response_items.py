"""The input items of responses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field

from fusion_graph.server.requests.base import Body, CallId, Echoed, Unsupported, Without, by, kind_of, tag, text_or_list
from fusion_graph.server.requests.parts import ImageUrl, RefusalPart
from fusion_graph.server.requests.tools import CacheControl

_REPLAYED = Without("what an earlier answer of this server carried")
READ_PAST = ("reasoning", "openrouter:web_search", "openrouter:web_fetch", "web_search_call")
"""Items of earlier answers that say nothing to the next one."""


class InputText(Body):
    """Text; `output_text` is what an earlier answer said."""

    type: Literal["input_text", "output_text", "text"]
    text: str
    annotations: Annotated[list[Any] | None, _REPLAYED] = None
    logprobs: Annotated[list[Any] | None, _REPLAYED] = None
    cache_control: CacheControl = None


class InputImage(Body):
    """A picture."""

    type: Literal["input_image"]
    image_url: ImageUrl
    detail: Literal["auto", "low", "high", "original"] | None = None
    file_id: Annotated[Any, Unsupported(why="names a stored file; there are none")] = None

    @property
    def url(self) -> str:
        """Its address."""
        return self.image_url


InputPart = Annotated[
    Annotated[InputText, tag("input_text")]
    | Annotated[InputText, tag("output_text")]
    | Annotated[InputText, tag("text")]
    | Annotated[RefusalPart, tag("refusal")]
    | Annotated[InputImage, tag("input_image")],
    by("type", "input_text, output_text, refusal, input_image (files and audio are not supported)"),
]
InputContent = Annotated[Annotated[str, tag("text")] | Annotated[list[InputPart], tag("list")], text_or_list]


class InputMessage(Body):
    """What somebody said."""

    type: Literal["message"] | None = None
    role: Literal["user", "assistant", "system", "developer"]
    content: InputContent
    id: str | None = Field(None, max_length=200)
    status: Annotated[str | None, _REPLAYED] = None
    phase: Annotated[str | None, _REPLAYED] = None


class FunctionCall(Echoed):
    """A call of one of the client's functions that an earlier answer made."""

    type: Literal["function_call"]
    call_id: CallId
    name: str = Field(min_length=1, max_length=200)
    arguments: str


class FunctionCallOutput(Body):
    """What it returned."""

    type: Literal["function_call_output"]
    call_id: CallId
    output: InputContent
    id: str | None = Field(None, max_length=200)
    status: Annotated[str | None, _REPLAYED] = None


class FusionItem(Echoed):
    """A fusion of an earlier answer, sent back as it came."""

    type: Literal["openrouter:fusion"]
    status: Literal["in_progress", "completed", "incomplete"]
    id: str | None = Field(None, max_length=200)
    prompt: str | None = None
    analysis: dict[str, Any] | None = None
    responses: list[dict[str, Any]] | None = None
    sources: list[dict[str, Any]] | None = None
    failed_models: list[dict[str, Any]] | None = None
    error: str | None = None
    failure_reason: str | None = None


class PastItem(Echoed):
    """An item of an earlier answer that says nothing to the next one."""

    type: Literal["reasoning", "openrouter:web_search", "openrouter:web_fetch", "web_search_call"]


def _item_kind(value: Any) -> str | None:
    kind = kind_of(value, "type")
    if kind is None:
        return "=message" if kind_of(value, "role") else None
    return "=past" if kind.removeprefix("=") in READ_PAST else kind


InputItem = Annotated[
    Annotated[InputMessage, tag("message")]
    | Annotated[FunctionCall, tag("function_call")]
    | Annotated[FunctionCallOutput, tag("function_call_output")]
    | Annotated[FusionItem, tag("openrouter:fusion")]
    | Annotated[PastItem, tag("past")],
    Discriminator(
        _item_kind,
        custom_error_type="unknown_kind",
        custom_error_message=(
            "an item is a message, or its `type` is function_call, function_call_output, openrouter:fusion, reasoning "
            "(item_reference is not supported: send the item itself, or use previous_response_id)"
        ),
    ),
]

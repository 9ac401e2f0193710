"""The content blocks and messages of Anthropic's shape."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from fusion_graph.server.requests.base import Body, CallId, Echoed, by, tag, text_or_list
from fusion_graph.server.requests.tools import CacheControl

_MEDIA = Literal["image/png", "image/jpeg", "image/gif", "image/webp"]


class TextBlock(Body):
    """Text."""

    type: Literal["text"]
    text: str
    citations: list[Any] | None = Field(None, description="Read past.")
    cache_control: CacheControl = None


class EncodedImage(Body):
    """A picture's bytes."""

    type: Literal["base64"]
    media_type: _MEDIA
    data: str = Field(min_length=1, pattern=r"^[A-Za-z0-9+/=\s]+$")

    @property
    def url(self) -> str:
        """It as an address."""
        return f"data:{self.media_type};base64,{self.data}"


class LinkedImage(Body):
    """A picture's address, which the model's provider fetches."""

    type: Literal["url"]
    url: str = Field(pattern="^https?://")


class ImageBlock(Body):
    """A picture."""

    type: Literal["image"]
    source: Annotated[
        Annotated[EncodedImage, tag("base64")] | Annotated[LinkedImage, tag("url")], by("type", "base64, url")
    ]
    cache_control: CacheControl = None

    @property
    def url(self) -> str:
        """Its address."""
        return self.source.url


class ToolUseBlock(Echoed):
    """A call that an earlier answer made."""

    type: Literal["tool_use"]
    id: CallId
    name: str = Field(min_length=1, max_length=200)
    input: dict[str, Any]


ResultPart = Annotated[
    Annotated[TextBlock, tag("text")] | Annotated[ImageBlock, tag("image")], by("type", "text, image")
]


class ToolResultBlock(Body):
    """What it returned."""

    type: Literal["tool_result"]
    tool_use_id: CallId
    content: Annotated[Annotated[str, tag("text")] | Annotated[list[ResultPart], tag("list")], text_or_list] | None = (
        None
    )
    is_error: bool | None = None
    cache_control: CacheControl = None


class ThinkingBlock(Echoed):
    """Reasoning of an earlier answer; read past."""

    type: Literal["thinking", "redacted_thinking"]


UserBlock = Annotated[
    Annotated[TextBlock, tag("text")]
    | Annotated[ImageBlock, tag("image")]
    | Annotated[ToolResultBlock, tag("tool_result")],
    by("type", "text, image, tool_result (documents are not supported)"),
]
AssistantBlock = Annotated[
    Annotated[TextBlock, tag("text")]
    | Annotated[ToolUseBlock, tag("tool_use")]
    | Annotated[ThinkingBlock, tag("thinking")]
    | Annotated[ThinkingBlock, tag("redacted_thinking")],
    by("type", "text, tool_use, thinking, redacted_thinking"),
]


class UserTurn(Body):
    """What the user says, and what the client's functions returned."""

    role: Literal["user"]
    content: Annotated[Annotated[str, tag("text")] | Annotated[list[UserBlock], tag("list")], text_or_list]


class AssistantTurn(Body):
    """What the model said earlier."""

    role: Literal["assistant"]
    content: Annotated[Annotated[str, tag("text")] | Annotated[list[AssistantBlock], tag("list")], text_or_list]


Turn = Annotated[
    Annotated[UserTurn, tag("user")] | Annotated[AssistantTurn, tag("assistant")],
    by("role", "user, assistant (the system prompt goes into `system`)"),
]
System = Annotated[Annotated[str, tag("text")] | Annotated[list[TextBlock], tag("list")], text_or_list]

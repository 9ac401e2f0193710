"""Parts of a message's content: text and pictures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from fusion_graph.server.requests.base import Body, Echoed, by, tag, text_or_list
from fusion_graph.server.requests.tools import CacheControl

ImageUrl = Annotated[
    str,
    Field(
        min_length=1,
        pattern=r"^(https?://|data:image/(png|jpeg|gif|webp);base64,)",
        description="`data:image/png;base64,...`, jpeg, gif or webp; or an address that the model's provider fetches.",
    ),
]


class TextPart(Body):
    """Text."""

    type: Literal["text"]
    text: str
    cache_control: CacheControl = None


class RefusalPart(Echoed):
    """A refusal that an earlier answer held."""

    type: Literal["refusal"]
    refusal: str

    @property
    def text(self) -> str:
        """What was said."""
        return self.refusal


class Image(Body):
    """Where a picture is."""

    url: ImageUrl
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(Body):
    """A picture."""

    type: Literal["image_url"]
    image_url: Image
    cache_control: CacheControl = None

    @property
    def url(self) -> str:
        """Its address."""
        return self.image_url.url


UserPart = Annotated[
    Annotated[TextPart, tag("text")] | Annotated[ImagePart, tag("image_url")],
    by("type", "text, image_url (files, audio and video are not supported)"),
]
SpokenPart = Annotated[
    Annotated[TextPart, tag("text")] | Annotated[RefusalPart, tag("refusal")], by("type", "text, refusal")
]
Text = Annotated[
    Annotated[str, tag("text")] | Annotated[list[TextPart], tag("list")],
    text_or_list,
]
UserContent = Annotated[Annotated[str, tag("text")] | Annotated[list[UserPart], tag("list")], text_or_list]
SpokenContent = Annotated[Annotated[str, tag("text")] | Annotated[list[SpokenPart], tag("list")], text_or_list]


def text_of(content: str | list[Any] | None) -> str:
    """Return the text of a content, its parts joined."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.text for part in content if hasattr(part, "text"))

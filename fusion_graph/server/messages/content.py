"""From parts of a content to LangChain's content blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.messages import AnyMessage

_BASE64 = ";base64,"


def content_of(content: str | Sequence[Any] | None) -> str | list[str | dict[Any, Any]]:
    """Bring a content into LangChain's form.

    Args:
        content: A text, or parts that have `text` or `url`.

    Returns:
        The text, joined where all parts are text; else LangChain's standard blocks, which every provider's package
        understands.
    """
    if content is None or isinstance(content, str):
        return content or ""
    parts: list[Any] = list(content)
    if all(hasattr(part, "text") for part in parts):
        return "".join(part.text for part in parts)
    return [{"type": "text", "text": part.text} if hasattr(part, "text") else _picture(part.url) for part in parts]


def linked_pictures(messages: Iterable[AnyMessage]) -> list[str]:
    """Return the addresses of pictures that are not in the messages themselves."""
    blocks = [block for message in messages if isinstance(message.content, list) for block in message.content]
    return [
        str(block["url"])
        for block in blocks
        if isinstance(block, dict) and block.get("type") == "image" and "url" in block
    ]


def _picture(url: str) -> dict[str, Any]:
    if not url.startswith("data:"):
        return {"type": "image", "url": url}
    kind, _, data = url.removeprefix("data:").partition(_BASE64)
    return {"type": "image", "base64": data, "mime_type": kind}

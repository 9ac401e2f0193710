"""The no-key default: seats that search and quote, a judge that compares, a writer that arranges quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fusion_graph.errors import ConfigError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = ["offline_model"]


def offline_model(name: str) -> BaseChatModel:
    """Make a chat model that calls no language model.

    Args:
        name: `question`, `terms` or `figures` for a seat, `judge` or `writer`; `offline:` may precede it.

    Returns:
        The model.

    Raises:
        ConfigError: There is no such part.
    """
    from fusion_graph.offline.model import PARTS, OfflineChatModel  # noqa: PLC0415  keeps `import fusion_graph` light

    part = name.removeprefix("offline:")
    if part not in PARTS:
        known = ", ".join(f"offline:{one}" for one in PARTS)
        raise ConfigError(f"model: {name!r} is not an offline part; there are {known}")
    return OfflineChatModel(part=part)

"""The one small loader of `prompts/*.md`: text only, `{{name}}` filled in a single pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from fusion_graph.config import PromptName
from fusion_graph.errors import ConfigError

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


def render(name: PromptName, own: Mapping[PromptName, str], **values: str) -> str:
    """Fill a prompt.

    Args:
        name: Which prompt.
        own: The user's wording, by prompt; it takes the place of the file.
        **values: The text for each placeholder; text that is filled in is never read for placeholders again.

    Returns:
        The prompt.

    Raises:
        ConfigError: The user's wording has a placeholder that this prompt does not fill.
    """
    template = own.get(name) or _file(name)
    unknown = sorted({match[1] for match in _PLACEHOLDER.finditer(template)} - set(values))
    if unknown:
        allowed = ", ".join(f"{{{{{value}}}}}" for value in sorted(values)) or "none"
        raise ConfigError(f"prompts.{name}: unknown placeholder {{{{{unknown[0]}}}}}; this prompt fills {allowed}")
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template).strip()


@cache
def _file(name: str) -> str:
    return resources.files("fusion_graph").joinpath("prompts", f"{name}.md").read_text("utf-8")

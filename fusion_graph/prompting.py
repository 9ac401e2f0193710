"""The one small loader of `prompts/*.md`: text only, `{{name}}` filled in a single pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from fusion_graph.config import PromptName
from fusion_graph.errors import ConfigError

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
PLACEHOLDERS: Mapping[PromptName, frozenset[str]] = {
    "panelist": frozenset({"role", "instructions", "max_tool_calls", "today"}),
    "last_turn": frozenset(),
    "deliberation": frozenset(),
    "judge": frozenset({"tools", "schema"}),
    "repair": frozenset({"fault", "schema"}),
    "writer": frozenset({"analysis"}),
    "caller": frozenset(),
}
"""What each prompt fills in."""


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
    check({name: own[name]} if name in own else {})
    template = own.get(name) or _file(name)
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template).strip()


def check(own: Mapping[PromptName, str]) -> None:
    """Make sure that the user's wording can be filled, before any money is spent.

    Args:
        own: The user's wording, by prompt.

    Raises:
        ConfigError: It has a placeholder that this prompt does not fill.
    """
    for name, template in own.items():
        unknown = sorted({match[1] for match in _PLACEHOLDER.finditer(template)} - PLACEHOLDERS[name])
        if unknown:
            allowed = ", ".join(f"{{{{{value}}}}}" for value in sorted(PLACEHOLDERS[name])) or "none"
            raise ConfigError(f"prompts.{name}: unknown placeholder {{{{{unknown[0]}}}}}; this prompt fills {allowed}")


@cache
def _file(name: str) -> str:
    return resources.files("fusion_graph").joinpath("prompts", f"{name}.md").read_text("utf-8")

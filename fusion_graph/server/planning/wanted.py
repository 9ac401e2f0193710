"""A request without its endpoint: what all three shapes come down to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AnyMessage

from fusion_graph.server.planning.asked import Asked
from fusion_graph.server.planning.tools import OuterTools
from fusion_graph.server.requests.loop import StopCondition


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a client wants.

    Attributes:
        model: The request's `model`.
        asked: What it says about fusion.
        tools: What the calling model may use.
        tool_choice: `auto`, `none`, `required`, a function's name, or a server tool's, `openrouter:` included.
        options: Fields of `WriterOptions`.
        stops: When the calling model's loop ends early.
        max_tool_calls: Calls of server tools that the calling model may make.
        messages: The conversation.
        param: The request's field that holds it.
        echo: What the answer repeats.
    """

    model: str | None
    asked: Asked
    tools: OuterTools
    tool_choice: str
    options: dict[str, Any]
    stops: Sequence[StopCondition] = ()
    max_tool_calls: int | None = None
    messages: list[AnyMessage]
    param: str
    echo: dict[str, Any] = field(default_factory=dict)

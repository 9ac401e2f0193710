"""What one request asks of the graphs, whichever endpoint it came by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Self

from langchain_core.messages import AnyMessage, messages_from_dict, messages_to_dict

from fusion_graph.config import FusionConfig

Surface = Literal["slug", "plugin", "server_tool", "model"]
"""How fusion was asked for; `model` is a plain request, answered by the calling model alone."""
GraphName = Literal["fusion", "deliberation", "fusion_agent"]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One run, validated and ready.

    Attributes:
        graph: Which graph runs it.
        config: The run's settings.
        messages: The conversation.
        requested_model: The `model` of the request.
        surface: How fusion was asked for.
        owner: Id of the principal.
        echo: Request fields that the response repeats, such as `metadata`, `instructions` or `tools`.
    """

    graph: GraphName
    config: FusionConfig
    messages: list[AnyMessage]
    requested_model: str
    surface: Surface
    owner: str
    echo: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it JSON-plain, so that a background run can be taken up by another process."""
        return {
            "graph": self.graph,
            "config": self.config.model_dump(mode="json", exclude_unset=True),
            "messages": messages_to_dict(self.messages),
            "requested_model": self.requested_model,
            "surface": self.surface,
            "owner": self.owner,
            "echo": self.echo,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what `as_json` wrote."""
        kept = {"config": FusionConfig.model_validate(data["config"]), "messages": messages_from_dict(data["messages"])}
        return cls(**{**data, **kept})

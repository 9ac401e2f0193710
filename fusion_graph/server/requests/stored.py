"""The bodies of what is done with stored responses and conversations."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fusion_graph.config import FusionConfig
from fusion_graph.server.records.conversations import MOST_ITEMS
from fusion_graph.server.requests.base import Body, Metadata, ModelName
from fusion_graph.server.requests.response_items import InputItem

_LIMITS = FusionConfig.model_fields


class RetryRequest(Body):
    """How to take up an earlier response; with neither judge nor writer its failed seats are asked again."""

    judge: ModelName | None = Field(None, description="Judge and write once more on the same drafts, with this judge.")
    writer: ModelName | None = Field(None, description="Write once more, with this writer.")
    seat_timeout: Annotated[float | None, _LIMITS["seat_timeout"]] = None
    seat_idle_timeout: Annotated[float | None, _LIMITS["seat_idle_timeout"]] = None
    deadline: Annotated[float | None, _LIMITS["deadline"]] = None
    max_cost_usd: Annotated[float | None, _LIMITS["max_cost_usd"]] = None
    stream: bool | None = None
    background: bool | None = Field(None, description="The run goes on without its client.")

    @property
    def changes(self) -> dict[str, object]:
        """Settings that differ from the earlier run's."""
        given = self.model_dump(exclude_none=True, exclude={"stream", "background"})
        return dict(given)


Items = Annotated[list[InputItem], Field(max_length=MOST_ITEMS)]


class ConversationRequest(Body):
    """A new conversation."""

    items: Items | None = None
    metadata: Metadata | None = None


class ConversationChange(Body):
    """Other metadata for a conversation."""

    metadata: Metadata


class ItemsRequest(Body):
    """Items for a conversation."""

    items: Annotated[Items, Field(min_length=1)]

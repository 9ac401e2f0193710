"""What a request becomes: a run's plan, and how its answer is to be delivered."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_graph.server.plan import RunPlan


@dataclass(frozen=True, slots=True)
class ChatPlan:
    """A `POST /v1/chat/completions`.

    Attributes:
        plan: The run.
        stream: Whether the answer comes as server-sent events.
        include_usage: Whether the last chunk of a stream carries the usage; only an explicit `false` turns it off.
        include_fusion_events: Whether the fusion events ride along with the chunks.
    """

    plan: RunPlan
    stream: bool
    include_usage: bool
    include_fusion_events: bool


@dataclass(frozen=True, slots=True)
class ResponsesPlan:
    """A `POST /v1/responses`.

    Attributes:
        plan: The run.
        stream: Whether the answer comes as server-sent events.
        background: Whether the run goes on without its client.
        store: Whether the response can be fetched later; a background run is always stored.
        previous_response_id: The response that this one goes on from.
        conversation: The id of the conversation that it belongs to.
    """

    plan: RunPlan
    stream: bool
    background: bool
    store: bool
    previous_response_id: str | None
    conversation: str | None


@dataclass(frozen=True, slots=True)
class MessagesPlan:
    """A `POST /v1/messages`.

    Attributes:
        plan: The run.
        stream: Whether the answer comes as server-sent events.
    """

    plan: RunPlan
    stream: bool

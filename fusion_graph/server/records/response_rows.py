"""A Response as the database keeps it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import RowMapping

from fusion_graph.server.errors import ApiError
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.records.summaries import summary
from fusion_graph.server.records.tables import packed, unpacked

UNDER_WAY = ("queued", "in_progress")
ANSWERED = ("completed", "incomplete")
STATUSES = (*UNDER_WAY, "completed", "incomplete", "failed", "cancelled")


class LostError(Exception):
    """A run is another process's now, or its Response was deleted: nothing more of it may be written."""


@dataclass(frozen=True, slots=True)
class NewResponse:
    """A Response whose run begins.

    Attributes:
        id: `resp_...`.
        thread_id: Where its run is saved.
        created_at: Unix time in seconds.
        background: Whether its run goes on without its client.
        plan: What runs.
        input: The request's own input items.
        response: The Response as it stands.
        conversation: The conversation that it belongs to.
        again: For one that takes up another: which one, and from where.
        claim: Owner and `Idempotency-Key` of the request.
    """

    id: str
    thread_id: str
    created_at: int
    background: bool
    plan: RunPlan
    input: list[dict[str, Any]]
    response: dict[str, Any] = field(default_factory=dict)
    conversation: str | None = None
    again: dict[str, Any] | None = None
    claim: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A Response as it is kept; `created_at` and `finished_at` are Unix times in seconds."""

    id: str
    owner: str
    created_at: float
    status: str
    background: bool
    thread_id: str
    plan: RunPlan
    input: list[dict[str, Any]]
    response: dict[str, Any]
    conversation: str | None
    again: dict[str, Any] | None
    cancel: bool
    cursor: str | None
    finished_at: float | None

    @property
    def under_way(self) -> bool:
        """Whether its run has not ended."""
        return self.status in UNDER_WAY


def as_row(new: NewResponse) -> dict[str, Any]:
    """Return the columns of a Response that begins."""
    return {
        "id": new.id,
        "owner": new.plan.owner,
        "created_at": time.time(),
        "status": new.response["status"],
        "background": new.background,
        "thread_id": new.thread_id,
        "plan": packed(new.plan.as_json()),
        "input": packed(new.input),
        "response": packed(new.response),
        "summary": packed(summary(new.response, new.input)),
        "conversation": new.conversation,
        "again": None if new.again is None else packed(new.again),
        "cancel": False,
    }


def stored(row: RowMapping) -> StoredResponse:
    """Read a row."""
    names = ("id", "owner", "created_at", "status", "background", "thread_id", "conversation", "cancel", "cursor")
    return StoredResponse(
        **{name: row[name] for name in names},
        plan=RunPlan.from_json(unpacked(row["plan"])),
        input=unpacked(row["input"]),
        response=unpacked(row["response"]),
        again=None if row["again"] is None else unpacked(row["again"]),
        finished_at=row["finished_at"],
    )


def not_found(response_id: str, param: str = "response_id") -> ApiError:
    """Say that there is none: one of another owner's looks the same."""
    return ApiError(404, f"{param}: no response {response_id[:100]!r} is kept here", code="not_found", param=param)

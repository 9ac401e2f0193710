"""How a seat's work ended: always one typed outcome, never an exception."""

from __future__ import annotations

from typing import Any, Literal

from langchain_core.messages import AIMessage
from pydantic import BaseModel, ConfigDict, Field

from fusion_graph.failures import MESSAGE_LIMIT, Failure
from fusion_graph.meter import finish_reason
from fusion_graph.usage import Usage
from fusion_graph.well_formed import WellFormed

OutcomeKind = Literal["ok", "failed", "timed_out", "refused", "empty", "truncated", "cancelled"]
Reviewed = Literal["edited", "added", "dropped"]


class FoundSource(BaseModel):
    """A page or file that a tool really returned.

    Attributes:
        url: Its address; `corpus:path` for a file of the user's folder.
        title: Its title, or the address again.
    """

    model_config = ConfigDict(frozen=True)

    url: WellFormed
    title: WellFormed


class PanelistOutcome(BaseModel):
    """What one seat gave back.

    Attributes:
        seat_id: Whose it is.
        label: What people call the seat.
        role: The seat's role, if it has one.
        model: The requested model, as the config named it.
        answered_by: The fallback model that took over, as the config names it; `None` if the seat's own answered.
        served_model: The model that the provider says answered, if it said.
        outcome: How it ended.
        content: The draft; empty when there is none.
        failure: Why there is no good draft, if so.
        sources: What its tools returned, in order, each address once.
        usage: Tokens and cost of all its calls.
        calls: Model calls made, failed ones included.
        tool_calls: Tool calls run.
        latency: Wall time in seconds.
        finish_reason: Why the model stopped, if it said.
        notes: What was adjusted on the way, such as a trimmed context.
        review: What a person did to the draft, if anything; one that was dropped is shown to nobody.
    """

    model_config = ConfigDict(frozen=True)

    seat_id: str
    label: str
    role: str | None = None
    model: str
    answered_by: str | None = None
    served_model: str | None = None
    outcome: OutcomeKind
    content: WellFormed = ""
    failure: Failure | None = None
    sources: list[FoundSource] = Field(default_factory=list)
    usage: Usage = Field(default_factory=Usage)
    calls: int = 0
    tool_calls: int = 0
    latency: float = 0.0
    finish_reason: str | None = None
    notes: list[str] = Field(default_factory=list)
    review: Reviewed | None = None

    @property
    def usable(self) -> bool:
        """Whether the judge and the writer can work with it: there is text, and it is the model's own."""
        written = self.outcome in ("ok", "truncated") and bool(self.content.strip())
        return written and self.review != "dropped"

    @property
    def lost(self) -> bool:
        """Whether there is no draft, other than by a person's choice."""
        return not self.usable and self.review != "dropped"

    def as_response(self) -> dict[str, Any]:
        """Return the entry of `responses`: OpenRouter's fields plus the seat, and what a person did to it."""
        entry: dict[str, Any] = {
            "model": self.model,
            "content": self.content,
            "seat_id": self.seat_id,
            "label": self.label,
            "outcome": self.outcome,
        }
        return entry if self.review is None else {**entry, "review": self.review}

    def as_failed_model(self) -> dict[str, Any]:
        """Return the entry of `failed_models`: OpenRouter's fields plus the seat."""
        entry: dict[str, Any] = {
            "model": self.model,
            "error": self.reason,
            "seat_id": self.seat_id,
            "label": self.label,
            "outcome": self.outcome,
        }
        if self.failure and self.failure.status_code is not None:
            entry["status_code"] = self.failure.status_code
        return entry

    @property
    def reason(self) -> str:
        """Say in a sentence why there is no usable draft."""
        if self.failure is not None:
            return self.failure.message
        return f"ended as {self.outcome} without producing any text"


def ending(message: AIMessage) -> tuple[OutcomeKind, Failure | None]:
    """Say how a model's last message ended.

    Args:
        message: A draft or an answer.

    Returns:
        `ok`, `truncated`, `refused` or `empty`; for the last two with the failure.
    """
    text, reason = str(message.text).strip(), finish_reason(message)
    refusal = message.additional_kwargs.get("refusal")
    if refusal or reason == "content_filter":
        said = str(refusal or f"finish_reason {reason}")[:MESSAGE_LIMIT]
        words = "the model refused" if text else "the model refused without producing any text"
        return "refused", Failure(kind="content_filter", message=f"{words}: {said}")
    if not text:
        why = " (its output limit was used up before)" if reason == "length" else ""
        return "empty", Failure(kind="empty", message=f"the model ended without producing any text{why}")
    return ("truncated", None) if reason == "length" else ("ok", None)

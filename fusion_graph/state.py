"""The graphs' state: JSON-plain, so that every run can be checkpointed, resumed, streamed and served."""

from __future__ import annotations

from typing import Annotated, Any

from langchain_core.messages import AnyMessage
from langgraph.graph import MessagesState
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict  # pydantic renders schemas of the standard one from Python 3.12 on only


def by_seat(held: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    """Reducer of `outcomes`: one entry per seat id, a later one replaces an earlier one."""
    return {**(held or {}), **(new or {})}


class FusionInput(TypedDict):
    """What a run starts from: a conversation whose last human message is the question."""

    messages: Annotated[list[AnyMessage], add_messages]


class FusionOutput(TypedDict):
    """What a run ends with.

    Attributes:
        messages: The conversation, with the answer as its last message where there is one.
        analysis: An `Analysis` as plain data, or `None`.
        responses: The usable drafts: `model`, `content`, `seat_id`, `label`, `outcome`.
        failed_models: The seats without one: `model`, `error`, `status_code` where known, `seat_id`, `outcome`.
        sources: The source registry: `id`, `url`, `title`, `seat_ids`.
        receipt: A `Receipt` as plain data.
        status: `ok` or `error`.
        failure_reason: With `error`, OpenRouter's code for it.
    """

    messages: Annotated[list[AnyMessage], add_messages]
    analysis: dict[str, Any] | None
    responses: list[dict[str, Any]]
    failed_models: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    receipt: dict[str, Any]
    status: str
    failure_reason: str | None


class FusionState(MessagesState):
    """The whole state; beside the output, what the nodes hand to each other.

    Attributes:
        settings: The settings that the run began with, then those of each fork: a resumed run keeps its models.
        run_key: Names this run within the process, for what its seats share.
        process: Names the process that did the last step; another one goes on after a resume.
        seats: The resolved panel.
        outcomes: `PanelistOutcome` by seat id, as plain data.
        shown: Seat ids in the order in which their drafts are shown.
        window: Tokens that the drafts block may have.
    """

    settings: list[dict[str, Any]]
    run_key: str
    process: str
    seats: list[dict[str, Any]]
    outcomes: Annotated[dict[str, Any], by_seat]
    shown: list[str]
    window: int
    analysis: dict[str, Any] | None
    responses: list[dict[str, Any]]
    failed_models: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    receipt: dict[str, Any]
    status: str
    failure_reason: str | None


class PanelistTask(TypedDict):
    """What one panelist is sent: its seat, and the conversation it may see."""

    seat: dict[str, Any]
    messages: list[AnyMessage]
    settings: list[dict[str, Any]]
    run_key: str
    process: str

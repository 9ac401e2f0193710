"""How a run enters its graph: from its question, from where it stopped, or from an earlier run that is taken up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from langchain_core.runnables import RunnableConfig

from fusion_graph.config import FusionConfig
from fusion_graph.graph import Graph
from fusion_graph.outcomes import PanelistOutcome
from fusion_graph.runs import TakenUp, prepare_fork, prepare_retry
from fusion_graph.server.errors import ApiError
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.run_events import AnalysisCompleted, RunEvent, SeatAdded, SeatCompleted, Spent, Started

From = Literal["seats", "judge", "writer", "rest"]
"""Where an earlier run is taken up: at its failed seats, its judge, its writer, or where it stopped."""


@dataclass(frozen=True, slots=True)
class Again:
    """An earlier run that is taken up on a copy of its thread.

    Attributes:
        of: The id of its Response.
        at: Where.
        changes: Settings that differ from the earlier run's.
        run_key: The run that the copy holds: another one there means that this one has begun.
    """

    of: str
    at: From
    changes: dict[str, Any] = field(default_factory=dict)
    run_key: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it JSON-plain."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote."""
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Since:
    """How far the stream of a run on another server was read.

    Attributes:
        cursor: The id of the last part that was read.
        said: What of the answer was told by then.
    """

    cursor: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a run begins.

    Attributes:
        taken: What its graph is given.
        known: What is known already, told before it begins.
    """

    taken: TakenUp
    known: list[RunEvent] = field(default_factory=list)


async def entry(
    graph: Graph, plan: RunPlan, config: RunnableConfig, *, resume: bool = False, again: Again | None = None
) -> Entry:
    """Find where a run begins.

    Args:
        graph: Its graph.
        plan: What to run.
        config: The thread's config; empty for a run that is not saved.
        resume: Whether it was begun before, in a process that ended.
        again: The earlier run that it takes up.

    Returns:
        The question where nothing was saved; else what is left to do.

    Raises:
        RunError: The earlier run has nothing to take up.
    """
    asked = TakenUp({"messages": plan.messages}, config, plan.config)
    if again is None and not resume:
        return Entry(asked)
    saved = await graph.aget_state(config)
    if not saved.values and not saved.next:
        return Entry(asked)
    if again is None:
        return Entry(TakenUp(None, config, plan.config))
    changes = _changes(plan, again)
    if again.at == "rest":
        return Entry(TakenUp(None, config, changes))
    known = _known(saved.values, plan, again)
    if again.at == "seats" and saved.values.get("run_key") == again.run_key:
        return Entry(await prepare_retry(graph, config, context=changes), known)
    return Entry(TakenUp(None, config, changes), known)


async def made_ready(graph: Graph, config: RunnableConfig, again: Again) -> Again:
    """Make sure that a thread's run can be taken up, and fork the thread where that is how.

    Args:
        graph: Its graph.
        config: The config of a thread that nobody else uses.
        again: What is asked.

    Returns:
        The same, with the `run_key` from before.

    Raises:
        ApiError: 409: nothing was saved.
        RunError: There is nothing to take up there.
    """
    saved = await graph.aget_state(config)
    if not saved.values:
        raise ApiError(409, f"nothing of the run of {again.of!r} was saved; ask anew", code="run_conflict")
    if again.at == "seats" and saved.next:
        return Again(again.of, "rest", again.changes)
    if again.at == "seats":
        await prepare_retry(graph, config, context=again.changes or None)
    elif again.at != "rest":
        await prepare_fork(graph, config, again.at, context=again.changes)
    return Again(again.of, again.at, again.changes, saved.values.get("run_key"))


def _changes(plan: RunPlan, again: Again) -> FusionConfig | None:
    """What differs, and what the key may still spend."""
    limit = plan.config.max_cost_usd
    given = {**again.changes, **({} if limit is None else {"max_cost_usd": limit})}
    return FusionConfig.model_validate(given) if given else None


def _known(values: Mapping[str, Any], plan: RunPlan, again: Again) -> list[RunEvent]:
    """Tell of the drafts that are kept, as a run tells of its seats."""
    seats = [{name: seat.get(name) for name in ("id", "label", "model", "role")} for seat in values.get("seats", [])]
    events: list[RunEvent] = [Started(seats, plan.config.judge, plan.config.writer, None, None)]
    for held in values.get("outcomes", {}).values():
        outcome = PanelistOutcome.model_validate(held)
        if outcome.usable:
            events.append(SeatAdded(outcome.seat_id, outcome.label, outcome.model))
            events.append(_kept(outcome))
    if again.at == "writer" and values.get("analysis") is not None:
        events.append(AnalysisCompleted(values["analysis"], None, None))
    return events


def _kept(outcome: PanelistOutcome) -> SeatCompleted:
    usage = outcome.usage.model_dump(mode="json")
    spent = Spent(usage, outcome.calls, outcome.tool_calls, outcome.served_model)
    return SeatCompleted(outcome.seat_id, outcome.outcome, outcome.content, outcome.latency, spent)

"""What a person may change before the judge reads and before the writer writes, and what comes of it.

A run whose config says `review` stops there with a LangGraph interrupt. It goes on with `Command(resume=True)`, or with
the changes as plain data in the form of `DraftReview` or `AnswerReview`. An answer that cannot be read stops the run
again at the same place: the new interrupt says under `problem` which field was wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fusion_graph.analysis import Analysis
from fusion_graph.config import FusionConfig, Stage
from fusion_graph.errors import ConfigError
from fusion_graph.outcomes import FoundSource, PanelistOutcome
from fusion_graph.presets import explain
from fusion_graph.receipt import Edit
from fusion_graph.resume import checkpointer_of

PERSON = "person"
"""Stands for a model where a person wrote a draft, and begins the draft's seat id."""
MAX_ADDED = 8
Draft = Annotated[str, Field(min_length=1, max_length=200_000, pattern=r"\S")]
T = TypeVar("T")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AddedDraft(_Answer):
    """A draft of a person's own."""

    content: Draft = Field(description="The draft.")
    label: str = Field("A person", min_length=1, max_length=100, description="Whose it is said to be.")


class SourcedDraft(AddedDraft):
    """A draft of a person's own, with the sources that it may be cited by."""

    sources: list[FoundSource] = Field(default_factory=list, max_length=50, description="`url` and `title` of each.")


class DraftReview(_Answer):
    """What a person may answer before the judge."""

    drop: list[str] = Field(default_factory=list, description="Seats whose drafts nobody shall see.")
    edit: dict[str, Draft] = Field(default_factory=dict, description="New text of a draft, by seat id.")
    add: list[SourcedDraft] = Field(default_factory=list, max_length=MAX_ADDED, description="Drafts of one's own.")


class AnswerReview(_Answer):
    """What a person may answer before the writer."""

    drop: list[str] = Field(default_factory=list, description="Seats whose drafts the writer shall not see.")
    edit: dict[str, Draft] = Field(default_factory=dict, description="New text of a draft, by seat id.")
    add: list[AddedDraft] = Field(default_factory=list, max_length=MAX_ADDED, description="Drafts of one's own.")
    analysis: Analysis | None = Field(
        None, description="A new analysis; the one there is when left out, none at all when `null`."
    )


@dataclass(frozen=True, slots=True)
class Panel:
    """Seats and outcomes, as a person left them.

    Attributes:
        seats: As the state holds them; drafts of a person have a seat of their own at the end.
        outcomes: In the same order.
        edits: What was changed, for the receipt.
    """

    seats: list[dict[str, Any]]
    outcomes: list[PanelistOutcome]
    edits: list[Edit]

    def as_update(self) -> dict[str, Any]:
        """Return what of the state has changed."""
        if not self.edits:
            return {}
        changed = {outcome.seat_id: outcome.model_dump(mode="json") for outcome in self.outcomes}
        return {"seats": self.seats, "outcomes": changed}


def check_review(settings: FusionConfig, config: RunnableConfig, *, writes: bool) -> None:
    """Refuse a review that could not take place, before any money is spent.

    Args:
        settings: The run's settings.
        config: The config of a node.
        writes: Whether the graph has a writer of its own.

    Raises:
        ConfigError: There is no checkpointer, or no writer.
    """
    if "writer" in settings.review and not writes:
        raise ConfigError("review: 'writer' needs the graph `fusion`; the others have no writer to stop before")
    if settings.review and checkpointer_of(config) is None:
        raise ConfigError(
            f"review: stopping before the {settings.review[0]} needs a checkpointer, which keeps the run until a "
            "person answers; build the graph with checkpointer=..., or leave `review` empty"
        )


def review_drafts(seats: Sequence[dict[str, Any]], outcomes: Sequence[PanelistOutcome]) -> Panel:
    """Stop before the judge, and apply what a person answers.

    Args:
        seats: The panel, as the state holds it.
        outcomes: Its outcomes, in the same order.

    Returns:
        The panel as the person left it.

    Raises:
        GraphInterrupt: There is no valid answer yet.
    """

    def read(answer: Any) -> Panel:
        given = DraftReview.model_validate(_changes(answer))
        return _applied("judge", given, seats, outcomes)

    return _asked(_payload("judge", outcomes), read)


def review_answer(
    seats: Sequence[dict[str, Any]],
    outcomes: Sequence[PanelistOutcome],
    analysis: Mapping[str, Any] | None,
    source_ids: Sequence[str],
) -> tuple[Panel, dict[str, Any] | None]:
    """Stop before the writer, and apply what a person answers.

    Args:
        seats: The panel, as the state holds it.
        outcomes: Its outcomes, in the same order.
        analysis: The judge's analysis, if there is one.
        source_ids: The ids of the source registry.

    Returns:
        The panel and the analysis as the person left them; the edit of the analysis is among the panel's.

    Raises:
        GraphInterrupt: There is no valid answer yet.
    """

    def read(answer: Any) -> tuple[Panel, dict[str, Any] | None]:
        given = AnswerReview.model_validate(_changes(answer))
        panel = _applied("writer", given, seats, outcomes)
        if "analysis" not in given.model_fields_set:
            return panel, None if analysis is None else dict(analysis)
        new = None if given.analysis is None else _checked(given.analysis, panel.seats, source_ids)
        if new != analysis:
            what = Edit(before="writer", what="analysis_removed" if new is None else "analysis_edited")
            panel.edits.append(what)
        return panel, new

    return _asked({**_payload("writer", outcomes), "analysis": analysis}, read)


def _payload(stage: Stage, outcomes: Sequence[PanelistOutcome]) -> dict[str, Any]:
    return {
        "review": stage,
        "drafts": [
            {**outcome.as_response(), "sources": [source.model_dump() for source in outcome.sources]}
            for outcome in outcomes
            if outcome.usable
        ],
        "failed_models": [outcome.as_failed_model() for outcome in outcomes if outcome.lost],
    }


def _asked(payload: dict[str, Any], read: Callable[[Any], T]) -> T:
    """Interrupt until there is an answer that can be read; LangGraph gives the earlier ones back in order."""
    problem: str | None = None
    while True:
        answer = interrupt(payload if problem is None else {**payload, "problem": problem})
        try:
            return read(answer)
        except ValidationError as error:
            problem = explain(error)
        except ValueError as error:
            problem = str(error)


def _changes(answer: Any) -> Any:
    if answer is True:
        return {}
    if not isinstance(answer, Mapping):
        raise ValueError("answer with true to go on as it is, or with an object that says what to change")  # noqa: TRY004 - told like any other fault
    return answer


def _applied(
    stage: Stage,
    given: DraftReview | AnswerReview,
    seats: Sequence[dict[str, Any]],
    outcomes: Sequence[PanelistOutcome],
) -> Panel:
    there = [outcome.seat_id for outcome in outcomes if outcome.usable]
    _known("drop", given.drop, there)
    _known("edit", list(given.edit), there)
    if both := sorted(set(given.drop) & set(given.edit)):
        raise ValueError(f"drop and edit both name {both[0]!r}")
    if there and not given.add and set(there) <= set(given.drop):
        raise ValueError("drop: no draft would be left; keep one, or add one")
    panel = Panel(list(seats), [], [])
    for outcome in outcomes:
        changed = _changed(outcome, given)
        panel.outcomes.append(changed)
        if changed is not outcome and changed.review is not None:
            panel.edits.append(Edit(before=stage, what=changed.review, seat_id=changed.seat_id))
    for draft in given.add:
        _add(panel, stage, draft)
    return panel


def _known(field: str, named: Sequence[str], there: Sequence[str]) -> None:
    if unknown := [seat_id for seat_id in named if seat_id not in there]:
        raise ValueError(f"{field}: {unknown[0]!r} has no draft; those with one are {', '.join(there) or '(none)'}")


def _changed(outcome: PanelistOutcome, given: DraftReview | AnswerReview) -> PanelistOutcome:
    text = given.edit.get(outcome.seat_id, outcome.content)
    if outcome.seat_id in given.drop:
        return outcome.model_copy(update={"review": "dropped"})
    if text == outcome.content:
        return outcome
    kept = "added" if outcome.review == "added" else "edited"
    return outcome.model_copy(update={"review": kept, "content": text})


def _add(panel: Panel, stage: Stage, draft: AddedDraft) -> None:
    taken = {seat["id"] for seat in panel.seats}
    seat_id = next(name for at in range(1, len(taken) + 2) if (name := f"{PERSON}-{at}") not in taken)
    sources = draft.sources if isinstance(draft, SourcedDraft) else []
    outcome = PanelistOutcome(
        seat_id=seat_id,
        label=draft.label,
        model=PERSON,
        outcome="ok",
        content=draft.content,
        sources=sources,
        review="added",
    )
    panel.seats.append({"id": seat_id, "model": PERSON, "label": draft.label})
    panel.outcomes.append(outcome)
    panel.edits.append(Edit(before=stage, what="added", seat_id=seat_id))


def _checked(analysis: Analysis, seats: Sequence[dict[str, Any]], source_ids: Sequence[str]) -> dict[str, Any]:
    """Check that an analysis names this run's seats and sources alone, and put their models in."""
    if analysis.consensus_support and len(analysis.consensus_support) != len(analysis.consensus):
        points, entries = len(analysis.consensus), len(analysis.consensus_support)
        raise ValueError(f"analysis.consensus_support: {entries} entries for {points} points; give one each, or none")
    models = {seat["id"]: seat["model"] for seat in seats}
    plain = analysis.model_dump(mode="json")
    for entry in _entries(plain):
        named = entry["seat_ids"] if "seat_ids" in entry else [entry["seat_id"]]
        for field, ids, known in (("seat id", named, models), ("source id", entry["source_ids"], source_ids)):
            if unknown := [one for one in ids if one not in known]:
                raise ValueError(f"analysis: {field} {unknown[0]!r} is not of this run")
        if "models" in entry:
            entry["models"] = [models[seat_id] for seat_id in named]
        elif "model" in entry:
            entry["model"] = models[named[0]]
    return plain


def _entries(analysis: Mapping[str, Any]) -> list[dict[str, Any]]:
    stances = [stance for item in analysis["contradictions"] for stance in item["stances"]]
    support, points = analysis["consensus_support"], analysis["partial_coverage"]
    return [*support, *stances, *points, *analysis["unique_insights"]]

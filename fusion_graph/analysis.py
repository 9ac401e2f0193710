"""The typed analysis: OpenRouter's five lists, plus seat ids and source ids on every item.

The field names `consensus`, `contradictions`, `partial_coverage`, `unique_insights` and `blind_spots` and the
shapes of their items are OpenRouter's contract; everything else is added beside them and never replaces them.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fusion_graph.well_formed import well_formed

MAX_ITEMS = 40
MAX_TEXT = 2_000
MAX_IDS = 64

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Id = Annotated[str, Field(max_length=64)]
Ids = Annotated[list[Id], Field(max_length=MAX_IDS)]
ModelName = Annotated[str, Field(max_length=300)]
"""As long as a config's."""


class _Item(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Stance(_Item):
    """What one seat holds on a contested topic."""

    model: ModelName = Field(description="The model as it was asked for.")
    stance: Text
    seat_id: Id
    source_ids: Ids = Field(default_factory=list)


class Contradiction(_Item):
    """A topic on which seats disagree."""

    topic: Text
    stances: Annotated[list[Stance], Field(max_length=16)]


class PartialCoverage(_Item):
    """A point that some seats make and others do not."""

    models: Annotated[list[ModelName], Field(max_length=MAX_IDS)]
    point: Text
    seat_ids: Ids
    source_ids: Ids = Field(default_factory=list)


class UniqueInsight(_Item):
    """A point that one seat alone makes."""

    model: ModelName
    insight: Text
    seat_id: Id
    source_ids: Ids = Field(default_factory=list)


class Support(_Item):
    """Who stands behind the consensus point of the same position, and on which sources."""

    seat_ids: Ids
    source_ids: Ids = Field(default_factory=list)


class Analysis(_Item):
    """What the judge found, with real seats and models in place of labels."""

    consensus: Annotated[list[Text], Field(max_length=MAX_ITEMS)]
    contradictions: Annotated[list[Contradiction], Field(max_length=MAX_ITEMS)]
    partial_coverage: Annotated[list[PartialCoverage], Field(max_length=MAX_ITEMS)]
    unique_insights: Annotated[list[UniqueInsight], Field(max_length=MAX_ITEMS)]
    blind_spots: Annotated[list[Text], Field(max_length=MAX_ITEMS)]
    consensus_support: Annotated[list[Support], Field(max_length=MAX_ITEMS)] = Field(
        default_factory=list, description="Same length and order as `consensus`."
    )


class JudgedPoint(_Item):
    """A point and the drafts that make it."""

    point: Text = Field(description="The point, in one or two sentences.")
    drafts: Ids = Field(description="Labels of the drafts that make it, such as A.")
    sources: Ids = Field(description="Ids of the sources behind it, such as S3; empty if none.")


class JudgedStance(_Item):
    """What one draft says on a contested topic."""

    draft: Id = Field(description="Label of the draft.")
    stance: Text = Field(description="What it says.")
    sources: Ids = Field(description="Ids of the sources behind it; empty if none.")


class JudgedContradiction(_Item):
    """A topic on which drafts disagree."""

    topic: Text = Field(description="What they disagree about.")
    stances: Annotated[list[JudgedStance], Field(max_length=16)] = Field(description="At least two that conflict.")


class JudgedInsight(_Item):
    """A point that one draft alone makes."""

    insight: Text
    draft: Id = Field(description="Label of the draft.")
    sources: Ids = Field(description="Ids of the sources behind it; empty if none.")


class JudgedAnalysis(_Item):
    """A comparison of drafts, which are named by their labels."""

    consensus: Annotated[list[JudgedPoint], Field(max_length=MAX_ITEMS)] = Field(
        description="Points that all or most drafts make."
    )
    contradictions: Annotated[list[JudgedContradiction], Field(max_length=MAX_ITEMS)] = Field(
        description="Topics on which drafts disagree."
    )
    partial_coverage: Annotated[list[JudgedPoint], Field(max_length=MAX_ITEMS)] = Field(
        description="Points that some drafts make and others leave out."
    )
    unique_insights: Annotated[list[JudgedInsight], Field(max_length=MAX_ITEMS)] = Field(
        description="Points that a single draft makes."
    )
    blind_spots: Annotated[list[Text], Field(max_length=MAX_ITEMS)] = Field(
        description="What the question needs and no draft covers."
    )

    @model_validator(mode="before")
    @classmethod
    def _tolerate(cls, value: Any) -> Any:
        return _tolerant(value) if isinstance(value, dict) else value


_KEYS = ("consensus", "contradictions", "partial_coverage", "unique_insights", "blind_spots")
_NAMED_STANCE = re.compile(r"\s*(?:draft\s+)?([A-Z])\s*:\s+(\S.*)", re.IGNORECASE | re.DOTALL)
_TEXT_KEYS = ("point", "insight", "stance", "topic", "position", "text", "claim", "summary", "description")


def _tolerant(value: dict[str, Any]) -> dict[str, Any]:
    """Read what models write in place of the schema: strings for objects, `model` for `draft`, too much."""
    if len([key for key in _KEYS if key in value]) < 2:
        return value  # not an analysis at all: let validation say so
    return {
        "consensus": [_point(item) for item in _items(value, "consensus")],
        "contradictions": [_contradiction(item) for item in _items(value, "contradictions")],
        "partial_coverage": [_point(item) for item in _items(value, "partial_coverage")],
        "unique_insights": [_insight(item) for item in _items(value, "unique_insights")],
        "blind_spots": [_text(item) for item in _items(value, "blind_spots")],
    }


def _items(value: dict[str, Any], key: str) -> list[Any]:
    items = value.get(key) or []
    items = items if isinstance(items, list) else [items]
    return [item for item in items if isinstance(item, str | dict) and _text(item)][:MAX_ITEMS]


def _text(item: Any) -> str:
    if isinstance(item, dict):
        item = next((item[key] for key in _TEXT_KEYS if isinstance(item.get(key), str)), "")
    return well_formed(str(item)).strip()[:MAX_TEXT]


def _ids(item: Any, *keys: str) -> list[str]:
    if not isinstance(item, dict):
        return []
    value: Any = next((item[key] for key in keys if item.get(key)), [])
    values = value if isinstance(value, list) else [value]
    return [well_formed(str(entry)).strip()[:64] for entry in values if isinstance(entry, str | int)][:MAX_IDS]


def _point(item: Any) -> dict[str, Any]:
    return {
        "point": _text(item),
        "drafts": _ids(item, "drafts", "draft", "models", "model", "labels"),
        "sources": _ids(item, "sources", "source_ids", "source"),
    }


def _insight(item: Any) -> dict[str, Any]:
    draft = _ids(item, "draft", "drafts", "model", "models", "label")
    return {
        "insight": _text(item),
        "draft": draft[0] if draft else "",
        "sources": _ids(item, "sources", "source_ids", "source"),
    }


def _contradiction(item: Any) -> dict[str, Any]:
    stances = item.get("stances") if isinstance(item, dict) else None
    if isinstance(stances, dict):
        stances = [{"draft": label, "stance": said} for label, said in stances.items()]
    stances = stances if isinstance(stances, list) else []
    return {
        "topic": _text(item),
        "stances": [_stance(stance) for stance in stances if _stance_text(stance)][:16],
    }


def _stance_text(item: Any) -> str:
    if isinstance(item, dict):
        item = next(
            (item[key] for key in ("stance", "position", "text", "claim") if isinstance(item.get(key), str)),
            "",
        )
    return _text(item) if isinstance(item, str) else ""


def _stance(item: Any) -> dict[str, Any]:
    if isinstance(item, str) and (named := _NAMED_STANCE.match(item)):
        item = {"draft": named[1], "stance": named[2]}
    draft = _ids(item, "draft", "model", "label", "drafts")
    return {
        "draft": draft[0] if draft else "",
        "stance": _stance_text(item),
        "sources": _ids(item, "sources", "source_ids", "source"),
    }


JudgeFailure = Literal[
    "judge_upstream_error", "judge_empty_completion", "judge_not_valid_json", "judge_schema_mismatch"
]
"""Why there is no analysis, in OpenRouter's codes."""

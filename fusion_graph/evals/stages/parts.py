"""What the stages hand to each other, as it is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fusion_graph.money import exact, summed
from fusion_graph.outcomes import PanelistOutcome
from fusion_graph.receipt import PartReceipt, Receipt
from fusion_graph.usage import Usage


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Compared(_Part):
    """What a judge left for the writer; the fields are those of the graph's state.

    Attributes:
        analysis: The analysis, or `None` where the judge gave none.
        sources: The source registry, with what the judge found.
        window: Tokens that the drafts block may have.
        receipt: The receipt so far.
    """

    analysis: dict[str, Any] | None
    sources: list[dict[str, Any]]
    window: int
    receipt: dict[str, Any]

    @property
    def judge(self) -> PartReceipt | None:
        """What the judge did."""
        return Receipt.model_validate(self.receipt).judge


class Written(_Part):
    """What a run ended with.

    Attributes:
        answer: The answer; empty where the writer wrote none.
        receipt: The whole receipt.
        citations: How often the answer cites each address.
        sources: The source registry.
    """

    answer: str
    receipt: dict[str, Any]
    citations: dict[str, int] = Field(default_factory=dict)
    sources: list[dict[str, Any]] = Field(default_factory=list)


ASKED = " query"
"""How the name of a tool ends where it is what the tool was asked."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One query to a tool or one result of it, for the audit.

    Attributes:
        tool: The tool; of a query, its name and `ASKED`.
        text: What it was asked, or returned.
        urls: The addresses that it returned.
    """

    tool: str
    text: str
    urls: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stage cost.

    Attributes:
        usd: US dollars, model calls and search fees; `None` if unknown.
        at_least: Whether that is a lower bound.
    """

    usd: float | None
    at_least: bool

    @classmethod
    def of(cls, usage: Usage) -> Cost:
        """Read it from a usage; fees alone are a lower bound."""
        at_least = usage.cost_at_least or usage.fees_at_least or None in (usage.cost_usd, usage.fees_usd)
        if usage.cost_usd is None and not usage.fees_usd:
            return cls(None, at_least=True)
        return cls(exact(summed([usage.cost_usd, usage.fees_usd]) or 0.0), at_least=at_least)


def seat_of(value: dict[str, Any], seat_id: str, label: str) -> PanelistOutcome:
    """Read a stored panel answer as the outcome of a seat of some panel.

    Args:
        value: What was stored.
        seat_id: The seat's id there.
        label: What it is called there.
    """
    return PanelistOutcome.model_validate({**value["outcome"], "seat_id": seat_id, "label": label})

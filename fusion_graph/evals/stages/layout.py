"""Which stages an answer of one configuration has, worked out once for all its tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fusion_graph.config import FusionConfig, Seat
from fusion_graph.evals.configurations import Plan, Way
from fusion_graph.evals.stages.desk import Stage
from fusion_graph.evals.stages.keys import (
    analysis_base,
    analysis_settings,
    digest,
    final_base,
    final_settings,
    seat_base,
    seat_settings,
    upstream,
)
from fusion_graph.seats import judge_of, resolved, writer_of

NO_JUDGE = "no judge"
"""What a writer's key names in place of an analysis."""


@dataclass(frozen=True, slots=True)
class Chair:
    """One seat of a panel.

    Attributes:
        seat: The seat.
        settings: What it is run with.
        base: What the keys of its answers begin with.
        copy: Which of the seats with these very settings: self-fusion needs independent drafts.
    """

    seat: Seat
    settings: FusionConfig
    base: str
    copy: int


class Layout:
    """The stages of a configuration.

    Args:
        plan: The configuration.
        place: Where stages run.
    """

    def __init__(self, plan: Plan, place: Mapping[str, Any]) -> None:
        self.way: Way = plan.way
        self.chairs = _chairs(plan.config, place)
        self.seats = [chair.seat for chair in self.chairs]
        self.analysis_settings = analysis_settings(plan.config)
        self.final_settings = final_settings(plan.config, judged=plan.way == "fused")
        self._analysis_base = analysis_base(self.analysis_settings, place)
        self._final_base = final_base(self.final_settings, place)
        self.judge, self.writer = judge_of(plan.config), writer_of(plan.config)

    def seat_stages(self, question: str, generation: int) -> list[Stage]:
        """Return the panel answers."""
        return [
            Stage(digest([chair.base, question, generation, chair.copy]), "seat", chair.seat.model)
            for chair in self.chairs
        ]

    def analysis(self, question: str, drafts: Sequence[Any]) -> Stage:
        """Return the analysis of some drafts, given by `drafts`."""
        return Stage(digest([self._analysis_base, question, list(drafts)]), "analysis", self.judge)

    def final(self, question: str, drafts: Sequence[Any], judged: str) -> Stage:
        """Return the final answer from some drafts and an analysis, given by its key or what stands in its place."""
        return Stage(digest([self._final_base, question, list(drafts), judged]), "final", self.writer)

    def drafts(self, keys: Sequence[str], lost: Mapping[str, str]) -> list[list[str]]:
        """Name what judge and writer are given.

        Args:
            keys: Keys of the panel answers.
            lost: How the seats without a draft ended, by seat id.
        """
        return upstream(self.seats, keys, lost)

    def outline(self, question: str, generation: int, lost: Mapping[str, str] | None = None) -> dict[str, Stage]:
        """Return all stages of an answer, by part: seat id, `judge`, `writer`.

        Args:
            question: What is asked.
            generation: Which independent answer.
            lost: How seats ended that gave no draft, by seat id; every other seat gives one.
        """
        seats = self.seat_stages(question, generation)
        parts = {chair.seat.id: stage for chair, stage in zip(self.chairs, seats, strict=True)}
        if len(lost or {}) == len(seats):
            return parts
        drafts, judged = self.drafts([stage.key for stage in seats], lost or {}), NO_JUDGE
        if self.way in ("fused", "best-of-n"):
            parts["judge"] = self.analysis(question, drafts)
            judged = parts["judge"].key
        if self.way in ("fused", "freeform"):
            parts["writer"] = self.final(question, drafts, judged)
        return parts


def _chairs(config: FusionConfig, place: Mapping[str, Any]) -> list[Chair]:
    copies: Counter[str] = Counter()
    chairs: list[Chair] = []
    for seat in resolved(config):
        settings = seat_settings(config, seat)
        base = seat_base(settings, place)
        chairs.append(Chair(seat, settings, base, copies[base]))
        copies[base] += 1
    return chairs

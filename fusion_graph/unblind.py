"""From labels back to seats: the judge speaks of labels, our code names who wrote what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fusion_graph.analysis import (
    Analysis,
    Contradiction,
    JudgedAnalysis,
    JudgedStance,
    PartialCoverage,
    Stance,
    Support,
    UniqueInsight,
)

_LABEL = re.compile(r"^(?:draft|answer|response|panelist)?[\s_:#-]*([A-Z])$", re.IGNORECASE)
_SOURCE = re.compile(r"^\[?(S\d+)\]?$", re.IGNORECASE)


def blinded(analysis: Analysis, labels: Mapping[str, str]) -> dict[str, Any]:
    """Put labels back in place of seats and models, for the writer's eyes.

    Args:
        analysis: The analysis as the state holds it.
        labels: Label by seat id.

    Returns:
        Plain data in the judge's own form: `drafts` and `sources` per item, no model named.
    """

    def drafts(seat_ids: Sequence[str]) -> list[str]:
        return [labels[seat] for seat in seat_ids if seat in labels]

    support = [*analysis.consensus_support, *[Support(seat_ids=[])] * len(analysis.consensus)]
    return {
        "consensus": [
            {"point": point, "drafts": drafts(behind.seat_ids), "sources": behind.source_ids}
            for point, behind in zip(analysis.consensus, support, strict=False)
        ],
        "contradictions": [
            {
                "topic": item.topic,
                "stances": [
                    {
                        "draft": labels.get(stance.seat_id, ""),
                        "stance": stance.stance,
                        "sources": stance.source_ids,
                    }
                    for stance in item.stances
                ],
            }
            for item in analysis.contradictions
        ],
        "partial_coverage": [
            {"point": item.point, "drafts": drafts(item.seat_ids), "sources": item.source_ids}
            for item in analysis.partial_coverage
        ],
        "unique_insights": [
            {"insight": item.insight, "draft": labels.get(item.seat_id, ""), "sources": item.source_ids}
            for item in analysis.unique_insights
        ],
        "blind_spots": list(analysis.blind_spots),
    }


class Unblinder:
    """Maps one run's labels to its seats.

    Args:
        seats: Seat id by label, such as `{"A": "seat-2"}`.
        models: Requested model by seat id.
        sources: The ids that the source registry holds.
    """

    def __init__(self, seats: Mapping[str, str], models: Mapping[str, str], sources: Sequence[str]) -> None:
        self._seats = seats
        self._by_name = {seat: seat for seat in models}
        self._models = models
        self._sources = frozenset(sources)

    def analysis(self, judged: JudgedAnalysis) -> Analysis:
        """Name seats and models in place of labels.

        An item that names no draft that was shown is kept only where the contract needs no model: a stance or a
        unique insight of nobody is left out, and ids of sources that do not exist are dropped.

        Args:
            judged: What the judge wrote.

        Returns:
            The analysis, every `model` in it a model of this panel.
        """
        return Analysis(
            consensus=[item.point for item in judged.consensus],
            consensus_support=[
                Support(seat_ids=self.seat_ids(item.drafts), source_ids=self.source_ids(item.sources))
                for item in judged.consensus
            ],
            contradictions=self._contradictions(judged),
            partial_coverage=[
                PartialCoverage(
                    models=[self._models[seat] for seat in seats],
                    point=item.point,
                    seat_ids=seats,
                    source_ids=self.source_ids(item.sources),
                )
                for item in judged.partial_coverage
                for seats in [self.seat_ids(item.drafts)]
            ],
            unique_insights=[
                UniqueInsight(
                    model=self._models[seat],
                    insight=item.insight,
                    seat_id=seat,
                    source_ids=self.source_ids(item.sources),
                )
                for item in judged.unique_insights
                for seat in self.seat_ids([item.draft])
            ],
            blind_spots=judged.blind_spots,
        )

    def seat_ids(self, labels: Sequence[str]) -> list[str]:
        """Return the seats behind labels, each once, in order; labels that were never shown are left out."""
        seats: list[str] = []
        for label in labels:
            match = _LABEL.match(label.strip())
            seat = self._seats.get(label.strip()) or (self._seats.get(match[1].upper()) if match else None)
            seat = seat or self._by_name.get(label.strip())
            if seat is not None and seat not in seats:
                seats.append(seat)
        return seats

    def source_ids(self, ids: Sequence[str]) -> list[str]:
        """Return the registered ids among those given, each once, in order."""
        found = [match[1].upper() for entry in ids if (match := _SOURCE.match(entry.strip()))]
        return list(dict.fromkeys(entry for entry in found if entry in self._sources))

    def _contradictions(self, judged: JudgedAnalysis) -> list[Contradiction]:
        mapped = [
            Contradiction(topic=item.topic, stances=self._stances(item.stances)) for item in judged.contradictions
        ]
        return [item for item in mapped if item.stances]

    def _stances(self, stances: Sequence[JudgedStance]) -> list[Stance]:
        return [
            Stance(
                model=self._models[seat],
                stance=item.stance,
                seat_id=seat,
                source_ids=self.source_ids(item.sources),
            )
            for item in stances
            for seat in self.seat_ids([item.draft])
        ]

"""From labels back to seats: the judge speaks of labels, our code names who wrote what."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
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

_BETWEEN = re.compile(r"[\W_]+")
_NAME = re.compile(r"[A-Z]|S[0-9]+")
_BESIDE = re.compile(r"(?:DRAFT|ANSWER|RESPONSE|PANELIST|SOURCE)S?|AND")


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
        self._models = models
        self._sources = frozenset(sources)

    def analysis(self, judged: JudgedAnalysis) -> Analysis:
        """Name seats and models in place of labels.

        An item that names no draft that was shown is kept only where the contract needs no model: a stance or a
        unique insight of nobody is left out, a contested topic stays without it, and ids of sources that do not
        exist are dropped.

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
            contradictions=[
                Contradiction(topic=item.topic, stances=self._stances(item.stances)) for item in judged.contradictions
            ],
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
        """Return the seats behind labels, each once, in order; labels that were never shown are left out.

        Args:
            labels: Labels as the judge wrote them, such as `A`, `Draft A`, `[B]` or `A and B`; seat ids count too.

        Returns:
            Seat ids.
        """
        found = [seat for label in labels for seat in self._behind(label.strip())]
        return list(dict.fromkeys(found))

    def _behind(self, label: str) -> list[str]:
        if label in self._seats:
            return [self._seats[label]]
        if label in self._models:
            return [label]
        return [self._seats[name] for name in _names(label, self._seats)]

    def source_ids(self, ids: Sequence[str]) -> list[str]:
        """Return the registered ids among those given, each once, in order; `[S3, S4]` counts as two."""
        return list(dict.fromkeys(name for entry in ids for name in _names(entry, self._sources)))

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


def _names(entry: str, known: Container[str]) -> list[str]:
    """Read `A`, `Draft A`, `[S3, S4]` or `A and B`; nothing where a word stands that is neither name nor filler."""
    words = [word for word in _BETWEEN.split(entry.upper()) if word and not _BESIDE.fullmatch(word)]
    if not all(_NAME.fullmatch(word) for word in words):
        return []
    return [word for word in words if word in known]

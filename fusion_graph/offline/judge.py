"""The extractive judge: compares drafts by the words of their quotes and answers with one JSON object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from fusion_graph.offline.briefing import briefing
from fusion_graph.offline.compare import Comparison, Dispute, Group, compare
from fusion_graph.offline.quotes import Claim, claims_in

MAX_ITEMS = 12
MAX_CHARACTERS = 600


def judge(messages: Sequence[BaseMessage]) -> str:
    """Compare the drafts in a judge's prompt.

    Args:
        messages: The judge's conversation.

    Returns:
        A JSON object with `consensus`, `contradictions`, `partial_coverage`, `unique_insights` and
        `blind_spots`; points, stances and insights are quoted word for word.
    """
    brief = briefing(messages)
    claims = claims_in(brief.drafts, frozenset(brief.sources))
    return json.dumps(_analysis(compare(brief.question, claims, len(brief.drafts))), ensure_ascii=False, indent=1)


def _analysis(found: Comparison) -> dict[str, list[Any]]:
    return {
        "consensus": [_point(group) for group in found.shared_by_most[:MAX_ITEMS]],
        "contradictions": [_contradiction(dispute) for dispute in found.disputes[:MAX_ITEMS]],
        "partial_coverage": [_point(group) for group in found.shared_by_some[:MAX_ITEMS]],
        "unique_insights": [
            {"insight": group.sentence, "draft": group.drafts[0], "sources": _ids(group.sources)}
            for group in found.alone[:MAX_ITEMS]
        ],
        "blind_spots": [f"No draft quotes anything on “{term[:200]}”." for term in found.not_covered[:MAX_ITEMS]],
    }


def _point(group: Group) -> dict[str, Any]:
    return {"point": group.sentence, "drafts": list(group.drafts), "sources": _ids(group.sources)}


def _contradiction(dispute: Dispute) -> dict[str, Any]:
    claims = dispute.claims[:MAX_ITEMS]
    labels = _spread(claims)
    stances = [
        {"draft": label, "stance": claim.sentence, "sources": _ids(claim.sources)}
        for claim, label in zip(claims, labels, strict=True)
    ]
    return {"topic": f"Possible disagreement ({dispute.kind}): {dispute.topic}"[:MAX_CHARACTERS], "stances": stances}


def _spread(claims: Sequence[Claim]) -> list[str]:
    """Give each sentence to a draft that quotes it, no draft twice where that can be avoided."""
    given: dict[int, str] = {}
    for at in sorted(range(len(claims)), key=lambda at: len(claims[at].drafts)):
        taken = list(given.values())
        given[at] = min(claims[at].drafts, key=taken.count)
    return [given[at] for at in range(len(claims))]


def _ids(sources: Sequence[str]) -> list[str]:
    return list(sources[:MAX_ITEMS])

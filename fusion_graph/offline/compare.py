"""Comparing quotes by their words alone: who says the same, and where figures or negations differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from fusion_graph.offline.claims import disagreement, features, likeness
from fusion_graph.offline.quotes import Claim
from fusion_graph.offline.words import WORD, key_phrases, stem, stems

SAME = 0.65
MOST = 0.75


@dataclass(frozen=True, slots=True)
class Group:
    """Sentences that say nearly the same.

    Attributes:
        claims: The sentences, the one that most drafts quote first.
        drafts: Labels of the drafts that quote any of them.
        sources: Ids behind any of them.
    """

    claims: tuple[Claim, ...]
    drafts: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The sentence to show."""
        return self.claims[0].sentence


@dataclass(frozen=True, slots=True)
class Dispute:
    """Sentences about the same thing that may disagree.

    Attributes:
        kind: What differs.
        claims: Two sentences or more, each in conflict with each other one.
        topic: The uncommon words that they share, as the first one writes them.
    """

    kind: str
    claims: tuple[Claim, ...]
    topic: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that words show about a set of drafts."""

    disputes: tuple[Dispute, ...]
    shared_by_most: tuple[Group, ...]
    shared_by_some: tuple[Group, ...]
    alone: tuple[Group, ...]
    not_covered: tuple[str, ...]


def compare(question: str, claims: Sequence[Claim], drafts: int) -> Comparison:
    """Compare what drafts quote.

    Args:
        question: What was asked.
        claims: The sentences they quote.
        drafts: How many drafts were shown.

    Returns:
        Disputes first: a sentence in dispute is in no group. Three quarters of the drafts, and at least two,
        count as most.
    """
    common = frozenset(stems(question))
    disputes = _disputes(claims, common)
    disputed = {claim.sentence for dispute in disputes for claim in dispute.claims}
    groups = _groups([claim for claim in claims if claim.sentence not in disputed], common)
    most = max(2, math.ceil(MOST * drafts))
    return Comparison(
        disputes=disputes,
        shared_by_most=tuple(group for group in groups if len(group.drafts) >= most),
        shared_by_some=tuple(group for group in groups if 2 <= len(group.drafts) < most),
        alone=tuple(group for group in groups if len(group.drafts) < 2),
        not_covered=_not_covered(question, claims),
    )


def _groups(claims: Sequence[Claim], common: frozenset[str]) -> list[Group]:
    """Group like sentences; a sentence joins the first group whose leading sentence it resembles."""
    gathered: list[list[Claim]] = []
    for claim in sorted(claims, key=lambda claim: -len(claim.drafts)):
        home = next((group for group in gathered if likeness(group[0].sentence, claim.sentence, common) >= SAME), None)
        if home is None:
            gathered.append([claim])
        else:
            home.append(claim)
    return [_group(group) for group in gathered]


def _group(claims: Sequence[Claim]) -> Group:
    drafts = sorted({label for claim in claims for label in claim.drafts})
    return Group(tuple(claims), tuple(drafts), tuple(dict.fromkeys(one for claim in claims for one in claim.sources)))


def _disputes(claims: Sequence[Claim], common: frozenset[str]) -> tuple[Dispute, ...]:
    """Find disputes, the most alike pair first; a sentence joins where it conflicts with every stance."""
    found = []
    for one, other in combinations(claims, 2):
        kind = disagreement(one.sentence, other.sentence, common) if _independent(one, other) else None
        if kind:
            found.append((likeness(one.sentence, other.sentence, common), kind, one, other))
    pairs = {frozenset((one.sentence, other.sentence)): kind for _, kind, one, other in found}
    disputes: list[Dispute] = []
    used: set[str] = set()
    for _, kind, one, other in sorted(found, key=lambda entry: -entry[0]):
        if used & {one.sentence, other.sentence}:
            continue
        stances = [one, other]
        for claim in claims:
            if claim.sentence not in used and all(
                pairs.get(frozenset((claim.sentence, stance.sentence))) == kind for stance in stances
            ):
                stances.append(claim)
        used.update(stance.sentence for stance in stances)
        disputes.append(Dispute(kind, tuple(stances), _topic(stances, common)))
    return tuple(disputes)


def _independent(one: Claim, other: Claim) -> bool:
    """Whether two sentences come from different sources, or drafts where a source is unknown."""
    if one.sources and other.sources:
        return set(one.sources).isdisjoint(other.sources)
    return set(one.drafts).isdisjoint(other.drafts)


def _topic(claims: Sequence[Claim], common: frozenset[str]) -> str:
    shared = frozenset.intersection(*(features(claim.sentence).about for claim in claims)) - common
    words = {stem(word): word for word in reversed(WORD.findall(claims[0].sentence)) if stem(word) in shared}
    return ", ".join(list(words.values())[::-1][:6])


def _not_covered(question: str, claims: Sequence[Claim]) -> tuple[str, ...]:
    """Return the parts of the question that no quote and no title of a quoted source mentions."""
    covered = {found for claim in claims for found in stems(f"{claim.sentence} {claim.titles}")}
    missing: dict[str, None] = {}
    for phrase in key_phrases(question):
        absent = [word for word in WORD.findall(phrase) if stem(word) not in covered]
        whole = len(absent) == len(WORD.findall(phrase))
        missing.update(dict.fromkeys([phrase] if whole else absent))
    return tuple(missing)

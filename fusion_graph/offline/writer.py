"""The extractive writer: arranges the quotes under the analysis, each with its citation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from fusion_graph.offline.briefing import Briefing, briefing
from fusion_graph.offline.quotes import Claim, claims_in
from fusion_graph.offline.sentences import is_unsafe
from fusion_graph.offline.words import normalised

FIRST_LINE = "*No language model was called: all that stands in quotation marks is quoted from the sources.*"
NOTHING = "The seats found nothing to quote for this question."
NO_COMPARISON = "There is no comparison of the seats for this answer; these are their quotes as they stand."
ALL_COVERED = "Every key term of the question turns up in a quote or in its source's title."
_Item = str | dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Page:
    claims: Mapping[str, Claim]
    labels: tuple[str, ...]
    known: frozenset[str]

    def bullet(self, sentence: str, item: _Item = "") -> str | None:
        """Quote a sentence, if a draft really holds it with a registered source."""
        claim = self.claims.get(normalised(sentence))
        if claim is None:
            return None
        like = [one for one in _ids(item, "sources") if one in self.known and one not in claim.sources]
        drafts = {*claim.drafts, *(one for one in _ids(item, "drafts") if one in self.labels)}
        similar = f"; much the same in {_cited(like)}" if like else ""
        found_by = f"{len(drafts)} of {len(self.labels)} seats{similar}"
        return f'- "{claim.sentence}" {_cited(claim.sources)} ({found_by})'


def write(messages: Sequence[BaseMessage]) -> str:
    """Write the answer from a writer's prompt.

    Args:
        messages: The writer's conversation.

    Returns:
        Markdown: a line that says how it came about, the quotes in sections, and how far to trust them. Only
        ids from the list of sources are cited.
    """
    brief = briefing(messages)
    known = frozenset(brief.sources)
    claims = {claim.sentence: claim for claim in claims_in(brief.drafts, known) if claim.sources}
    page = _Page(claims, tuple(label for label, _ in brief.drafts), known)
    if not claims:
        return f"{FIRST_LINE}\n\n{NOTHING}\n"
    parts = list(_arranged(page, brief)) or [_as_they_stand(page)]
    return "\n\n".join([FIRST_LINE, *parts, _trust(page)]) + "\n"


def _arranged(page: _Page, brief: Briefing) -> Iterator[str]:
    """Yield the sections that the analysis gives rise to; none where it quotes nothing."""
    analysis = _read(brief.analysis)
    agreed, some, alone = (
        [bullet for item in _items(analysis, key) if (bullet := page.bullet(_text(item), item))]
        for key in ("consensus", "partial_coverage", "unique_insights")
    )
    disputes = [text for item in _items(analysis, "contradictions") if (text := _dispute(page, item))]
    if not (agreed or some or alone or disputes):
        return
    yield _section("What the sources agree on", agreed or ["No sentence is quoted by all or most seats."])
    yield _section("Where they disagree", disputes or ["No figures or negations that differ were noticed."])
    if some:
        yield _section("Found by several seats, not by most", some)
    yield _section("Found by one seat only", alone or ["Every sentence was found by more than one seat."])
    blind = [f"- {text}" for item in _items(analysis, "blind_spots") if (text := _plain(_text(item)))]
    yield _section("Not covered", blind or [ALL_COVERED])


def _as_they_stand(page: _Page) -> str:
    bullets = [bullet for sentence in page.claims if (bullet := page.bullet(sentence))]
    return _section("What the seats quote", [f"{NO_COMPARISON}\n", *bullets])


def _dispute(page: _Page, item: _Item) -> str | None:
    stances = item.get("stances") if isinstance(item, dict) else None
    texts = [_text(stance) for stance in stances or [] if isinstance(stance, dict)]
    quoted = [f"  {bullet}" for text in texts if (bullet := page.bullet(text))]
    if len(quoted) < 2:
        return None
    return "\n".join([f"- {_plain(_text(item)) or 'Possible disagreement'}", *quoted])


def _trust(page: _Page) -> str:
    cited = {one for claim in page.claims.values() for one in claim.sources}
    quoting = {label for claim in page.claims.values() for label in claim.drafts}
    shared = sum(len(claim.drafts) > 1 for claim in page.claims.values())
    text = (
        f"{len(quoting)} of {len(page.labels)} seats found something to quote: {len(page.claims)} sentences "
        f"from {len(cited)} sources, {shared} of them found by more than one seat. The seats search the same "
        "sources in different ways: that several of them quote a sentence says that it is to the point, not "
        "that it is true. Disagreements are noticed by differing figures, negations and opposite words; some "
        "are missed, and some only look like one. Nobody weighed the arguments: read the sources."
    )
    return _section("How sure one can be", [text])


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *lines])


def _cited(sources: Sequence[str]) -> str:
    return " ".join(f"[{one}]" for one in sources)


def _read(analysis: str | None) -> dict[str, Any]:
    try:
        value = json.loads(analysis or "{}")
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _items(analysis: Mapping[str, Any], key: str) -> list[_Item]:
    value = analysis.get(key)
    return [item for item in value if isinstance(item, str | dict)] if isinstance(value, list) else []


def _text(item: _Item) -> str:
    if isinstance(item, str):
        return item
    return next((str(item[key]) for key in ("point", "insight", "stance", "topic") if item.get(key)), "")


def _ids(item: _Item, key: str) -> list[str]:
    value = item.get(key) if isinstance(item, dict) else None
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _plain(text: str) -> str:
    """Return a line of the analysis that is no quote; empty if it holds a link or a citation."""
    return "" if is_unsafe(text) else normalised(text)

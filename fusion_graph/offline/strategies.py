"""How the three seats differ: what each searches for, and which sentences it prefers."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from itertools import combinations, islice

from fusion_graph.offline.claims import disagreement, features, speaks_against
from fusion_graph.offline.quotes import Quote
from fusion_graph.offline.ranking import Ranked, rank
from fusion_graph.offline.words import asks_for_both_sides, key_phrases, normalised, stems

MAX_QUERIES = 4
MAX_QUOTES = 8
_QUERY_CHARACTERS = 300
_COMPARED = 200


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to look for an answer.

    Attributes:
        queries: From the question to what to search for, all in one step.
        choose: From the sentences found and the question to those to quote, best first.
    """

    queries: Callable[[str], list[str]]
    choose: Callable[[Sequence[Quote], str], list[Quote]]


def _whole_question(question: str) -> list[str]:
    return _queries([question])


def _each_term(question: str) -> list[str]:
    phrases = key_phrases(question)
    subject = " ".join(phrases)
    if subject and asks_for_both_sides(question):
        sides = [
            f"{subject} benefits advantages argument for",
            f"{subject} problems drawbacks argument against",
        ]
        return _queries([*phrases[: MAX_QUERIES - len(sides)], *sides])
    words = subject.split() if len(phrases) == 1 else []
    return _queries([*phrases, *words] or [question])


def _evidence(question: str) -> list[str]:
    subject = " ".join(key_phrases(question)) or question
    sought = (
        "cost effect evidence",
        "percent about share",
        "small large low high",
        "against not without fails",
    )
    return _queries([f"{subject} {words}" for words in sought])


def _closest(quotes: Sequence[Quote], question: str) -> list[Quote]:
    return [entry.quote for entry in islice(rank(quotes, stems(question)), MAX_QUOTES)]


def _widest(quotes: Sequence[Quote], question: str) -> list[Quote]:
    """Take what adds most that is new: other sources first, other words next."""
    left = rank(quotes, _subject_stems(question))
    chosen: list[Quote] = []
    seen: set[str] = set()
    sources: set[str] = set()

    def gain(entry: Ranked) -> float:
        fresh = len(entry.stems.keys() - seen) / max(1, len(entry.stems))
        return entry.score * fresh * (0.3 if entry.quote.url in sources else 1.0)

    while left and len(chosen) < MAX_QUOTES:
        best = max(left, key=gain)
        left.remove(best)
        chosen.append(best.quote)
        seen.update(best.stems)
        sources.add(best.quote.url)
    return chosen


def _figures_first(quotes: Sequence[Quote], question: str) -> list[Quote]:
    """Take sentences with figures, dates or negations, above all those that another source disputes."""
    ranked = rank(quotes, _subject_stems(question))
    disputed = _disputed([entry.quote for entry in ranked[:_COMPARED]], frozenset(stems(question)))
    weighed = [(entry.quote, entry.score * _weight(entry.quote.sentence, disputed)) for entry in ranked]
    return [quote for quote, weight in sorted(weighed, key=lambda pair: -pair[1])[:MAX_QUOTES] if weight]


def _disputed(quotes: Sequence[Quote], common: frozenset[str]) -> set[str]:
    return {
        sentence
        for one, other in combinations(quotes, 2)
        if one.url != other.url and disagreement(one.sentence, other.sentence, common)
        for sentence in (one.sentence, other.sentence)
    }


def _weight(sentence: str, disputed: Set[str]) -> float:
    found = features(sentence)
    weight = 1.0 * bool(found.figures) + 0.5 * bool(found.years) + 0.6 * speaks_against(sentence)
    return 1 + weight + 10 * (sentence in disputed) if weight else 0.0


def _subject_stems(question: str) -> list[str]:
    return stems(" ".join(key_phrases(question))) or stems(question)


def _queries(texts: Sequence[str]) -> list[str]:
    cut = (normalised(text)[:_QUERY_CHARACTERS].strip() for text in texts)
    return list(dict.fromkeys(filter(None, cut)))[:MAX_QUERIES]


STRATEGIES = {
    "question": Strategy(_whole_question, _closest),
    "terms": Strategy(_each_term, _widest),
    "figures": Strategy(_evidence, _figures_first),
}
"""By the name of the seat."""

"""How well sentences fit a question: BM25 over those at hand, a little for their source's title."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fusion_graph.offline.passages import Passage
from fusion_graph.offline.quotes import Quote
from fusion_graph.offline.sentences import sentences
from fusion_graph.offline.words import normalised, stems

_SATURATION, _LENGTH = 1.2, 0.75
_TITLE_SHARE = 0.3
_DANGLING_SHARE = 0.4
_DANGLING = frozenset(
    ("it", "this", "that", "these", "those", "they", "he", "she", "such", "but", "and", "so", "however")
)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A sentence that could be quoted.

    Attributes:
        quote: The sentence with its source.
        stems: Its meaningful words, counted.
        score: Its fit; above 0.
    """

    quote: Quote
    stems: Counter[str]
    score: float


def candidates(passages: Iterable[Passage]) -> list[Quote]:
    """Return every quotable sentence once, with the first source that holds it."""
    found: dict[str, Quote] = {}
    for passage in passages:
        for sentence in sentences(passage.text):
            if sentence == normalised(passage.title):
                continue
            found.setdefault(sentence, Quote(sentence, passage.url, passage.title))
    return list(found.values())


def rank(quotes: Sequence[Quote], wanted: Iterable[str]) -> list[Ranked]:
    """Rank sentences by the words they share with what is wanted.

    Args:
        quotes: The sentences.
        wanted: Stems to look for.

    Returns:
        Sentences that share at least one, or whose source's title does, best first; ties keep their order.
    """
    counted = [Counter(stems(quote.sentence)) for quote in quotes]
    terms = list(dict.fromkeys(wanted))
    rarity = {term: _rarity(sum(term in words for words in counted), len(counted)) for term in terms}
    average = sum(words.total() for words in counted) / max(1, len(counted))
    ranked = []
    for quote, words in zip(quotes, counted, strict=True):
        score = sum(rarity[term] * _frequency(words, term, average) for term in terms)
        titled = set(stems(quote.title))
        score += _TITLE_SHARE * sum(rarity[term] for term in terms if term in titled)
        if score > 0:
            ranked.append(Ranked(quote, words, score * (_DANGLING_SHARE if _dangles(quote.sentence) else 1.0)))
    return sorted(ranked, key=lambda entry: -entry.score)


def _rarity(holding: int, total: int) -> float:
    return math.log(1 + (total - holding + 0.5) / (holding + 0.5))


def _frequency(words: Counter[str], term: str, average: float) -> float:
    if not words[term]:
        return 0.0
    length = 1 - _LENGTH + _LENGTH * words.total() / max(average, 1.0)
    return words[term] * (_SATURATION + 1) / (words[term] + _SATURATION * length)


def _dangles(sentence: str) -> bool:
    """Whether a sentence leans on the one before it, which the reader of a quote does not see."""
    return sentence.split(maxsplit=1)[0].strip(",").casefold() in _DANGLING

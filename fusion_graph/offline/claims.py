"""What a sentence claims, as far as words show it: its subject, its figures, whether it denies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from fusion_graph.offline.words import WORD, root, stem

Interval = tuple[float, float]

ABOUT_THE_SAME = 0.5

_FIGURE = re.compile(
    r"(?P<sign>[$\u20ac\u00a3\u00a5])?(?<![\w.,])(?P<value>\d+(?:[.,]\d+)*)"
    r"(?:\s?(?P<scale>thousand|million|billion|trillion)\b)?"
    r"(?:\s?(?P<unit>%|per ?cent(?:age points?)?\b|(?!(?:a|an|per|each)\b)[^\W\d_]+))?"
    r"(?:\s(?:a|an|per|each)\s(?P<per>[^\W\d_]+))?",
    re.IGNORECASE,
)
_YEAR = re.compile(r"^(?:19|20)\d\d$")
_RANGE = re.compile(r"^\s*(?:to|and|or|[-\u2013\u2014])\s*$", re.IGNORECASE)
_GROUPED = re.compile(r"^\d{1,3}(?:,\d{3})+(?:\.\d+)?$")
_MONEY = frozenset(("dollar", "euro", "pound", "usd", "eur", "gbp", "yen", "cent", "franc", "crown"))
_PERCENT = frozenset(("percent", "percentag"))
_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nor|neither|nobody|nothing|without|cannot|hardly|barely|scarcely|lack(?:s|ed)?|fail(?:s|ed)?"
    r"|little evidence|far from|\w+n['\u2019]t)\b",
    re.IGNORECASE,
)
_ANTONYMS = """
increase/decrease increase/reduce increase/cut raise/lower raise/cut raise/reduce rise/fall small/large
low/high regressive/progressive weak/strong gain/lose help/harm help/hurt effective/ineffective
cheap/expensive safe/dangerous safe/unsafe better/worse faster/slower succeed/fail
possible/impossible likely/unlikely fair/unfair popular/unpopular simple/complex easy/hard easy/difficult
stable/unstable minor/major create/destroy strengthen/weaken efficient/inefficient reliable/unreliable
necessary/unnecessary
"""


@dataclass(frozen=True, slots=True)
class Features:
    """What words show of one sentence.

    Attributes:
        about: Stems of what it speaks of: no figures, negations or words of judgement.
        figures: Lowest and highest figure by unit; figures without a unit are left out.
        years: Calendar years.
        denies: Whether it negates, an even number of negations being none.
        sides: Stems that have an opposite.
        names: Stems of words with a capital inside the sentence.
        opening: Stem of its first word, if that carries meaning.
    """

    about: frozenset[str]
    figures: dict[str, Interval]
    years: frozenset[str]
    denies: bool
    sides: frozenset[str]
    names: frozenset[str]
    opening: str


@lru_cache(maxsize=10_000)
def features(sentence: str) -> Features:
    """Read what a sentence claims.

    Args:
        sentence: One sentence.

    Returns:
        Its features.
    """
    words = WORD.findall(sentence)
    sides = frozenset(root(word) for word in words) & frozenset().union(*_opposites())
    negations = _NEGATION.findall(sentence)
    ignored = sides | {root(word) for found in negations for word in found.split()} | _PERCENT
    return Features(
        about=frozenset(found for word in words if not word[0].isdigit() and (found := stem(word))) - ignored,
        figures=_figures(sentence),
        years=frozenset(word for word in words if _YEAR.match(word)),
        denies=len(negations) % 2 == 1,
        sides=sides,
        names=frozenset(stem(word) for word in words[1:] if word[0].isupper()) - {""},
        opening=stem(words[0]) if words else "",
    )


def likeness(one: str, other: str, common: frozenset[str]) -> float:
    """Measure how far two sentences speak of the same thing.

    Args:
        one: A sentence.
        other: Another.
        common: Stems that most sentences here hold, such as the question's; they count a quarter.

    Returns:
        0 for nothing in common, 1 for the same words; at least two uncommon words must be shared.
    """
    a, b = features(one).about, features(other).about
    if len((a & b) - common) < 2:
        return 0.0
    return 2 * _weight(a & b, common) / (_weight(a, common) + _weight(b, common))


def disagreement(one: str, other: str, common: frozenset[str]) -> str | None:
    """Say how two sentences may disagree.

    Args:
        one: A sentence.
        other: Another.
        common: Stems that most sentences here hold; see `likeness`.

    Returns:
        `figures`, `negation`, `opposite words`, or `None` where nothing shows.
    """
    if likeness(one, other, common) < ABOUT_THE_SAME:
        return None
    a, b = features(one), features(other)
    if _speak_of_different_things(a, b):
        return None
    units = [unit for unit in a.figures if unit in b.figures]
    apart = [unit for unit in units if _disjoint(a.figures[unit], b.figures[unit])]
    if apart:
        return "figures" if len(apart) == 1 else None  # several inputs differ: two cases, not one dispute
    opposed = any(
        pair & a.sides
        and pair & b.sides
        and (pair & a.sides).isdisjoint(b.sides)
        and (pair & b.sides).isdisjoint(a.sides)
        for pair in _opposites()
    )
    if a.denies != b.denies:
        return None if opposed else "negation"
    return "opposite words" if opposed else None


def speaks_against(sentence: str) -> bool:
    """Whether a sentence negates something or takes one of two opposite sides."""
    found = features(sentence)
    return found.denies or bool(found.sides)


def _speak_of_different_things(a: Features, b: Features) -> bool:
    if a.years and b.years and a.years.isdisjoint(b.years):
        return True
    if a.names and b.names and a.names.isdisjoint(b.names):
        return True
    return bool(a.opening and b.opening and a.opening not in _all(b) and b.opening not in _all(a))


def _all(found: Features) -> frozenset[str]:
    return found.about | found.sides | {found.opening}


def _weight(stems: frozenset[str], common: frozenset[str]) -> float:
    return len(stems - common) + 0.25 * len(stems & common)


def _disjoint(one: Interval, other: Interval) -> bool:
    return one[1] < other[0] or other[1] < one[0]


@cache
def _opposites() -> frozenset[frozenset[str]]:
    return frozenset(frozenset(map(root, pair.split("/"))) for pair in _ANTONYMS.split())


def _figures(sentence: str) -> dict[str, Interval]:
    figures: dict[str, Interval] = {}
    later: re.Match[str] | None = None
    inherited = ""
    for match in reversed(list(_FIGURE.finditer(sentence))):
        value = _value(match)
        unit = _unit(match)
        if not unit and later is not None and _RANGE.match(sentence[match.end("value") : later.start()]):
            unit = inherited
        later, inherited = match, unit
        if unit and value is not None:
            low, high = figures.get(unit, (value, value))
            figures[unit] = (min(low, value), max(high, value))
    return figures


def _value(match: re.Match[str]) -> float | None:
    written = match["value"]
    plain = written.replace(",", "") if _GROUPED.match(written) else written.replace(",", ".")
    if plain.count(".") > 1:
        return None  # a version or a date
    return float(plain) * _SCALES.get((match["scale"] or "").lower(), 1)


def _unit(match: re.Match[str]) -> str:
    written = (match["unit"] or "").casefold()
    unit = stem(written) if written else ""
    if written.startswith(("%", "per cent", "percent")):
        unit = "points" if "point" in written else "%"
    if match["sign"] or unit in _MONEY:
        unit = "money"
    elif _YEAR.match(match["value"]) and unit not in ("%", "points"):
        return ""
    return f"{unit}/{stem(match['per'])}" if unit and match["per"] else unit

"""Words as the offline parts see them: stems, stop words, and which words say what a question is about."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tantivy import TextAnalyzer

WORD = re.compile(r"\d+(?:[.,]\d+)*(?![^\W_])|[^\W_]+(?:['\u2019][^\W_]+)*")
_POSSESSIVE = re.compile(r"['\u2019]s?$")
_JOINS = " \t\n-\u2010\u2011'\u2019/"
_WORD_CHARACTERS = 60


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS = _words("""
a about above after again all almost also although am among an and any are around as at be because been
before being below between both but by can could did do does doing done down during each either else even
ever every for from further get gets getting got had has have having he hence her here hers him his how
however i if in into is it its itself just let like likely made make makes making many may me might more
most much must my near need needs no nor not of off often on once one only onto or other others our out over
own per perhaps rather really s same shall she should since so some still such t than that the their them
then there these they this those though through thus to too toward towards under until up upon us use used
uses using very was we were what when where whether which while who whom whose why will with within without
would yet you your
""")
"""English function words, which say nothing about the subject."""

ASKING_WORDS = _words("""
advantage advantages against answer argue argues argument arguments benefit benefits best better case cases
compare comparison con cons consequence consequences consider describe difference differences disadvantage
disadvantages discuss disagree drawback drawbacks effect effects evidence explain fact facts find give good
bad happen happens important key know known list main major matter mean means merit merits overview point
points pro pros question reason reasons right say says show strong stronger strongest summarise summarize
summary support tell think true versus view views vs want way ways weak weaker weakest well work works worst
""")
"""Words that say what form of answer is wanted rather than what it is about."""

BOTH_SIDES = _words("""
against cons disadvantages drawbacks versus vs should better worth pros merits
""")
"""Words by which a question asks for two sides."""


@cache
def _stemmer() -> TextAnalyzer:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer  # noqa: PLC0415  a heavy package, needed on first use

    builder = TextAnalyzerBuilder(Tokenizer.raw()).filter(Filter.lowercase()).filter(Filter.stemmer("english"))
    return builder.build()


@lru_cache(maxsize=50_000)
def root(word: str) -> str:
    """Reduce any word, function words included, to what its other forms share; never empty."""
    plain = _POSSESSIVE.sub("", word.casefold())[:_WORD_CHARACTERS] or word
    return "".join(_stemmer().analyze(plain)) or plain


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Reduce a word to what its other forms share.

    Args:
        word: One word.

    Returns:
        Its lower-case stem, or an empty string for a word that carries no meaning of its own.
    """
    plain = word.casefold().replace("\u2019", "'")
    return "" if plain.removesuffix("'s") in STOP_WORDS or plain.endswith("n't") else root(word)


def normalised(text: str) -> str:
    """Return a text on one line, every run of white space a single space."""
    return " ".join(text.split())


def stems(text: str) -> list[str]:
    """Return the stems of a text's meaningful words, in order, repeats included."""
    return [found for word in WORD.findall(text) if (found := stem(word))]


def key_phrases(question: str) -> list[str]:
    """Read what a question is about.

    Args:
        question: The question.

    Returns:
        Runs of meaningful words as the question writes them, each once, in order: function words, words that
        only ask ("strongest arguments") and punctuation stand between them.
    """
    runs: list[list[re.Match[str]]] = [[]]
    for match in WORD.finditer(question):
        gap = question[runs[-1][-1].end() : match.start()] if runs[-1] else ""
        if gap.strip(_JOINS):
            runs.append([])
        if not stem(match[0]) or match[0].casefold() in ASKING_WORDS:
            runs.append([])
        else:
            runs[-1].append(match)
    phrases: dict[tuple[str, ...], str] = {}
    for run in filter(None, runs):
        phrase = normalised(question[run[0].start() : run[-1].end()])
        phrases.setdefault(tuple(stems(phrase)), phrase)
    return list(phrases.values())


def asks_for_both_sides(question: str) -> bool:
    """Whether a question asks for arguments on two sides."""
    return any(word.casefold() in BOTH_SIDES for word in WORD.findall(question))

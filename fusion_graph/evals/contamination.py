"""Keep a benchmark's answers out of a run, and find out afterwards whether they got in.

Before the run: the places that hold the answers go on the block lists of search and fetch. After it: every text that
tools returned, every query and the answer are searched for

- markers: words that nothing but the benchmark, or talk of it, holds;
- the beginnings of criteria: the first 8 words of each in a row, of a shorter one all, if they are 5 at least. Criteria
  that begin as the task itself does somewhere do not count;
- remarks in the answer that the task looks like a benchmark;
- addresses on the block list.

How often that is wrong, and how often right: in 600 recorded reports and their queries, written without sight of
DRACO's rubrics, not one of 3,933 beginnings is found; with 7 words instead of 8 one would be. Of random windows of
DRACO's file 99 % are found if they are 500 characters long, 94 % if 300.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from fusion_graph.config import FusionConfig, ToolSpec
from fusion_graph.errors import ConfigError
from fusion_graph.evals.datasets.draco import DRACO_BLOCKLIST, DRACO_MARKERS
from fusion_graph.evals.schema import Dataset, Task
from fusion_graph.presets import explain
from fusion_graph.tools.domains import DomainRules

LONGEST_FRAGMENT = 8
"""Words of a criterion's beginning that are looked for."""
SHORTEST_FRAGMENT = 5
ANSWER = "answer"
"""The name under which the answer's text is given to an audit."""
_WORD = re.compile(r"\w+")
_URL = re.compile(r"https?://[^\s<>\"'`\])}|\\]+")
_SUSPICION = re.compile(
    r"\b(?:this|the) (?:task|question|prompt|query) (?:looks like|appears to be|seems to be|is) "
    r"(?:\w+ ){0,3}(?:benchmark|eval|evaluation (?:task|question|prompt|item))\b"
)
_LISTS = {"web_search": "excluded_domains", "web_fetch": "blocked_domains"}
"""By the end of a tool's name, the parameter that holds its block list; ours know both names, a gateway's one each."""


def with_blocklist(config: FusionConfig, blocklist: Sequence[str]) -> FusionConfig:
    """Keep a run away from the places that hold a dataset's answers.

    Give it a run's settings as they come out of all presets and defaults: tool entries with block lists of their own,
    which win over the run's, are extended too, and so are a gateway's own search and fetch tools.

    Args:
        config: The run's settings.
        blocklist: Hosts, subdomains or host/paths.

    Returns:
        The settings with the places on every block list; what was on it stays.

    Raises:
        ConfigError: A list becomes too long, or a place is also on the list of allowed ones.
    """
    if not blocklist:
        return config
    held: dict[str, Any] = {
        "search": {"excluded_domains": _joined(config.search.excluded_domains, blocklist)},
        "fetch": {"blocked_domains": _joined(config.fetch.blocked_domains, blocklist)},
    }
    if config.tools is not None:
        held["tools"] = [_extended(entry, blocklist) for entry in config.tools]
    if config.caller_tools:
        held["caller_tools"] = [_extended(entry, blocklist) for entry in config.caller_tools]
    if any(seat.tools is not None for seat in config.seats()):
        held["panel"] = [
            seat
            if seat.tools is None
            else seat.model_copy(update={"tools": [_extended(entry, blocklist) for entry in seat.tools]})
            for seat in config.seats()
        ]
    try:
        return FusionConfig.model_validate(held).over(config)
    except ValidationError as error:
        raise ConfigError(f"the block list of the dataset: {explain(error)}") from error


def _extended(entry: ToolSpec | str, blocklist: Sequence[str]) -> ToolSpec | str:
    spec = ToolSpec(type=entry) if isinstance(entry, str) else entry
    vendor, _, name = spec.type.rpartition(":")
    if name not in _LISTS:
        return entry
    own = [parameter for parameter in _LISTS.values() if parameter in spec.parameters]
    if not vendor and not own:
        return entry  # it has the run's list
    parameter = own[0] if own else _LISTS[name]
    lists = {parameter: _joined(spec.parameters.get(parameter) or [], blocklist)}
    return spec.model_copy(update={"parameters": {**spec.parameters, **lists}})


def _joined(own: Iterable[str], blocklist: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*own, *blocklist]))


def urls_in(text: str) -> list[str]:
    """Find the web addresses in a text, each once, in order.

    Args:
        text: Any text, such as a tool's result.

    Returns:
        The addresses, without the punctuation that ends a sentence.
    """
    return list(dict.fromkeys(match.rstrip(".,;:!?*_") for match in _URL.findall(text)))


@dataclass(frozen=True, slots=True)
class Fragment:
    """The beginning of a criterion, as words, and whose it is."""

    words: tuple[str, ...]
    task_id: str
    criterion_id: str


@dataclass(frozen=True, slots=True)
class Auditor:
    """Searches what runs saw and wrote for one dataset's answers; long texts take a while, so use a thread.

    Attributes:
        markers: Words that give the benchmark away, in lower case.
        fragments: Beginnings of criteria, by their first words.
        rules: The block list.
    """

    markers: tuple[str, ...]
    fragments: Mapping[tuple[str, ...], Sequence[Fragment]]
    rules: DomainRules

    @classmethod
    def of(cls, dataset: Dataset, markers: Sequence[str] | None = None) -> Auditor:
        """Make the auditor of a dataset.

        Args:
            dataset: The dataset, with all its tasks: the whole key is looked for in every row.
            markers: Words that give it away; DRACO's when unset, if it is DRACO, else none.

        Returns:
            The auditor.
        """
        if markers is None:
            markers = DRACO_MARKERS if dataset.blocklist == list(DRACO_BLOCKLIST) else ()
        fragments: dict[tuple[str, ...], list[Fragment]] = {}
        for fragment in (found for task in dataset.tasks for found in _fragments(task)):
            fragments.setdefault(fragment.words[:SHORTEST_FRAGMENT], []).append(fragment)
        return cls(tuple(map(str.lower, markers)), fragments, DomainRules.of(blocked=dataset.blocklist))

    def reasons(self, task: Task, texts: Iterable[tuple[str, str]], urls: Iterable[str] = ()) -> list[str]:
        """Say why a row is contaminated.

        Args:
            task: The row's task.
            texts: What was seen and written, each with where: a tool's result or query, `answer`.
            urls: Every address that its tools returned.

        Returns:
            What was found and where, each once; nothing if the row is clean. Criteria are named, never quoted.
        """
        asked = set(self._fragments_in(task.input))
        found: list[str] = []
        for where, text in texts:
            found += [f"{where}: {what}" for what in self._in_text(text, asked, is_answer=where == ANSWER)]
        found += [f"addresses: {what}" for what in self._in_urls(urls)]
        return list(dict.fromkeys(found))

    def _in_text(self, text: str, asked: set[Fragment], *, is_answer: bool) -> Iterator[str]:
        plain = unicodedata.normalize("NFKC", text).lower()
        yield from (f"holds {marker!r}" for marker in self.markers if marker in plain)
        for fragment in self._fragments_in(text):
            if fragment not in asked:
                yield f"holds the beginning of criterion {fragment.criterion_id!r} of task {fragment.task_id!r}"
        if is_answer and _SUSPICION.search(plain):
            yield "says that the task looks like a benchmark"
        yield from self._in_urls(urls_in(text))

    def _fragments_in(self, text: str) -> Iterator[Fragment]:
        words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
        for start in range(len(words)):
            for fragment in self.fragments.get(tuple(words[start : start + SHORTEST_FRAGMENT]), ()):
                if tuple(words[start : start + len(fragment.words)]) == fragment.words:
                    yield fragment

    def _in_urls(self, urls: Iterable[str]) -> Iterator[str]:
        for url in urls:
            reason = self.rules.refusal(url)
            if reason is not None and reason.endswith("blocked domains"):
                yield f"{url}: {reason}"


def _fragments(task: Task) -> Iterator[Fragment]:
    for _, criterion in task.rubric.criteria() if task.rubric else ():
        words = _WORD.findall(unicodedata.normalize("NFKC", criterion.requirement).casefold())[:LONGEST_FRAGMENT]
        if len(words) >= SHORTEST_FRAGMENT:
            yield Fragment(tuple(words), task.id, criterion.id)

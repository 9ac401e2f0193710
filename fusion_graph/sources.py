"""The source registry: every address that a tool really returned, and the check that citations name one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from pydantic import BaseModel, ConfigDict

from fusion_graph.outcomes import FoundSource, PanelistOutcome
from fusion_graph.visible import visible
from fusion_graph.well_formed import well_formed

_SCHEME = r"(?:https?://|corpus:)"
_PLAIN = r"[^\s<>\"'`|()\[\]{}\u2018-\u201f\u2026\u3001\u3002\u3008-\u3011\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]"
URL = re.compile(rf"{_SCHEME}(?:\[[0-9A-Fa-f:.]+\])?(?:{_PLAIN}|'(?=\w)|\((?:{_PLAIN}|'(?=\w))*\))+", re.IGNORECASE)
"""An address in running text: brackets only in pairs, an apostrophe only inside a word."""
_CITATION = re.compile(r"\[\s*(S[0-9]+(?:\s*(?:[,;&/\u2013\u2014-]|and|to)\s*S[0-9]+)*)\s*\]")
_MARKDOWN_LINK = re.compile(
    r"\[(?P<title>(?:[^\[\]]|\[[^\[\]]*\])*)\]\(\s*"
    rf"(?:<(?P<angled>{_SCHEME}[^<>\n]*)>|(?P<bare>{_SCHEME}[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*))"
    r"(?:\s+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?\s*\)",
    re.IGNORECASE,
)
_AUTOLINK = re.compile(rf"<(?P<url>{_SCHEME}[^<>\n]*)>", re.IGNORECASE)
_END = ".,;:!?*_"
_IMAGE = re.compile(r"!\[[^\[\]]{0,1000}\]\(\s{0,9}<?([^\s<>()]+)")
_OTHER_TARGET = re.compile(
    r"(?:\]\(\s{0,9}<?|\]:\s{0,9}<?|\b(?:src|href)\s{0,9}=\s{0,9}[\"']?)((?:[a-z][a-z0-9+.-]{0,30}:|//)[^\s<>\"')]+)",
    re.IGNORECASE,
)
"""Where Markdown or HTML lead, other than to an address in running text: `//host`, `ftp:`, `javascript:`, `data:`."""
_LONGEST = 2_000
"""Characters; a longer address is none that can be cited."""
_MOST_FOUND = 1_000
"""Addresses that one part of a run may find; a page of links is no list of sources."""
UNREGISTERED = "[no registered source]"
JUDGE = "judge"


class Source(BaseModel):
    """One registered source.

    Attributes:
        id: `S1`, `S2`, ... in the order in which seats found them.
        url: Its address.
        title: Its title.
        seat_ids: The seats whose tools returned it; `judge` for the judge's own.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    url: str
    title: str
    seat_ids: list[str]


class CitationCheck(BaseModel):
    """The result of the check on the final answer.

    Attributes:
        cited: Registered ids that the answer cites, in order of first use.
        citations: Citations in all.
        unregistered: Ids and addresses in the answer that name no registered source; the goal is none.
    """

    model_config = ConfigDict(frozen=True)

    cited: list[str]
    citations: int
    unregistered: list[str]


def canonical(url: str) -> str:
    """Bring an address into the form by which two mentions of one page are recognised.

    Args:
        url: An address as a tool or a model wrote it.

    Returns:
        It without fragment, trailing punctuation and slash, `utm_...` parameters, default port or upper-case host,
        percent-encoded throughout.
    """
    url = well_formed(url).strip().rstrip(_END)
    if not url.lower().startswith(("http://", "https://")):
        scheme, separator, path = url.split("#", 1)[0].partition(":")
        return f"{scheme.lower()}:{_encoded(path)}" if separator else url
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    except ValueError:
        return url
    query = "&".join(pair for pair in parts.query.split("&") if pair and not pair.lower().startswith("utm_"))
    path = _encoded(parts.path).rstrip("/")
    return urlunsplit((parts.scheme.lower(), f"{parts.hostname or ''}{port}", path, query, ""))


def _encoded(path: str) -> str:
    return quote(unquote(path), safe="/")


class Registry:
    """Gives every found address an id, once.

    Args:
        sources: Already registered sources, such as those in a run's state.
    """

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self.sources = list(sources)
        self._index = {canonical(source.url): at for at, source in enumerate(self.sources)}

    @classmethod
    def of(cls, outcomes: Sequence[PanelistOutcome]) -> Registry:
        """Register what the seats found, in the panel's order."""
        registry = cls()
        for outcome in outcomes:
            registry.add(outcome.seat_id, outcome.sources)
        return registry

    def add(self, seat_id: str, found: Iterable[FoundSource]) -> None:
        """Register what one seat found.

        Args:
            seat_id: Who found it.
            found: Addresses and titles.
        """
        for entry in found:
            key = canonical(entry.url)
            at = self._index.get(key)
            if at is None:
                self._index[key] = len(self.sources)
                self.sources.append(
                    Source(id=f"S{len(self.sources) + 1}", url=entry.url, title=entry.title, seat_ids=[seat_id])
                )
            elif seat_id not in self.sources[at].seat_ids:
                known = self.sources[at]
                self.sources[at] = known.model_copy(update={"seat_ids": [*known.seat_ids, seat_id]})

    def id_of(self, url: str) -> str | None:
        """Return the id of an address, or `None` if no tool returned it."""
        at = self._index.get(canonical(url))
        return None if at is None else self.sources[at].id

    def with_ids(self, draft: str) -> str:
        """Put ids in place of the addresses in a draft; an address that no tool returned is marked as such.

        Args:
            draft: A panelist's text.

        Returns:
            The text with `[S3]` where an address stood. `[S...]` that the draft itself wrote is defused.
        """
        text = visible(draft)  # what is hidden inside an id or an address would keep it from being recognised
        text = _CITATION.sub(lambda match: f"({match[1]} as the draft wrote it)", text)
        text = _MARKDOWN_LINK.sub(self._link, text)
        text = _AUTOLINK.sub(lambda match: self._mark(match["url"]), text)
        return URL.sub(lambda match: self._mark(match[0]) + _trailing(match[0]), text)

    def _link(self, match: re.Match[str]) -> str:
        url = match["angled"] or match["bare"]
        title = "" if canonical(match["title"]) == canonical(url) else match["title"]
        return f"{title} {self._mark(url)}".strip()

    def _mark(self, url: str) -> str:
        source = self.id_of(url)
        return f"[{source}]" if source else UNREGISTERED

    def check(self, answer: str) -> CitationCheck:
        """Check an answer's citations against the registry.

        Args:
            answer: The writer's text.

        Returns:
            What it cites, and every id or address in it that is not registered.
        """
        known = {source.id for source in self.sources}
        ids = [one for match in _CITATION.finditer(answer) for one in re.findall(r"S[0-9]+", match[1])]
        urls = [match[0] for match in URL.finditer(answer)]
        others = [match[1] for match in _OTHER_TARGET.finditer(answer) if not URL.match(match[1])]
        unregistered = [one for one in ids if one not in known] + [url for url in urls if self.id_of(url) is None]
        unregistered += [*others, *self._altered_images(answer)]
        cited = [one for one in ids if one in known] + [found for url in urls if (found := self.id_of(url))]
        return CitationCheck(
            cited=list(dict.fromkeys(cited)),
            citations=len(ids) + len(urls) + len(others),
            unregistered=list(dict.fromkeys(unregistered)),
        )

    def _altered_images(self, answer: str) -> list[str]:
        """Find images whose address is a source's, but not letter by letter: what was added would be sent there."""
        exact = {source.url for source in self.sources}
        return [match[1] for match in _IMAGE.finditer(answer) if URL.match(match[1]) and match[1] not in exact]

    def annotations(self, answer: str, *, addresses: bool = False) -> list[dict[str, Any]]:
        """Return the answer's citations as `url_citation` annotations.

        Args:
            answer: The writer's text.
            addresses: Whether registered addresses count beside ids: who has web tools of its own knows no ids.

        Returns:
            One flat annotation per citation, with the character positions of its bracket, link or address (end
            exclusive).
        """
        by_id = {source.id: source for source in self.sources}
        cited = [
            (match.start(), match.end(), one)
            for match in _CITATION.finditer(answer)
            for one in re.findall(r"S[0-9]+", match[1])
            if one in by_id
        ]
        found = self._addresses(answer) if addresses else []
        return [
            {
                "type": "url_citation",
                "url": by_id[one].url,
                "title": by_id[one].title,
                "start_index": start,
                "end_index": end,
                "source_id": one,
            }
            for start, end, one in sorted([*cited, *found], key=lambda entry: entry[:2])
        ]

    def _addresses(self, answer: str) -> list[tuple[int, int, str]]:
        links = [(m.start(), m.end(), self.id_of(m["angled"] or m["bare"])) for m in _MARKDOWN_LINK.finditer(answer)]
        bare = [
            (m.start(), m.start() + len(m[0].rstrip(_END)), self.id_of(m[0]))
            for m in URL.finditer(answer)
            if not any(start <= m.start() < end for start, end, _ in links)
        ]
        return [(start, end, one) for start, end, one in (*links, *bare) if one is not None]


def _trailing(url: str) -> str:
    return url[len(url.rstrip(_END)) :]


def found_in(messages: Sequence[BaseMessage]) -> list[FoundSource]:
    """Read what tools returned from an agent's messages.

    Our own tools name their sources in the message's artifact; of any other tool, MCP ones included, every
    address in the text counts. What a gateway's own tools found stands in the annotations of the model's message.

    Args:
        messages: The agent's messages.

    Returns:
        Each address once, in order; a thousand at most.
    """
    found: dict[str, FoundSource] = {}
    for message in messages:
        for source in _of_tool(message) if isinstance(message, ToolMessage) else _of_gateway(message):
            if len(source.url) <= _LONGEST:
                found.setdefault(canonical(source.url), source)
    return list(found.values())[:_MOST_FOUND]


def _of_gateway(message: BaseMessage) -> list[FoundSource]:
    listed = message.additional_kwargs.get("annotations") if isinstance(message, AIMessage) else None
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    cited = [entry.get("url_citation") or entry for entry in entries if entry.get("type") == "url_citation"]
    return [_source(entry) for entry in cited if isinstance(entry, dict) and URL.match(str(entry.get("url")))]


def _source(entry: dict[str, Any]) -> FoundSource:
    return _found(str(entry["url"]), str(entry.get("title") or entry["url"]))


def _found(url: str, title: str) -> FoundSource:
    """Bring what a stranger named onto one visible line each."""
    shown = "%20".join(visible(url).split())
    return FoundSource(url=shown, title=" ".join(visible(title).split())[:_LONGEST])


def _of_tool(message: ToolMessage) -> list[FoundSource]:
    if message.status == "error":
        return []
    artifact = message.artifact
    named = artifact.get("sources") if isinstance(artifact, dict) else None
    if isinstance(named, list) and all(isinstance(entry, dict) and entry.get("url") for entry in named):
        return [_source(entry) for entry in named]
    urls = [match[0].rstrip(_END) for match in URL.finditer(str(message.text))]
    return [_found(url, url) for url in urls]

"""Which web addresses a run may touch: lists of hosts and host/path prefixes, in one spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import httpx

from fusion_graph.errors import ConfigError

WEB_SCHEMES = frozenset({"http", "https"})
_HOST = re.compile(r"[a-z0-9._:-]*[a-z0-9:][a-z0-9._:-]*")


@dataclass(frozen=True, slots=True)
class DomainEntry:
    """One entry of a list: a host with its subdomains, narrowed to a path if it names one.

    Attributes:
        host: Lower-case ASCII host without port or trailing dot.
        path: Lower-case path segments; empty means the whole host.
    """

    host: str
    path: tuple[str, ...] = ()

    @classmethod
    def parse(cls, entry: str) -> DomainEntry:
        """Read an entry as people write it.

        Args:
            entry: `example.com`, `.example.com`, `*.example.com`, `example.com/blog`, or a whole URL.

        Returns:
            The entry in its one spelling.

        Raises:
            ConfigError: The text names no host.
        """
        address = entry.strip().rpartition("://")[2].removeprefix("*").removeprefix(".")
        parsed = _parse_url(f"http://{address}")
        if parsed is None:
            raise ConfigError(f"domains: {entry!r} names no host; write example.com or example.com/path")
        return cls(*parsed)

    def covers(self, host: str, path: tuple[str, ...]) -> bool:
        """Tell whether an address lies under this entry.

        Args:
            host: The address's host, normalised.
            path: The address's path segments, normalised.

        Returns:
            True for the host itself or a subdomain, with the entry's path segments in front.
        """
        under_host = host == self.host or host.endswith(f".{self.host}")
        return under_host and path[: len(self.path)] == self.path

    def __str__(self) -> str:
        return "/".join((self.host, *self.path))


@dataclass(frozen=True, slots=True)
class DomainRules:
    """An allow list and a block list; blocking wins.

    Attributes:
        allowed: Only addresses under one of these pass; empty means any.
        blocked: Addresses under one of these never pass.
    """

    allowed: tuple[DomainEntry, ...] = ()
    blocked: tuple[DomainEntry, ...] = ()

    @classmethod
    def of(cls, allowed: Iterable[str] = (), blocked: Iterable[str] = ()) -> DomainRules:
        """Build the rules from lists as people write them.

        Args:
            allowed: Hosts or host/paths that alone may pass.
            blocked: Hosts or host/paths that may not pass.

        Returns:
            The rules.

        Raises:
            ConfigError: An entry names no host.
        """
        return cls(tuple(map(DomainEntry.parse, allowed)), tuple(map(DomainEntry.parse, blocked)))

    def __bool__(self) -> bool:
        return bool(self.allowed or self.blocked)

    def permits(self, url: str) -> bool:
        """Tell whether a URL may be used.

        Args:
            url: An absolute URL.

        Returns:
            True if no rule stands against it.
        """
        return self.refusal(url) is None

    def refusal(self, url: str) -> str | None:
        """Say why a URL may not be used.

        Args:
            url: An absolute URL.

        Returns:
            The reason as a phrase; None if the URL may be used.
        """
        parsed = _parse_url(url)
        if parsed is None:
            return "not an http or https address"
        host, path = parsed
        for entry in self.blocked:
            if entry.covers(host, path):
                return f"{entry} is on the list of blocked domains"
        if self.allowed and not any(entry.covers(host, path) for entry in self.allowed):
            return f"{host} is not on the list of allowed domains"
        return None

    def allowed_hosts(self) -> list[str]:
        """Return the hosts to ask a search engine for that knows no paths; wider than the list itself."""
        return list(dict.fromkeys(entry.host for entry in self.allowed))

    def blocked_hosts(self) -> list[str]:
        """Return the hosts to exclude in a search engine that knows no paths, without host/path entries."""
        return list(dict.fromkeys(entry.host for entry in self.blocked if not entry.path))


def _parse_url(url: str) -> tuple[str, tuple[str, ...]] | None:
    # The parser that fetches is the parser that judges: no second reading of a strange URL can differ.
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii").lower().rstrip(".")
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return None
    if parsed.scheme not in WEB_SCHEMES or _HOST.fullmatch(host) is None:
        return None
    return host, tuple(_segments(parsed.raw_path.decode("ascii").partition("?")[0]))


def _segments(path: str) -> Iterator[str]:
    kept: list[str] = []
    for segment in _fully_unquoted(path).replace("\\", "/").split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment not in {"", "."}:
            kept.append(segment.casefold())
    yield from kept


def _fully_unquoted(text: str) -> str:
    # A server may decode more than once; every round only removes characters, so this ends.
    while (plain := unquote(text)) != text:
        text = plain
    return text

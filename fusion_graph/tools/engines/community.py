"""What the SearxNG and DuckDuckGo engines share: langchain-community, and queries with `site:` operators."""

from __future__ import annotations

import importlib
import threading
import warnings
from typing import Any

from fusion_graph.config import SearchSettings
from fusion_graph.tools.domains import DomainRules

MAX_SITES = 10
_importing = threading.Lock()


def load_wrapper(module: str, name: str) -> Any:
    """Import a wrapper of langchain-community without its notice of being sunset.

    Args:
        module: Module under `langchain_community.utilities`.
        name: The wrapper's class.

    Returns:
        The class.
    """
    with _importing, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*langchain-community.*", category=DeprecationWarning)
        return getattr(importlib.import_module(f"langchain_community.utilities.{module}"), name)


def query_with_sites(query: str, settings: SearchSettings) -> str:
    """Put short domain lists into the query, as engines without a parameter for them understand it.

    Args:
        query: Free text.
        settings: The domain lists.

    Returns:
        The query with `site:` operators; without them for a list of more than ten hosts.
    """
    rules = DomainRules.of(settings.allowed_domains, settings.excluded_domains)
    allowed, blocked = rules.allowed_hosts(), rules.blocked_hosts()
    parts = [query]
    if 0 < len(allowed) <= MAX_SITES:
        parts.append(
            "(" + " OR ".join(f"site:{host}" for host in allowed) + ")" if allowed[1:] else f"site:{allowed[0]}"
        )
    if len(blocked) <= MAX_SITES:
        parts.extend(f"-site:{host}" for host in blocked)
    return " ".join(parts)


def asked_limit(limit: int, settings: SearchSettings) -> int:
    """Say how many results to ask for, so that enough are left after the domain lists.

    Args:
        limit: Results wanted.
        settings: The domain lists.

    Returns:
        Three times as many where a list may take some away.
    """
    return limit * 3 if settings.allowed_domains or settings.excluded_domains else limit

"""Which search engine a run uses, decided before any money is spent."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fusion_graph.config import SearchSettings
from fusion_graph.errors import ConfigError, MissingKeyError, missing_package
from fusion_graph.tools.corpus import Corpus
from fusion_graph.tools.domains import DomainRules
from fusion_graph.tools.engines import exa, parallel
from fusion_graph.tools.engines.corpus import CorpusEngine
from fusion_graph.tools.engines.duckduckgo import DuckDuckGoEngine
from fusion_graph.tools.engines.searxng import SearxngEngine
from fusion_graph.tools.engines.tavily import TavilyEngine
from fusion_graph.tools.search_engine import SearchEngine

KEYS = {"exa": "EXA_API_KEY", "tavily": "TAVILY_API_KEY", "parallel": "PARALLEL_API_KEY"}
MODES = {"exa": exa.MODES, "parallel": parallel.MODES}
_KEYED: dict[str, Callable[[str], SearchEngine]] = {
    "exa": exa.ExaEngine,
    "tavily": TavilyEngine,
    "parallel": parallel.ParallelEngine,
}
_NO_ENGINE = (
    "web_search has no engine: give a corpus folder (FUSION_CORPUS), set EXA_API_KEY, TAVILY_API_KEY or "
    "PARALLEL_API_KEY, name a SearxNG instance (FUSION_SEARXNG_URL), or install DuckDuckGo's package: "
    "pip install 'fusion-graph[community]'"
)


@dataclass(frozen=True, slots=True)
class _Package:
    modules: tuple[str, ...]
    names: tuple[str, ...]
    extra: str


_PACKAGES = {
    "exa": _Package(("langchain_exa",), ("langchain-exa",), "exa"),
    "tavily": _Package(("langchain_tavily",), ("langchain-tavily",), "tavily"),
    "parallel": _Package(("parallel",), ("parallel-web",), "parallel"),
    "searxng": _Package(("langchain_community",), ("langchain-community",), "community"),
    "duckduckgo": _Package(("langchain_community", "ddgs"), ("langchain-community", "ddgs"), "community"),
}


def resolve_engine(
    settings: SearchSettings, environ: Mapping[str, str], corpus: Corpus | None, searxng_url: str | None
) -> str:
    """Choose the engine and make sure that it can be used; asks nobody and imports nothing.

    Args:
        settings: The engine asked for, and its mode.
        environ: The environment's variables.
        corpus: The corpus, if there is one.
        searxng_url: Address of a SearxNG instance, if there is one.

    Returns:
        The engine's name. `auto` takes the corpus, then the first of Exa, Tavily and Parallel that has a key,
        then SearxNG, then DuckDuckGo.

    Raises:
        ConfigError: There is no engine, its folder or address is missing, or the mode is not one of its own.
        MissingKeyError: Its key is not set.
        MissingPackageError: Its package is not installed.
    """
    name = _automatic(environ, corpus, searxng_url) if settings.engine == "auto" else settings.engine
    if name == "corpus" and corpus is None:
        raise ConfigError(
            "search.engine 'corpus' needs a folder: --corpus DIR, FUSION_CORPUS=DIR or Resources(corpus=DIR)"
        )
    if name == "searxng" and not searxng_url:
        raise ConfigError("search.engine 'searxng' needs an address: pass searxng_url= or set FUSION_SEARXNG_URL")
    if name in KEYS and not environ.get(KEYS[name]):
        raise MissingKeyError(f"search.engine {name!r} needs an API key: set {KEYS[name]}")
    _check_package(name)
    if settings.mode and name in MODES and settings.mode not in MODES[name]:
        raise ConfigError(f"search.mode {settings.mode!r} is none of {name}'s: {', '.join(MODES[name])}")
    return name


def check_search(
    settings: SearchSettings,
    *,
    environ: Mapping[str, str],
    corpus: Corpus | None = None,
    searxng_url: str | None = None,
) -> str:
    """Check everything about `web_search` that can be known before a run; may list the corpus folder.

    Args:
        settings: The settings.
        environ: The environment's variables.
        corpus: The corpus, if there is one.
        searxng_url: Address of a SearxNG instance, if there is one.

    Returns:
        The engine that will be used.

    Raises:
        ConfigError: As for `resolve_engine`; or a domain list is unreadable, or the corpus missing or empty.
    """
    name = resolve_engine(settings, environ, corpus, searxng_url)
    DomainRules.of(settings.allowed_domains, settings.excluded_domains)
    if name == "corpus" and corpus is not None:
        corpus.check()
    return name


def make_engine(
    settings: SearchSettings, environ: Mapping[str, str], corpus: Corpus | None, searxng_url: str | None
) -> SearchEngine:
    """Build the engine that `resolve_engine` chooses.

    Args:
        settings: The engine asked for.
        environ: The environment's variables.
        corpus: The corpus, if there is one.
        searxng_url: Address of a SearxNG instance, if there is one.

    Returns:
        The engine.

    Raises:
        ConfigError: As for `resolve_engine`.
    """
    name = resolve_engine(settings, environ, corpus, searxng_url)
    if name == "corpus" and corpus is not None:
        return CorpusEngine(corpus)
    if name == "searxng" and searxng_url:
        return SearxngEngine(searxng_url)
    return _KEYED[name](environ[KEYS[name]]) if name in KEYS else DuckDuckGoEngine()


def _automatic(environ: Mapping[str, str], corpus: Corpus | None, searxng_url: str | None) -> str:
    if corpus is not None:
        return "corpus"
    for name, variable in KEYS.items():
        if environ.get(variable):
            return name
    if searxng_url:
        return "searxng"
    if all(map(_importable, _PACKAGES["duckduckgo"].modules)):
        return "duckduckgo"
    raise ConfigError(_NO_ENGINE)


def _check_package(name: str) -> None:
    package = _PACKAGES.get(name)
    if package is None:
        return
    for module, distribution in zip(package.modules, package.names, strict=True):
        if not _importable(module):
            raise missing_package(distribution, package.extra, f"the search engine {name!r}")


def _importable(module: str) -> bool:
    return importlib.util.find_spec(module) is not None

"""From a run's `tools` entries to the tools themselves, with everything checked before a run begins."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from langchain_core.tools import BaseTool
from pydantic import BaseModel, ValidationError

from fusion_graph.config import FetchSettings, SearchSettings, ToolSpec
from fusion_graph.errors import ConfigError
from fusion_graph.resources import Resources
from fusion_graph.shell.sandboxes import find_sandbox
from fusion_graph.shell.settings import SHELL, ShellSettings
from fusion_graph.tools.address_guard import AddressGuard
from fusion_graph.tools.corpus import Corpus
from fusion_graph.tools.domains import DomainRules
from fusion_graph.tools.engine_choice import check_search
from fusion_graph.tools.page_cache import PageCache
from fusion_graph.tools.web_fetch import web_fetch_tool
from fusion_graph.tools.web_search import web_search_tool

DEFAULT_TOOLS = ("web_search", "web_fetch")
# One list has two names: what search excludes, fetch blocks.
_SEARCH_ALIASES = {"blocked_domains": "excluded_domains"}
_FETCH_ALIASES = {"excluded_domains": "blocked_domains"}
_SERVER_SIDE = re.compile(r"[\w.-]+:[\w.:/-]+")

_Settings = TypeVar("_Settings", SearchSettings, FetchSettings, ShellSettings)


def build_tools(
    specs: Sequence[ToolSpec | str] | None,
    *,
    search: SearchSettings,
    fetch: FetchSettings,
    resources: Resources,
    cache: PageCache | None = None,
    corpus: Corpus | None = None,
    environ: Mapping[str, str] | None = None,
) -> list[BaseTool | dict[str, Any]]:
    """Build one seat's tools; their counts of uses start at zero.

    Args:
        specs: The entries; None means `web_search` and `web_fetch`.
        search: Settings of `web_search`; an entry's own parameters win.
        fetch: Settings of `web_fetch`; an entry's own parameters win.
        resources: The operator's tools, SearxNG instance and allowed addresses.
        cache: Pages shared by the seats of a run.
        corpus: The corpus, if there is one.
        environ: Variables that hold the engines' keys; `os.environ` when unset.

    Returns:
        The tools in the order of their entries. An entry of the form `vendor:name` is one that the gateway
        runs on its side; it is passed through as `{"type": ..., "parameters": ...}`. `shell` is not among them:
        it ends with its seat, see `shell_settings`.

    Raises:
        ConfigError: An entry names no tool or is listed twice, a parameter is unknown or out of range, or
            `web_search` has no usable engine.
    """
    built: list[BaseTool | dict[str, Any]] = []
    for spec in _specs(specs):
        own = _own_tool(spec, resources)
        if own is not None:
            built.append(own)
        elif spec.type == "web_search":
            merged = _merged(search, spec, _SEARCH_ALIASES)
            url = resources.searxng_url
            built.append(web_search_tool(merged, corpus=corpus, searxng_url=url, environ=environ))
        elif spec.type == "web_fetch":
            merged_fetch = _merged(fetch, spec, _FETCH_ALIASES)
            allow = resources.allow_addresses
            built.append(web_fetch_tool(merged_fetch, corpus=corpus, allow_addresses=allow, cache=cache))
        elif spec.type == SHELL:
            continue
        else:
            built.append(_server_side(spec, resources))
    return built


def check_tools(
    specs: Sequence[ToolSpec | str] | None,
    *,
    search: SearchSettings,
    fetch: FetchSettings,
    resources: Resources,
    corpus: Corpus | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Check a seat's tools before a run, without building them; in async code, call it in a thread.

    Args:
        specs: The entries; None means `web_search` and `web_fetch`.
        search: Settings of `web_search`.
        fetch: Settings of `web_fetch`.
        resources: The operator's tools, SearxNG instance and allowed addresses.
        corpus: The corpus, if there is one; its folder is listed.
        environ: Variables that hold the engines' keys; `os.environ` when unset.

    Raises:
        ConfigError: As for `build_tools`; or the corpus folder is missing or empty.
    """
    variables = os.environ if environ is None else environ
    for spec in _specs(specs):
        if _own_tool(spec, resources) is not None:
            continue
        if spec.type == "web_search":
            merged = _merged(search, spec, _SEARCH_ALIASES)
            check_search(merged, environ=variables, corpus=corpus, searxng_url=resources.searxng_url)
        elif spec.type == "web_fetch":
            merged_fetch = _merged(fetch, spec, _FETCH_ALIASES)
            DomainRules.of(merged_fetch.allowed_domains, merged_fetch.blocked_domains)
            AddressGuard(resources.allow_addresses)
        elif spec.type == SHELL:
            _merged(ShellSettings(), spec, {})
            find_sandbox(resources)
        else:
            _server_side(spec, resources)


def shell_settings(specs: Sequence[ToolSpec | str] | None, resources: Resources) -> ShellSettings | None:
    """Read the entry `shell`.

    Args:
        specs: A seat's entries.
        resources: The operator's tools; one of theirs by that name comes first.

    Returns:
        Its settings, or `None` if the seat has no such entry.

    Raises:
        ConfigError: A parameter is unknown or out of range.
    """
    asked = next((spec for spec in _specs(specs) if spec.type == SHELL), None)
    if asked is None or _own_tool(asked, resources) is not None:
        return None
    return _merged(ShellSettings(), asked, {})


def _specs(specs: Sequence[ToolSpec | str] | None) -> list[ToolSpec]:
    entries = DEFAULT_TOOLS if specs is None else specs
    read = [ToolSpec(type=entry) if isinstance(entry, str) else entry for entry in entries]
    names = [spec.type for spec in read]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"tools: {twice[0]!r} is listed twice")
    return read


def _own_tool(spec: ToolSpec, resources: Resources) -> BaseTool | None:
    tool = next((tool for tool in resources.tools if tool.name == spec.type), None)
    if tool is not None and spec.parameters:
        raise ConfigError(f"tools: {spec.type!r} was given in Python and takes no parameters here")
    return tool


def _server_side(spec: ToolSpec, resources: Resources) -> dict[str, Any]:
    if not _SERVER_SIDE.fullmatch(spec.type):
        known = sorted({*DEFAULT_TOOLS, SHELL, *(tool.name for tool in resources.tools)})
        raise ConfigError(f"tools: there is no tool {spec.type!r}; known are {', '.join(known)}")
    return {"type": spec.type, "parameters": spec.parameters} if spec.parameters else {"type": spec.type}


def _merged(settings: _Settings, spec: ToolSpec, aliases: Mapping[str, str]) -> _Settings:
    own = {aliases.get(name, name): value for name, value in spec.parameters.items()}
    kind: type[_Settings] = type(settings)
    unknown = sorted(set(own) - set(kind.model_fields))
    if unknown:
        known = ", ".join(kind.model_fields)
        raise ConfigError(f"tools: {spec.type} has no parameter {unknown[0]!r}; it has {known}")
    try:
        return kind.model_validate({**_given(settings), **own})
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(map(str, problem["loc"]))
        raise ConfigError(f"tools: {spec.type}.{name}: {problem['msg']}") from error


def _given(settings: BaseModel) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.model_fields_set}

"""What a calling model is offered: `fusion`, the graph's own tools, the run's server-side tools, the client's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.tools import BaseTool

from fusion_graph.config import FusionConfig, Seat, ToolSpec
from fusion_graph.config_caller import CHOICES, FUSION, SERVER_SIDE, duplicate
from fusion_graph.errors import ConfigError
from fusion_graph.kit import Kit
from fusion_graph.seats import writer_of

CALLER = "caller"
ANY = "any"
"""LangChain's word, for every provider, for a turn that must call some tool."""
_SHELL = "shell"


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools of one run, and the force on its first turn.

    Attributes:
        tools: Everything that is bound to the model.
        client: Names of those that the client runs.
        force: What the first turn must call: a tool's name, `any`, or nothing.
        fuses: Whether `fusion` is among them.
    """

    tools: list[BaseTool | dict[str, Any]]
    client: frozenset[str]
    force: str | None
    fuses: bool


def forced(config: FusionConfig) -> str | None:
    """Say what the first turn of the calling model must call.

    `required` is for `fusion` where the run brings no tools of its own, and for any tool where it does.

    Args:
        config: The run's settings.

    Returns:
        A tool's name, `any`, or `None` where nothing is forced.
    """
    if config.tool_choice in ("auto", "none"):
        return None
    if config.tool_choice != "required":
        return config.tool_choice
    return FUSION if config.may_deliberate and not config.client_tools and not config.caller_tools else ANY


def as_seat(config: FusionConfig) -> Seat:
    """Return the calling model as a seat, whose tools are built like those of any other."""
    return Seat(id=CALLER, model=writer_of(config), tools=config.caller_tools)


async def check_offer(kit: Kit, config: FusionConfig, own: Sequence[BaseTool]) -> None:
    """Make sure that everything a run wants to offer exists, and goes by a name of its own.

    Args:
        kit: The graph's kit.
        config: The run's settings.
        own: The tools that the graph was built with.

    Raises:
        ConfigError: A tool is unknown or lacks its engine, key or package; two tools have one name; `tool_choice`
            names none of them, or requires one where there is none.
    """
    specs = [entry.type if isinstance(entry, ToolSpec) else entry for entry in config.caller_tools]
    if _SHELL in specs and _SHELL not in {tool.name for tool in kit.resources.tools}:
        raise ConfigError("caller_tools: 'shell' is for seats of the panel only; leave it out")
    try:
        await asyncio.to_thread(kit.check_tools, config, as_seat(config))
    except ConfigError as error:
        raise type(error)(f"caller_{error}" if str(error).startswith("tools: ") else f"caller: {error}") from error
    here = [*([FUSION] if config.may_deliberate else []), *[tool.name for tool in own], *specs]
    if (name := duplicate(here)) is not None:
        raise ConfigError(f"caller_tools: {name!r} is the name of another tool of this graph; leave it out")
    theirs = [tool.name for tool in config.client_tools]
    if taken := sorted({*here, *SERVER_SIDE} & set(theirs)):
        raise ConfigError(f"client_tools: {taken[0]!r} is a tool that runs here; give the client's another name")
    _check_choice(config, [*here, *theirs])


def _check_choice(config: FusionConfig, names: Sequence[str]) -> None:
    choice = config.tool_choice
    if choice == "required" and not names:
        raise ConfigError("tool_choice: 'required', and the run has no tool at all; give it one, or say 'auto'")
    if choice not in CHOICES and choice not in names:
        known = ", ".join([*CHOICES, *sorted(names)])
        raise ConfigError(f"tool_choice: {choice!r} is no tool of this run; choose one of {known}")


def make_offer(kit: Kit, config: FusionConfig, fusion: BaseTool, own: Sequence[BaseTool], run_key: str) -> Offer:
    """Build what a run offers, after `check_offer`.

    Args:
        kit: The graph's kit.
        config: The run's settings.
        fusion: The tool that convenes the panel.
        own: The tools that the graph was built with.
        run_key: Names the run, for the pages that it fetches.

    Returns:
        The offer.
    """
    tools: list[BaseTool | dict[str, Any]] = [fusion] if config.may_deliberate else []
    tools += [*own, *kit.tools(config, as_seat(config), run_key)]
    tools += [tool.as_openai() for tool in config.client_tools]
    client = frozenset(tool.name for tool in config.client_tools)
    return Offer(tools, client, forced(config), config.may_deliberate)

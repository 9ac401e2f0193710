"""From a request without its endpoint to the plan of a run."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage
from pydantic import ValidationError

from fusion_graph.config import FusionConfig
from fusion_graph.drafts_block import split_question
from fusion_graph.errors import ConfigError
from fusion_graph.kit import Kit
from fusion_graph.presets import explain
from fusion_graph.seats import resolved, writer_of
from fusion_graph.server.messages.calls import check_calls
from fusion_graph.server.messages.content import linked_pictures
from fusion_graph.server.plan import GraphName, RunPlan, Surface
from fusion_graph.server.planning.asked import Asked
from fusion_graph.server.planning.choice import choose_graph
from fusion_graph.server.planning.names import Names, models_of
from fusion_graph.server.planning.panel import fusion_fields, mode_of
from fusion_graph.server.planning.wanted import Wanted
from fusion_graph.server.principal import Principal
from fusion_graph.server.requests.faults import bad
from fusion_graph.server.requests.loop import MaxCost
from fusion_graph.server.settings import ServerSettings
from fusion_graph.server.slugs import Slug, read_slug

_HANDED_ON = ("openai", "anthropic")
"""Providers whose packages hand a picture's address on; others may fetch it from here."""


def make_plan(wanted: Wanted, principal: Principal, settings: ServerSettings, kit: Kit) -> RunPlan:
    """Plan a run.

    Args:
        wanted: The request.
        principal: Who asks.
        settings: The operator's settings.
        kit: The operator's side of the graphs.

    Returns:
        The plan; its settings are valid alone and on top of their preset.

    Raises:
        ApiError: 400 or 403: the request cannot run.
    """
    _check_messages(wanted, settings)
    names = Names(principal, settings, kit)
    slug = read_slug(wanted.model, kit.models.catalog.presets)
    asked = wanted.asked
    mode = mode_of(slug, asked)
    fields = fusion_fields(wanted.model, slug, asked, names, settings, kit)
    _limit(fields, wanted)
    graph, calling = choose_graph(mode, wanted)
    fields |= calling
    if graph != "deliberation" and (options := _options(wanted, graph)):
        fields["writer_options"] = options
    config = _config(_alone(fields, slug, kit) if mode is None else fields, asked)
    settled = settle(kit, config)
    graph, config = _offline(graph, config, settled, wanted)
    if config.may_deliberate and graph != "deliberation":
        _check_question(wanted)
    _check_pictures(wanted, settled)
    return RunPlan(
        graph=graph,
        config=config,
        messages=wanted.messages,
        requested_model=wanted.model or "openrouter/fusion",
        surface=_surface(slug, asked, plain=mode is None),
        owner=principal.id,
        echo=wanted.echo,
    )


def settle(kit: Kit, config: FusionConfig) -> FusionConfig:
    """Resolve settings on top of their preset and the server's defaults.

    Raises:
        ApiError: 400: the two together cannot work.
    """
    try:
        settled = kit.settle(config)
        if settled.panel is not None:
            resolved(settled)
    except ConfigError as error:
        raise bad(str(error), str(error).partition(":")[0] or None) from error
    return settled


def _surface(slug: Slug | None, asked: Asked, *, plain: bool) -> Surface:
    if plain:
        return "model"
    return "slug" if slug is not None else asked.surface or "plugin"


def _limit(fields: dict[str, Any], wanted: Wanted) -> None:
    for stop in wanted.stops:
        costs = isinstance(stop, MaxCost)
        name = "max_cost_usd" if costs else "max_total_tokens"
        most = stop.max_cost_in_dollars if isinstance(stop, MaxCost) else stop.max_tokens
        fields[name] = most if fields.get(name) is None else min(fields[name], most)


def _options(wanted: Wanted, graph: GraphName) -> dict[str, Any]:
    # Providers refuse this one where there are no tools, and clients send it with or without.
    dropped = {"parallel_tool_calls"} if graph == "fusion" or not wanted.tools.any else set()
    return {name: value for name, value in wanted.options.items() if name not in dropped}


def _alone(fields: dict[str, Any], slug: Slug | None, kit: Kit) -> dict[str, Any]:
    """Leave of the settings what a plain call needs: a slug with fusion turned off is its writer."""
    kept = ("preset", "judge", "writer", "client_tools", "caller_tools", "tool_choice", "may_deliberate")
    limits = ("max_cost_usd", "max_total_tokens", "context_window", "writer_options")
    alone = {name: fields[name] for name in (*kept, *limits) if name in fields}
    if slug is None:
        alone.pop("preset", None)
        alone["judge"] = alone["writer"]
    elif alone.get("writer") is None and (preset := alone.pop("preset", None)) is not None:
        alone["writer"] = alone.get("judge") or writer_of(kit.models.catalog.preset(preset))
    return alone


def _config(fields: dict[str, Any], asked: Asked) -> FusionConfig:
    given = {name: value for name, value in fields.items() if value is not None or name in asked.fields}
    try:
        return FusionConfig.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]["loc"]
        raise bad(explain(error), asked.at(str(first[0])) if first else None) from error


def _offline(
    graph: GraphName, config: FusionConfig, settled: FusionConfig, wanted: Wanted
) -> tuple[GraphName, FusionConfig]:
    """See to a writer that is no language model: it cannot decide or call tools, and has nothing to sample with."""
    if settled.panel is None and settled.writer is None:
        return graph, config
    if not writer_of(settled).startswith("offline:"):
        return graph, config
    return offline_graph(graph, wanted.asked.get("mode"), config)


def offline_graph(graph: GraphName, mode: str | None, config: FusionConfig) -> tuple[GraphName, FusionConfig]:
    """Choose the graph for a writer that is no language model.

    Args:
        graph: The graph that would run.
        mode: The mode that the client named.
        config: The settings.

    Returns:
        The graph that always deliberates, or stops after the judge, and settings without options of the writer.

    Raises:
        ApiError: 400: the request needs a language model.
    """
    needs = {
        "tools": config.client_tools or config.caller_tools,
        "fusion.mode": mode == "auto",
        "model": not config.may_deliberate,
        "response_format": config.writer_options.response_format,
    }
    for param, needed in needs.items():
        if needed:
            told = "the writer here is no language model (preset offline); leave this out, or name a model"
            raise bad(f"{param}: {told}", param)
    kept = config.model_fields_set - {"writer_options", "tool_choice"}
    bare = FusionConfig.model_validate({name: getattr(config, name) for name in kept})
    return ("fusion" if graph == "fusion_agent" else graph), bare


def _check_messages(wanted: Wanted, settings: ServerSettings) -> None:
    if not any(map(_says, wanted.messages)):
        raise bad(f"{wanted.param}: there is nothing in it to answer; send a message of the user's", wanted.param)
    if len(wanted.messages) > settings.max_messages:
        told = f"{len(wanted.messages)} messages are more than the {settings.max_messages} that this server takes"
        raise bad(f"{wanted.param}: {told}", wanted.param)
    check_calls(wanted.messages, wanted.param)


def _says(message: AnyMessage) -> bool:
    """Whether there is anything in a message that a model could be sent."""
    return bool(message.content) or isinstance(message, ToolMessage) or bool(getattr(message, "tool_calls", None))


def _check_question(wanted: Wanted) -> None:
    try:
        split_question(wanted.messages)
    except ValueError as error:
        told = "the last message of the user has no text" if _asks(wanted) else "there is no message of the user"
        raise bad(f"{wanted.param}: {told}; a panel needs a question", wanted.param) from error


def _asks(wanted: Wanted) -> bool:
    return any(isinstance(message, HumanMessage) for message in wanted.messages)


def _check_pictures(wanted: Wanted, settled: FusionConfig) -> None:
    """Refuse addresses of pictures where a model's package would fetch them from here, in the operator's network."""
    if not linked_pictures(wanted.messages):
        return
    for model in models_of(settled):
        provider, colon, _ = model.partition(":")
        if colon and "/" not in provider and provider not in _HANDED_ON:
            told = f"{wanted.param}: {model} takes no addresses of pictures; send them as data:image/...;base64,..."
            raise bad(told, wanted.param)

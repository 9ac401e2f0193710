"""From options and files to what the graphs take: a config for the run, and the operator's resources."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fusion_graph.config import FusionConfig
from fusion_graph.errors import ConfigError
from fusion_graph.presets import explain
from fusion_graph.resources import Gateway, Resources
from fusion_graph.terminal.options import AskOptions

_FIELD = re.compile(r"(?P<before>^|; )(?P<field>[a-z_]+(?:\.[A-Za-z0-9_]+)*): (?:(?:panel|judge or writer): )?")
"""How a fault begins: the field's path, and for a model the words of the check that refused it."""
_PLAIN = (
    "preset",
    "judge",
    "writer",
    "max_tool_calls",
    "max_completion_tokens",
    "temperature",
    "seat_timeout",
    "seat_idle_timeout",
    "quorum",
    "grace",
    "deadline",
    "max_total_tokens",
    "seed",
)


def config_of(options: AskOptions) -> FusionConfig:
    """Make the run's config: the file's fields, and the options over them.

    Args:
        options: What was given.

    Returns:
        The config; only what was given is set.

    Raises:
        ConfigError: A file cannot be read, or a value is wrong; the message names the option or the field.
    """
    fields = _file(options.config) if options.config else {}
    given = _given(options)
    for path, (_option, value) in given.items():
        section, _, name = path.rpartition(".")
        target = _section(fields, section) if section else fields
        target[name] = value
    try:
        return FusionConfig.model_validate(fields)
    except ValidationError as error:
        options_of = {path: option for path, (option, _value) in given.items()}
        raise ConfigError(_named(explain(error), options_of, options.config)) from error


def _given(options: AskOptions) -> dict[str, tuple[str, Any]]:
    """List what was given: config field, and the option and value that set it."""
    if options.no_tools and options.tools:
        raise ConfigError("--no-tools and --tools: give one of the two")
    found: dict[str, tuple[str, Any]] = {
        name: (f"--{name.replace('_', '-')}", _located(value))
        for name in _PLAIN
        if (value := getattr(options, name)) is not None
    }
    if options.panel:
        found["panel"] = ("--panel", [_located(name) for name in _split(options.panel)])
    if options.tools or options.no_tools:
        found["tools"] = ("--no-tools" if options.no_tools else "--tools", _split(options.tools or []))
    if options.effort:
        found["reasoning.effort"] = ("--effort", options.effort)
    if options.engine:
        found["search.engine"] = ("--engine", options.engine)
    if options.max_cost is not None:
        found["max_cost_usd"] = ("--max-cost", options.max_cost)
    if options.no_blind:
        found["blind"] = ("--no-blind", False)
    if options.allow_domain:
        allowed = ("--allow-domain", _split(options.allow_domain))
        found["search.allowed_domains"] = found["fetch.allowed_domains"] = allowed
    if options.exclude_domain:
        excluded = ("--exclude-domain", _split(options.exclude_domain))
        found["search.excluded_domains"] = found["fetch.blocked_domains"] = excluded
    return found


def _located(value: Any) -> Any:
    """Make the path of a model file absolute: at the terminal it is meant from where one stands."""
    if not isinstance(value, str) or not value.startswith("local:"):
        return value
    return f"local:{Path(value.removeprefix('local:')).expanduser().absolute()}"


def _split(values: list[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _section(fields: dict[str, Any], name: str) -> dict[str, Any]:
    held = fields.get(name)
    section = dict(held) if isinstance(held, Mapping) else {}
    fields[name] = section
    return section


def _file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--config: {str(path)!r} cannot be read: {error}") from error
    try:
        fields = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except ValueError as error:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise ConfigError(f"--config: {str(path)!r} is not valid {kind}: {error}") from error
    if not isinstance(fields, dict):
        raise ConfigError(f"--config: {str(path)!r} must hold an object with FusionConfig fields")
    return fields


def _named(faults: str, options: Mapping[str, str], file: Path | None) -> str:
    """Put the option in front of the field that it sets, and the file in front of the others."""
    of_field = {"model": options.get("panel"), **options}

    def name(match: re.Match[str]) -> str:
        field = match["field"]
        option = next((of_field[path] for path in of_field if field == path or field.startswith(f"{path}.")), None)
        where = option or (f"--config {file}: " if file else "") + field
        return match["before"] + ("" if where == "config" else f"{where}: ")

    named = _FIELD.sub(name, faults)
    for path in options:
        named = named.replace(path, options[path]) if "." in path else named
    return named


def resources_of(options: AskOptions) -> Resources:
    """Make the operator's side: the `FUSION_...` variables, and the options over them.

    Args:
        options: What was given.

    Returns:
        The resources.
    """
    base = Resources.from_env()
    gateway = base.gateway
    if options.gateway_url:
        gateway = Gateway(options.gateway_url, options.gateway_key_env or "")
    elif options.gateway_key_env:
        gateway = replace(gateway, api_key_env=options.gateway_key_env)
    return replace(
        base,
        gateway=gateway,
        corpus=options.corpus or base.corpus,
        searxng_url=options.searxng_url or base.searxng_url,
        presets=options.presets_file or base.presets,
        # Who sits at the terminal may read any file of their own; a server's clients may not.
        local_models=base.local_models or Path(Path.cwd().anchor),
    )

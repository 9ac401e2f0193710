"""Presets, aliases, providers and families: read from `presets.toml`, and from the user's own file on top."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources as package_files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fusion_graph.config import FusionConfig
from fusion_graph.errors import ConfigError

_SECTIONS = {"presets", "aliases", "providers", "families"}


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider that LangChain speaks to directly.

    Attributes:
        name: LangChain's name for it, as in `openai:gpt-5.5`.
        keys: Variables that may hold its key.
        package: The package that speaks to it.
        extra: The extra of fusion-graph that installs the package, or empty.
        default: The model taken from it when nobody named one, or empty.
    """

    name: str
    keys: tuple[str, ...]
    package: str
    extra: str = ""
    default: str = ""

    @property
    def install(self) -> str:
        """The command that installs its package."""
        return f"pip install 'fusion-graph[{self.extra}]'" if self.extra else f"pip install {self.package}"


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that `presets.toml` and a user's own file say."""

    presets: dict[str, FusionConfig] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    providers: dict[str, Provider] = field(default_factory=dict)
    families: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def preset(self, name: str) -> FusionConfig:
        """Return a preset's settings.

        Args:
            name: Its name.

        Returns:
            The fields it sets.

        Raises:
            ConfigError: There is no such preset; the message lists those there are.
        """
        if name not in self.presets:
            raise ConfigError(f"preset: there is no preset {name!r}; there are {', '.join(sorted(self.presets))}")
        return self.presets[name]

    def family(self, model: str) -> str | None:
        """Return the family a model belongs to, such as `anthropic`, or `None` where its name does not tell."""
        name = (
            model.lower().lstrip("~").split(":", 1)[-1] if ":" in model.split("/", 1)[0] else model.lower().lstrip("~")
        )
        words = name.replace("/", "-").replace("_", "-").replace(".", "-").split("-")
        for family, marks in self.families.items():
            if any(word.startswith(mark) for mark in marks for word in words):
                return family
        return (name.split("/", 1)[0] or None) if "/" in name else None


@lru_cache(maxsize=8)
def load_catalog(own: Path | None = None) -> Catalog:
    """Read the catalog.

    Args:
        own: A file of the user's own; its entries win over the package's.

    Returns:
        The catalog.

    Raises:
        ConfigError: The user's file is missing, is no TOML, or holds an unknown section or field.
    """
    raw = tomllib.loads(package_files.files("fusion_graph").joinpath("presets.toml").read_text("utf-8"))
    if own is not None:
        for section, entries in _own(own).items():
            raw[section] = {**raw.get(section, {}), **entries}
    return Catalog(
        presets={name: _preset(name, entry) for name, entry in raw["presets"].items()},
        descriptions={name: str(entry.get("description", "")) for name, entry in raw["presets"].items()},
        aliases=raw["aliases"],
        providers={
            name: Provider(name=name, **{**entry, "keys": tuple(entry["keys"])})
            for name, entry in raw["providers"].items()
        },
        families={name: tuple(words) for name, words in raw["families"].items()},
    )


def _own(path: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"presets file {str(path)!r} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"presets file {str(path)!r} is not valid TOML: {error}") from error
    if unknown := sorted(set(raw) - _SECTIONS):
        raise ConfigError(
            f"presets file {str(path)!r}: unknown section {unknown[0]!r}; use {', '.join(sorted(_SECTIONS))}"
        )
    return raw


def _preset(name: str, entry: dict[str, Any]) -> FusionConfig:
    fields = {key: value for key, value in entry.items() if key != "description"}
    if "preset" in fields:
        raise ConfigError(f"presets.{name}: a preset cannot name another preset")
    try:
        return FusionConfig.model_validate(fields)
    except ValidationError as error:
        raise ConfigError(f"presets.{name}: {explain(error)}") from error


def explain(error: ValidationError) -> str:
    """Say in one line per fault what is wrong with a config: the field, the value and what is allowed.

    Args:
        error: What pydantic raised.

    Returns:
        The faults, separated by semicolons.
    """
    faults = []
    for fault in error.errors(include_url=False, include_context=False):
        where = (
            ".".join(
                str(part)
                for part in fault["loc"]
                if not str(part).startswith(("function-", "constrained-", "Seat", "str"))
            )
            or "config"
        )
        value = "" if isinstance(fault["input"], dict | list) else f" (got {fault['input']!r})"
        message = (
            "is not a field of FusionConfig"
            if fault["type"] == "extra_forbidden"
            else fault["msg"].removeprefix("Value error, ")
        )
        faults.append(f"{where}: {message}{value}")
    return "; ".join(dict.fromkeys(faults))

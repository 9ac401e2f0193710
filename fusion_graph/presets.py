"""Presets, aliases, providers, families and prices: read from `presets.toml`, and from the user's own file on top."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields
from decimal import Decimal
from functools import lru_cache
from importlib import resources as package_files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fusion_graph.config import FusionConfig
from fusion_graph.errors import ConfigError
from fusion_graph.money import decimal_of

_SHOWN = 100
"""Characters of a wrong value that a message quotes."""
_UNION_TAG = re.compile(r"(?:Seat|ToolSpec|str)$|function-|constrained-")


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


class TokenPrice(BaseModel):
    """What the operator pays for a model, in US dollars per million tokens.

    Attributes:
        input: Prompt tokens.
        output: Completion tokens, reasoning included.
        cached: Prompt tokens read from the cache; as `input` when unset.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached: float | None = Field(None, ge=0)

    def cost(self, input_tokens: int, output_tokens: int, cached_tokens: int) -> Decimal:
        """Price a call.

        Args:
            input_tokens: Prompt tokens, cached ones included.
            output_tokens: Completion tokens.
            cached_tokens: Prompt tokens read from the cache.

        Returns:
            US dollars.
        """
        cached = min(cached_tokens, input_tokens)
        full, less = decimal_of(self.input), decimal_of(self.input if self.cached is None else self.cached)
        dollars = (input_tokens - cached) * full + cached * less + output_tokens * decimal_of(self.output)
        return dollars / 1_000_000


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that `presets.toml` and a user's own file say."""

    presets: dict[str, FusionConfig] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    providers: dict[str, Provider] = field(default_factory=dict)
    families: dict[str, tuple[str, ...]] = field(default_factory=dict)
    prices: dict[str, TokenPrice] = field(default_factory=dict)

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
        """Tell the family a model belongs to, by the words in its name.

        Args:
            model: A name as in `FusionConfig`, or as a provider gave it; of a local file the file's name counts.

        Returns:
            The family, such as `anthropic`; else the author of an `author/model` name; else `None`.
        """
        return _family(model, tuple(self.families.items()))


@lru_cache(maxsize=1024)
def _family(model: str, families: tuple[tuple[str, tuple[str, ...]], ...]) -> str | None:
    name = model.lower().lstrip("~")
    provider, _, rest = name.partition(":")
    direct = bool(rest) and "/" not in provider
    local = direct and provider == "local"
    name = rest.rsplit("/", 1)[-1] if local else rest if direct else name
    words = re.split(r"[/_.:-]", name)
    for family, marks in families:
        if any(word.startswith(marks) for word in words):
            return family
    return None if direct or "/" not in name else name.split("/", 1)[0] or None


class _ProviderEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: tuple[str, ...] = Field(min_length=1)
    package: str
    extra: str = ""
    default: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    presets: dict[str, dict[str, Any]] = {}
    aliases: dict[str, str] = {}
    providers: dict[str, _ProviderEntry] = {}
    families: dict[str, tuple[str, ...]] = {}
    prices: dict[str, TokenPrice] = {}


@lru_cache(maxsize=8)
def load_catalog(own: Path | None = None) -> Catalog:
    """Read the catalog.

    Args:
        own: A file of the user's own; its entries win over the package's.

    Returns:
        The catalog.

    Raises:
        ConfigError: The user's file is missing, is no TOML, or holds an unknown section or field, or a value that
            cannot be; the message names the file and the field.
    """
    shipped = package_files.files("fusion_graph").joinpath("presets.toml").read_text("utf-8")
    catalog = _catalog(shipped, "presets.toml")
    if own is None:
        return catalog
    mine = _catalog(_read(own), f"presets file {str(own)!r}")
    return Catalog(**{part.name: {**getattr(catalog, part.name), **getattr(mine, part.name)} for part in fields(mine)})


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"presets file {str(path)!r} cannot be read: {error}") from error


def _catalog(text: str, file: str) -> Catalog:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from error
    if unknown := sorted(raw.keys() - _File.model_fields.keys()):
        raise ConfigError(f"{file}: unknown section {unknown[0]!r}; use {', '.join(sorted(_File.model_fields))}")
    try:
        read = _File.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{file}: {explain(error)}") from error
    return Catalog(
        presets={name: _preset(f"{file}: presets.{name}", entry) for name, entry in read.presets.items()},
        descriptions={name: str(entry.get("description", "")) for name, entry in read.presets.items()},
        aliases=read.aliases,
        providers={name: Provider(name, **entry.model_dump()) for name, entry in read.providers.items()},
        families=read.families,
        prices=read.prices,
    )


def _preset(where: str, entry: dict[str, Any]) -> FusionConfig:
    settings = {key: value for key, value in entry.items() if key != "description"}
    if "preset" in settings:
        raise ConfigError(f"{where}: a preset cannot name another preset")
    try:
        return FusionConfig.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(f"{where}: {explain(error)}") from error


def explain(error: ValidationError) -> str:
    """Say in one line per fault what is wrong with a config: the field, the value and what is allowed.

    Args:
        error: What pydantic raised.

    Returns:
        The faults, separated by semicolons.
    """
    faults: list[tuple[str, str]] = []
    for fault in error.errors(include_url=False, include_context=False):
        where = ".".join(str(part) for part in fault["loc"] if not _UNION_TAG.match(str(part))) or "config"
        value = "" if isinstance(fault["input"], dict | list | BaseModel) else f" (got {_short(fault['input'])})"
        message = (
            "there is no such field"
            if fault["type"] == "extra_forbidden"
            else fault["msg"].removeprefix("Value error, ")
        )
        faults.append((where, f"{where}: {message}{value}"))
    inner = [where for where, _ in faults]
    told = [text for where, text in faults if not any(other.startswith(f"{where}.") for other in inner)]
    return "; ".join(dict.fromkeys(told))


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."

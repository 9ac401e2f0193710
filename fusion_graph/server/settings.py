"""What the operator of the HTTP app chooses, beside `Resources`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from fusion_graph.errors import ConfigError

PREFIX = "FUSION_SERVER_"
_LISTS = ("allowed_models", "cors_origins")
_NUMBERS: Mapping[str, type[int] | type[float]] = {
    "max_body_bytes": int,
    "max_messages": int,
    "max_runs": int,
    "max_runs_per_key": int,
    "keep_alive": float,
    "retention_days": float,
}


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The operator's side of the HTTP app; from `FUSION_SERVER_...` variables or the options of `fusion serve`.

    Attributes:
        database: Where runs, responses, keys and checkpoints are kept: a SQLite file's path, or a
            `postgresql://` address. `None` for the default file in the user's data folder.
        preset: What `openrouter/fusion` and a bare request use; the best models found when unset.
        allowed_models: Models that clients may name; `None` for any. Presets of the operator may hold others.
        cors_origins: Origins whose pages may call the API; none by default.
        max_body_bytes: Bytes of a request's body at most.
        max_messages: Messages or input items of a request at most.
        max_runs: Runs at once; more are refused with 503 and `Retry-After`.
        max_runs_per_key: Runs at once per key; more are refused with 429.
        keep_alive: Seconds of silence after which a stream sends a comment.
        retention_days: Days that finished responses, conversations and runs are kept.
        public_metrics: Whether `/metrics` needs no key.
        client_prompts: Whether clients may send `prompts`, their own wording of the parts' instructions.
    """

    database: str | None = None
    preset: str | None = None
    allowed_models: tuple[str, ...] | None = None
    cors_origins: tuple[str, ...] = ()
    max_body_bytes: int = 10_000_000
    max_messages: int = 1_000
    max_runs: int = 64
    max_runs_per_key: int = 16
    keep_alive: float = 10.0
    retention_days: float = 30.0
    public_metrics: bool = False
    client_prompts: bool = False

    def __post_init__(self) -> None:
        """Refuse limits that let nothing through."""
        for name in ("max_body_bytes", "max_messages", "max_runs", "max_runs_per_key", "keep_alive", "retention_days"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name}: {getattr(self, name)} must be above 0 ({PREFIX}{name.upper()})")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read `FUSION_SERVER_...` variables, one for each attribute; lists are separated by commas.

        Args:
            environ: The variables; `os.environ` when unset.

        Returns:
            The settings, with defaults for what is not set.

        Raises:
            ConfigError: A value cannot be read or is out of range.
        """
        env = os.environ if environ is None else environ
        given = {each.name: env.get(PREFIX + each.name.upper(), "") for each in fields(cls)}
        return cls(**{name: _read(name, text) for name, text in given.items() if text})

    @property
    def folder(self) -> Path:
        """The folder of the default database file, made when first used by whoever opens it."""
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
        return Path(base) / "fusion-graph"


def _read(name: str, text: str) -> Any:
    if name in _LISTS:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if name in ("public_metrics", "client_prompts"):
        return text.lower() in ("1", "true", "yes")
    kind = _NUMBERS.get(name)
    if kind is None:
        return text
    try:
        return kind(text)
    except ValueError as error:
        raise ConfigError(f"{PREFIX}{name.upper()}: {text!r} is no number") from error

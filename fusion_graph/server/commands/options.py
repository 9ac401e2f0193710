"""The options of `fusion serve` and `fusion keys`, and the settings that they make. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fusion_graph.server.settings import ServerSettings

if TYPE_CHECKING:
    from fusion_graph.resources import Resources

Host = Annotated[
    str,
    typer.Option("--host", help="The address to listen on; one other than loopback needs a key (`fusion keys add`)."),
]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="What openrouter/fusion uses where a request names no panel.  [default: the best models found]",
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="FILE|URL",
        help="Where keys, responses and runs are kept: a SQLite file or a postgresql:// address.  "
        "[env: FUSION_SERVER_DATABASE] [default: fusion-graph/server.sqlite in the user's data folder]",
    ),
]
AllowModel = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-model",
        metavar="MODEL",
        help="A model that clients may name; repeat it. Presets are not bound by it.  [default: any]",
    ),
]
CorsOrigin = Annotated[
    list[str] | None,
    typer.Option("--cors-origin", metavar="ORIGIN", help="An origin whose pages may call the server; repeat it."),
]
MaxRuns = Annotated[int | None, typer.Option("--max-runs", min=1, help="Runs at once.  [default: 64]")]
MaxRunsPerKey = Annotated[
    int | None, typer.Option("--max-runs-per-key", min=1, help="Runs at once of one key.  [default: 16]")
]
RetentionDays = Annotated[
    float | None,
    typer.Option("--retention-days", help="Days that responses, conversations and runs are kept.  [default: 30]"),
]
PublicMetrics = Annotated[bool, typer.Option("--public-metrics", help="Let /metrics be read without a key.")]


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What was given to `fusion serve`; fields that are `None` were not given."""

    host: str
    port: int
    preset: str | None
    corpus: Path | None
    database: str | None
    presets_file: Path | None
    gateway_url: str | None
    gateway_key_env: str | None
    allow_model: list[str] | None
    cors_origin: list[str] | None
    max_runs: int | None
    max_runs_per_key: int | None
    retention_days: float | None
    public_metrics: bool

    def settings(self) -> ServerSettings:
        """Return the `FUSION_SERVER_...` variables with the options over them.

        Raises:
            ConfigError: A variable cannot be read.
        """
        given: dict[str, Any] = {
            "database": self.database,
            "preset": self.preset,
            "allowed_models": tuple(self.allow_model) if self.allow_model else None,
            "cors_origins": tuple(self.cors_origin) if self.cors_origin else None,
            "max_runs": self.max_runs,
            "max_runs_per_key": self.max_runs_per_key,
            "retention_days": self.retention_days,
            "public_metrics": self.public_metrics or None,
        }
        known = {name: value for name, value in given.items() if value is not None}
        return replace(ServerSettings.from_env(), **known)

    def resources(self) -> Resources:
        """Return the `FUSION_...` variables with the options over them."""
        return resources_of(self.corpus, self.presets_file, self.gateway_url, self.gateway_key_env)


def resources_of(
    corpus: Path | None, presets_file: Path | None, gateway_url: str | None, gateway_key_env: str | None
) -> Resources:
    """Make the operator's side: the `FUSION_...` variables, and the options over them.

    Args:
        corpus: The folder that is searched.
        presets_file: The operator's own presets.
        gateway_url: The gateway's address.
        gateway_key_env: The variable that holds its key.

    Returns:
        The resources.
    """
    from fusion_graph.resources import Gateway, Resources  # noqa: PLC0415 - heavy

    base = Resources.from_env()
    gateway = base.gateway
    if gateway_url:
        gateway = Gateway(gateway_url, gateway_key_env or "")
    elif gateway_key_env:
        gateway = replace(gateway, api_key_env=gateway_key_env)
    return replace(base, gateway=gateway, corpus=corpus or base.corpus, presets=presets_file or base.presets)

"""What typer reads of `fusion serve`, `fusion mcp` and `fusion keys`. Imports nothing heavy."""

# ruff: noqa: ARG001, PLR0913, PLR0917 - typer reads the options from the signature

from __future__ import annotations

from typing import Annotated, Literal

import typer

from fusion_graph.server.commands import options as s
from fusion_graph.terminal import options as o
from fusion_graph.terminal.exits import EPILOG

keys = typer.Typer(
    help="The keys of the HTTP server: from the first one on, every request needs one.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

SERVE_EPILOG = f"""\
Examples:

\b
  fusion serve
  fusion serve --corpus notes/ --preset offline
  fusion keys add laptop && fusion serve --host 0.0.0.0

{EPILOG}"""


def serve(
    ctx: typer.Context,
    host: s.Host = "127.0.0.1",
    port: s.Port = 8484,
    preset: s.Preset = None,
    corpus: o.Corpus = None,
    database: s.Database = None,
    presets_file: o.PresetsFile = None,
    gateway_url: o.GatewayUrl = None,
    gateway_key_env: o.GatewayKeyEnv = None,
    allow_model: s.AllowModel = None,
    cors_origin: s.CorsOrigin = None,
    max_runs: s.MaxRuns = None,
    max_runs_per_key: s.MaxRunsPerKey = None,
    retention_days: s.RetentionDays = None,
    public_metrics: s.PublicMetrics = False,
) -> None:
    """Serve the page and the OpenAI-compatible API.

    Without any key it listens on loopback alone; without any provider it offers fusion/offline.
    """
    from fusion_graph.server.commands.serve import serve as run  # noqa: PLC0415

    raise typer.Exit(run(s.ServeOptions(**ctx.params)))


def mcp(
    corpus: o.Corpus = None,
    presets_file: o.PresetsFile = None,
    gateway_url: o.GatewayUrl = None,
    gateway_key_env: o.GatewayKeyEnv = None,
) -> None:
    """Serve the tool `fusion` to one MCP client on standard input and output, such as a coding agent.

    `fusion serve` offers the same at /mcp over HTTP.
    """
    from fusion_graph.server.commands.mcp import serve as run  # noqa: PLC0415

    raise typer.Exit(run(corpus, presets_file, gateway_url, gateway_key_env))


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")]


@keys.command()
def add(
    name: Name,
    limit: Annotated[float | None, typer.Option("--limit", metavar="USD", help="US dollars that it may spend.")] = None,
    per: Annotated[Literal["total", "day", "month"], typer.Option("--per", help="The period of --limit.")] = "total",
    per_minute: Annotated[int | None, typer.Option("--per-minute", help="Requests a minute.")] = None,
    preset: Annotated[
        list[str] | None, typer.Option("--preset", metavar="NAME", help="A preset that it may use; repeat it.")
    ] = None,
    database: s.Database = None,
    as_json: AsJson = False,
) -> None:
    """Make a key, and print it: it is shown this once."""
    from fusion_graph.server.commands.keys import add as run  # noqa: PLC0415

    raise typer.Exit(
        run(database, name, as_json=as_json, presets=preset, limit_usd=limit, period=per, per_minute=per_minute)
    )


@keys.command("list")
def list_keys(database: s.Database = None, as_json: AsJson = False) -> None:
    """List the keys with what they have spent."""
    from fusion_graph.server.commands.keys import show  # noqa: PLC0415

    raise typer.Exit(show(database, as_json=as_json))


@keys.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name or id.")], database: s.Database = None
) -> None:
    """Take a key's power away, at once and for good."""
    from fusion_graph.server.commands.keys import revoke as run  # noqa: PLC0415

    raise typer.Exit(run(database, name))

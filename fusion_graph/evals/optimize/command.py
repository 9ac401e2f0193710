"""`fusion optimize`: search for the best panels. Nothing heavier than typer is imported before a command runs."""

# ruff: noqa: PLR0913, PLR0917 - typer reads the options from the signature

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fusion_graph.evals.command import (
    Corpus,
    GatewayKeyEnv,
    GatewayUrl,
    MaxCost,
    NoColor,
    Out,
    Remote,
    Yes,
    carry_out,
    resources_of,
)
from fusion_graph.terminal.exits import BAD_INPUT, EPILOG, OK

if TYPE_CHECKING:
    from fusion_graph.evals.optimize.session import Action
    from fusion_graph.terminal.consoles import Screen

app = typer.Typer(
    name="optimize",
    help="Search panels, judges and writers for the best score at each cost, on your own tasks.",
    epilog=EPILOG,
    rich_markup_mode=None,
    no_args_is_help=True,
)

RUN_EPILOG = f"""\
Examples:

\b
  fusion optimize init
  fusion optimize estimate optimize.yaml
  fusion optimize run optimize.yaml --max-cost 20
  fusion ask --presets-file results/optimize/presets.toml --preset optimize-best "..."
  fusion report results/optimize

Every finished stage is kept: stopped by Ctrl-C, a cap or a crash, the same command goes on where it was.

{EPILOG}"""

SearchPath = Annotated[Path, typer.Argument(metavar="FILE", help="The search file, YAML or TOML.")]
_FILE, _OUT = Path("optimize.yaml"), Path("results")


@app.command()
def init(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = _FILE,
) -> None:
    """Write a starter search file: which models, panel sizes and judges, on which tasks."""
    from fusion_graph.errors import ConfigError  # noqa: PLC0415
    from fusion_graph.evals.optimize.starter import write_starter  # noqa: PLC0415

    try:
        write_starter(path)
    except ConfigError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from error
    typer.echo(f"Written: {path}\nNext: fusion optimize estimate {path}")
    raise typer.Exit(OK)


@app.command(epilog=RUN_EPILOG)
def run(
    file: SearchPath = _FILE,
    out: Out = _OUT,
    remote: Remote = None,
    yes: Yes = False,
    max_cost: MaxCost = None,
    corpus: Corpus = None,
    gateway_url: GatewayUrl = None,
    gateway_key_env: GatewayKeyEnv = None,
    no_color: NoColor = False,
) -> None:
    """Race the configurations, score the frontier on tasks held out, and write it as presets.

    Says first what it may take, and asks. Where nobody can be asked, --yes or a cap is needed.
    """
    resources = (corpus, gateway_url, gateway_key_env)
    _do("run", resources, no_color=no_color, file=file, out=out, remote=remote, yes=yes, max_cost=max_cost)


@app.command()
def estimate(
    file: SearchPath = _FILE,
    out: Out = _OUT,
    remote: Remote = None,
    corpus: Corpus = None,
    gateway_url: GatewayUrl = None,
    gateway_key_env: GatewayKeyEnv = None,
    no_color: NoColor = False,
) -> None:
    """Say how many configurations there are and what the search may cost. Calls no model."""
    resources = (corpus, gateway_url, gateway_key_env)
    _do("estimate", resources, no_color=no_color, file=file, out=out, remote=remote)


def _do(action: Action, given: tuple[Path | None, str | None, str | None], *, no_color: bool, **options: Any) -> None:
    async def work(screen: Screen) -> int:
        from fusion_graph.errors import missing_package  # noqa: PLC0415

        try:
            from fusion_graph.evals.optimize.session import Options, work  # noqa: PLC0415 - graphs, store and numpy
        except ModuleNotFoundError as error:
            raise missing_package(error.name or "numpy", "evals", "a search") from error
        return await work(action, Options(**options, resources=resources_of(*given)), screen)

    carry_out(work, no_color=no_color)

"""`fusion eval`: measure configurations on a dataset. Nothing heavier than typer is imported before a command runs."""

# ruff: noqa: PLR0913, PLR0917 - typer reads the options from the signature

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from fusion_graph.terminal.exits import BAD_INPUT, EPILOG, INTERRUPTED, OK

if TYPE_CHECKING:
    from fusion_graph.evals.session import Action
    from fusion_graph.resources import Resources
    from fusion_graph.terminal.consoles import Screen

app = typer.Typer(
    name="eval",
    help="Measure solo models, panels and controls on a dataset, and grade their answers.",
    epilog=EPILOG,
    rich_markup_mode=None,
    no_args_is_help=True,
)

RUN_EPILOG = f"""\
Examples:

\b
  fusion eval init
  fusion eval estimate eval.yaml
  fusion eval run eval.yaml --max-cost 50
  fusion eval run eval.yaml --remote https://fusion.example.com --yes
  fusion eval regrade eval.yaml --judge anthropic/claude-sonnet-4.6
  fusion report results/eval

Every finished stage is kept: stopped by Ctrl-C, a cap or a crash, the same command goes on where it was.

{EPILOG}"""

EvalPath = Annotated[Path, typer.Argument(metavar="FILE", help="The eval file, YAML or TOML.")]
Out = Annotated[
    Path, typer.Option("--out", "-o", metavar="DIR", help="Results go into a folder of the experiment's name in here.")
]
Remote = Annotated[
    str | None,
    typer.Option(
        "--remote",
        metavar="URL",
        help="Run the graphs on this LangGraph Server, with its keys and tools; grading stays here.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nobody before money is spent.")]
MaxCost = Annotated[
    float | None,
    typer.Option(
        "--max-cost",
        metavar="USD",
        help="What the experiment may cost in all, grading and earlier runs included.  [default: limits.max_cost_usd]",
    ),
]
Corpus = Annotated[
    Path | None,
    typer.Option(
        "--corpus", metavar="DIR", exists=True, file_okay=False, help="A folder to search.  [env: FUSION_CORPUS]"
    ),
]
GatewayUrl = Annotated[
    str | None,
    typer.Option("--gateway-url", metavar="URL", help="Who answers for author/model names.  [env: FUSION_GATEWAY_URL]"),
]
GatewayKeyEnv = Annotated[
    str | None,
    typer.Option("--gateway-key-env", metavar="NAME", help="Variable of its key.  [env: FUSION_GATEWAY_KEY_ENV]"),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours.")]
_FILE, _OUT = Path("eval.yaml"), Path("results")


@app.command()
def init(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = _FILE,
) -> None:
    """Write a starter eval file: the twelve rows of OpenRouter's DRACO table, and commented controls."""
    from fusion_graph.errors import ConfigError  # noqa: PLC0415
    from fusion_graph.evals.starter import write_starter  # noqa: PLC0415

    try:
        write_starter(path)
    except ConfigError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from error
    typer.echo(f"Written: {path}\nNext: fusion eval estimate {path}")
    raise typer.Exit(OK)


@app.command(epilog=RUN_EPILOG)
def run(
    file: EvalPath = _FILE,
    out: Out = _OUT,
    remote: Remote = None,
    yes: Yes = False,
    max_cost: MaxCost = None,
    corpus: Corpus = None,
    gateway_url: GatewayUrl = None,
    gateway_key_env: GatewayKeyEnv = None,
    no_color: NoColor = False,
) -> None:
    """Answer, grade and write down what is not yet there.

    Says first what it may take, and asks. Where nobody can be asked, --yes or a cap is needed.
    """
    resources = (corpus, gateway_url, gateway_key_env)
    _do("run", resources, no_color=no_color, file=file, out=out, remote=remote, yes=yes, max_cost=max_cost)


@app.command()
def estimate(
    file: EvalPath = _FILE,
    out: Out = _OUT,
    remote: Remote = None,
    corpus: Corpus = None,
    gateway_url: GatewayUrl = None,
    gateway_key_env: GatewayKeyEnv = None,
    no_color: NoColor = False,
) -> None:
    """Say what is missing and what it may cost, generation and judging apart. Calls no model."""
    resources = (corpus, gateway_url, gateway_key_env)
    _do("estimate", resources, no_color=no_color, file=file, out=out, remote=remote)


@app.command()
def status(
    file: EvalPath = _FILE,
    out: Out = _OUT,
    remote: Remote = None,
    corpus: Corpus = None,
    gateway_url: GatewayUrl = None,
    gateway_key_env: GatewayKeyEnv = None,
    no_color: NoColor = False,
) -> None:
    """Say what is there, what it cost and what is missing. Calls no model.

    Give the options that `run` was given: what ran elsewhere is kept under other keys.
    """
    resources = (corpus, gateway_url, gateway_key_env)
    _do("status", resources, no_color=no_color, file=file, out=out, remote=remote)


@app.command()
def regrade(
    judge: Annotated[str, typer.Option("--judge", metavar="MODEL", help="The second judge.")],
    file: EvalPath = _FILE,
    out: Out = _OUT,
    remote: Remote = None,
    yes: Yes = False,
    max_cost: MaxCost = None,
    corpus: Corpus = None,
    gateway_url: GatewayUrl = None,
    gateway_key_env: GatewayKeyEnv = None,
    no_color: NoColor = False,
) -> None:
    """Grade the stored answers once more with another judge, to see how much the judge decides. Makes no answer."""
    resources = (corpus, gateway_url, gateway_key_env)
    given: dict[str, Any] = {"file": file, "out": out, "remote": remote, "yes": yes, "max_cost": max_cost}
    _do("regrade", resources, no_color=no_color, judge=judge, **given)


@app.command()
def upload(
    file: EvalPath = _FILE,
    out: Out = _OUT,
    dataset_name: Annotated[
        str | None,
        typer.Option("--dataset-name", metavar="NAME", help="The dataset in LangSmith.  [default: its own name]"),
    ] = None,
    rubrics: Annotated[
        bool, typer.Option("--rubrics", help="Send rubrics and expected answers too: whoever reads them has the key.")
    ] = False,
) -> None:
    """Send what was found to LangSmith, one experiment for each configuration. Needs LANGSMITH_API_KEY."""
    from fusion_graph.errors import FusionError  # noqa: PLC0415
    from fusion_graph.redaction import redact  # noqa: PLC0415

    try:
        from fusion_graph.evals.langsmith.sending import send  # noqa: PLC0415 - heavy

        send(file, out, dataset_name=dataset_name, rubrics=rubrics)
    except (FusionError, ValueError) as error:
        typer.echo(f"Error: {redact(str(error))}", err=True)
        raise typer.Exit(BAD_INPUT) from error


def _do(action: Action, given: tuple[Path | None, str | None, str | None], *, no_color: bool, **options: Any) -> None:
    async def work(screen: Screen) -> int:
        from fusion_graph.evals.session import Options, work  # noqa: PLC0415 - the graphs, the judge and the store

        return await work(action, Options(**options, resources=resources_of(*given)), screen)

    carry_out(work, no_color=no_color)


def carry_out(work: Callable[[Screen], Coroutine[Any, Any, int]], *, no_color: bool) -> NoReturn:
    """Do what a subcommand is for, say what is wrong, and end the process.

    Args:
        work: Does it; gives the exit code.
        no_color: Whether colours are left out.
    """
    import asyncio  # noqa: PLC0415 - slow to import, and help needs none of it

    from fusion_graph.errors import FusionError  # noqa: PLC0415
    from fusion_graph.redaction import redact  # noqa: PLC0415
    from fusion_graph.terminal.consoles import Screen, tolerate_narrow_encodings  # noqa: PLC0415
    from fusion_graph.terminal.traces import sent_traces  # noqa: PLC0415

    tolerate_narrow_encodings()
    screen = Screen.open(color=not no_color)
    try:
        with sent_traces():
            code = asyncio.run(work(screen))
    except FusionError as error:
        screen.error(redact(str(error)))
        raise typer.Exit(BAD_INPUT) from error
    except (KeyboardInterrupt, asyncio.CancelledError):  # the latter by a second Ctrl-C
        screen.error("broken off; what had finished is kept")
        raise typer.Exit(INTERRUPTED) from None
    sys.stdout.flush()
    raise typer.Exit(code)


def resources_of(corpus: Path | None, gateway_url: str | None, gateway_key_env: str | None) -> Resources:
    """Make the operator's side: the `FUSION_...` variables, and the options over them.

    Args:
        corpus: The folder that is searched.
        gateway_url: The gateway's address.
        gateway_key_env: The variable that holds its key.

    Returns:
        The resources.
    """
    from fusion_graph.resources import Gateway, Resources  # noqa: PLC0415

    base = Resources.from_env()
    gateway = base.gateway
    if gateway_url:
        gateway = Gateway(gateway_url, gateway_key_env or "")
    elif gateway_key_env:
        gateway = replace(gateway, api_key_env=gateway_key_env)
    here = Path(Path.cwd().anchor)  # who sits at the terminal may read any file of their own
    return replace(base, gateway=gateway, corpus=corpus or base.corpus, local_models=base.local_models or here)

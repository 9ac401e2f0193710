"""The command `fusion`. Nothing heavier than typer is imported before a command runs, so that help is instant."""

# ruff: noqa: ARG001, PLR0913, PLR0917 - typer reads the options from the signature; `ask` hands them on together

from __future__ import annotations

import sys
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fusion_graph.evals.command import app as evals
from fusion_graph.evals.optimize.command import app as optimize
from fusion_graph.evals.report.command import report
from fusion_graph.server.commands.app import SERVE_EPILOG, keys, mcp, serve
from fusion_graph.terminal import options as o
from fusion_graph.terminal.exits import EPILOG

app = typer.Typer(
    name="fusion",
    help="A panel of researching models, a judge that compares, a writer that answers.",
    epilog=EPILOG,
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

ASK_EPILOG = f"""\
Examples:

\b
  fusion ask "What are the strongest arguments for and against carbon taxes?"
  fusion ask --preset general-budget --effort high "..."
  fusion ask --panel openai/gpt-5.5,openai/gpt-5.5 --judge anthropic/claude-opus-4.8 "..."
  fusion ask --corpus notes/ --mode analyze "Where do my notes disagree?"
  fusion ask --json - < question.txt | jq -r .answer

The answer and its sources go to standard output; progress, analysis and receipt to standard error.

{EPILOG}"""


def _version(wanted: bool) -> None:
    if wanted:
        from fusion_graph import __version__  # noqa: PLC0415

        typer.echo(f"fusion-graph {__version__}")
        raise typer.Exit


@app.callback()
def _fusion(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command(epilog=ASK_EPILOG)
def ask(
    ctx: typer.Context,
    question: o.Question = None,
    preset: o.Preset = None,
    panel: o.Panel = None,
    judge: o.Judge = None,
    writer: o.Writer = None,
    corpus: o.Corpus = None,
    mode: o.ModeOption = "fuse",
    as_json: o.AsJson = False,
    config: o.ConfigFile = None,
    presets_file: o.PresetsFile = None,
    max_tool_calls: o.MaxToolCalls = None,
    max_completion_tokens: o.MaxCompletionTokens = None,
    temperature: o.Temperature = None,
    effort: o.Effort = None,
    tools: o.Tools = None,
    no_tools: o.NoTools = False,
    engine: o.Engine = None,
    allow_domain: o.AllowDomain = None,
    exclude_domain: o.ExcludeDomain = None,
    seat_timeout: o.SeatTimeout = None,
    seat_idle_timeout: o.SeatIdleTimeout = None,
    quorum: o.Quorum = None,
    grace: o.Grace = None,
    deadline: o.Deadline = None,
    max_cost: o.MaxCost = None,
    max_total_tokens: o.MaxTotalTokens = None,
    seed: o.Seed = None,
    no_blind: o.NoBlind = False,
    gateway_url: o.GatewayUrl = None,
    gateway_key_env: o.GatewayKeyEnv = None,
    searxng_url: o.SearxngUrl = None,
    quiet: o.Quiet = False,
    no_color: o.NoColor = False,
) -> None:
    """Put a question to a panel, and print the answer.

    Without --panel, --preset or --config the best models found are taken: provider keys in the environment, else
    an Ollama server, else, with --corpus, the preset offline, which calls no language model. Which, is said first.
    """
    from fusion_graph.terminal.ask import ask as run  # noqa: PLC0415
    from fusion_graph.terminal.traces import sent_traces  # noqa: PLC0415

    with sent_traces():
        raise typer.Exit(run(o.AskOptions(**ctx.params)))


@app.command(
    "estimate",
    help="Say what a question may take - calls, tokens, dollars - and call no model. Takes the options of ask.",
    epilog=EPILOG,
)
@wraps(ask)
def estimate(**given: Any) -> None:
    """Take what `ask` takes, and hand it on to the estimate."""
    from fusion_graph.terminal.estimate_view import estimate as show  # noqa: PLC0415

    raise typer.Exit(show(o.AskOptions(**given["ctx"].params)))


@app.command()
def presets(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
    presets_file: o.PresetsFile = None,
) -> None:
    """List the named panels."""
    from fusion_graph.terminal.presets_view import presets as show  # noqa: PLC0415

    raise typer.Exit(show(presets_file, as_json=as_json))


@app.command()
def graph(
    name: Annotated[Literal["fusion", "deliberation", "fusion_agent"], typer.Argument(help="Which graph.")] = "fusion",
    picture: Annotated[
        Literal["mermaid", "png"],
        typer.Option("--format", help="mermaid is text; png needs pip install 'fusion-graph[draw]', and no network."),
    ] = "mermaid",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here, not to standard output.")
    ] = None,
    online: Annotated[
        bool,
        typer.Option(
            "--online", help="Let the web service mermaid.ink draw the png: it is sent the drawing, node names only."
        ),
    ] = False,
) -> None:
    """Draw a graph as it is compiled."""
    from fusion_graph.terminal.drawing import draw  # noqa: PLC0415

    raise typer.Exit(draw(name, picture, output, online=online))


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Ask each model of the default panel for one word: this costs money.")
    ] = False,
) -> None:
    """Say what works here, and the fix for what does not. Prints no key and, without --live, spends nothing.

    Exit code 1 if anything that is set up does not work.
    """
    from fusion_graph.terminal.doctor_view import doctor as show  # noqa: PLC0415

    raise typer.Exit(show(as_json=as_json, live=live))


app.command(epilog=SERVE_EPILOG)(serve)
app.command()(mcp)
app.add_typer(keys, name="keys")
app.add_typer(evals, name="eval")
app.add_typer(optimize, name="optimize")
app.command(epilog=EPILOG)(report)


def main() -> None:
    """Run the command; the entry point `fusion`."""
    try:
        app(prog_name="fusion")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

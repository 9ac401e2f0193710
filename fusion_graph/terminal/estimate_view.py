"""`fusion estimate`: what a question may take, shown before anything is asked of a model."""

from __future__ import annotations

import asyncio
import sys

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fusion_graph.errors import FusionError
from fusion_graph.estimate import Counts, Dollars, Estimate, PartEstimate
from fusion_graph.estimate import estimate as estimated
from fusion_graph.http import close_http_client
from fusion_graph.redaction import redact
from fusion_graph.terminal.amounts import dollars
from fusion_graph.terminal.clean import clean, one_line
from fusion_graph.terminal.consoles import Screen, say, tolerate_narrow_encodings
from fusion_graph.terminal.exits import BAD_INPUT, OK
from fusion_graph.terminal.options import AskOptions
from fusion_graph.terminal.question import read_question
from fusion_graph.terminal.receipt_view import UNKNOWN
from fusion_graph.terminal.settings import config_of, resources_of

NO_BILL = "no bill"
_COLUMNS = ("calls", "tokens in", "tokens out", "cost", "searches")


def estimate(options: AskOptions) -> int:
    """Estimate and print, on standard output.

    Args:
        options: What was given on the command line.

    Returns:
        The exit code.
    """
    tolerate_narrow_encodings()
    screen = Screen.open(color=not options.no_color)
    try:
        found = run_estimate(options, read_question(options.question, sys.stdin))
    except FusionError as error:
        screen.error(redact(str(error)))
        return BAD_INPUT
    if options.as_json:
        sys.stdout.write(found.model_dump_json() + "\n")
        sys.stdout.flush()
    else:
        show_estimate(screen.out, found)
    return OK


def run_estimate(options: AskOptions, question: str) -> Estimate:
    """Estimate what the options and a question ask for.

    Args:
        options: What was given on the command line.
        question: The question.

    Returns:
        The estimate.
    """

    async def run() -> Estimate:
        try:
            return await estimated(config_of(options), question, resources_of(options), mode=options.mode)
        finally:
            await close_http_client()

    return asyncio.run(run())


def show_estimate(console: Console, found: Estimate) -> None:
    """Print an estimate: a table of the parts, the sums, and what the range assumes.

    Args:
        console: Where to.
        found: The estimate.
    """
    say(console, Text(f"Models: {clean(found.chosen)}"))
    table = Table(box=SIMPLE_HEAD, border_style="dim", header_style="bold", show_edge=False, pad_edge=False)
    table.add_column("part", overflow="fold")
    table.add_column("model", overflow="fold")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for part in found.parts:
        table.add_row(one_line(part.part, 40), one_line(part.model, 100), *_cells(part, found))
    console.print(table)
    console.print()
    say(console, Text(f"In all: {in_all(found)}."))
    if found.unpriced:
        say(console, Text(f"No price is known for {', '.join(found.unpriced)}.", style="yellow"))
    if found.unbilled:
        say(console, Text(f"Nobody sends a bill for {', '.join(found.unbilled)}."))
    if not found.fees_known:
        say(console, Text("What the searches cost is not known.", style="yellow"))
    say(console, Text(found.assumed))


def in_all(found: Estimate) -> str:
    """Write the sums of an estimate in a phrase."""
    tokens = f"{counted(found.input_tokens)} tokens in, {counted(found.output_tokens)} out"
    partly = "at least " if found.cost_usd is not None and (found.unpriced or not found.fees_known) else ""
    cost = "cost unknown" if found.cost_usd is None else f"{partly}{spread(found.cost_usd)}"
    return f"{counted(found.calls)} model calls; {tokens}; {cost}"


def counted(counts: Counts) -> str:
    """Write a range of numbers."""
    return f"{counts.low:,}" if counts.low == counts.high else f"{counts.low:,} to {counts.high:,}"


def spread(amounts: Dollars) -> str:
    """Write a range of dollars."""
    return dollars(amounts.low) if amounts.low == amounts.high else f"{dollars(amounts.low)} to {dollars(amounts.high)}"


def _cells(part: PartEstimate, found: Estimate) -> list[str]:
    unknown = NO_BILL if part.model in found.unbilled else UNKNOWN
    return [
        counted(part.calls),
        counted(part.input_tokens),
        counted(part.output_tokens),
        unknown if part.cost_usd is None else spread(part.cost_usd),
        UNKNOWN if part.fees_usd is None else spread(part.fees_usd),
    ]

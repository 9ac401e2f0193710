"""The receipt for people: who really answered, what it used, what was lost; unknown stays unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fusion_graph.meter import Meter
from fusion_graph.receipt import EARLIER, PartReceipt, Receipt, SeatReceipt, Totals
from fusion_graph.terminal.amounts import dollars
from fusion_graph.terminal.clean import one_line
from fusion_graph.terminal.consoles import say, say_heading
from fusion_graph.terminal.progress import Board
from fusion_graph.terminal.receipt_notes import notes
from fusion_graph.usage import CostSource, Usage

UNKNOWN = "unknown"
NOT_APPLICABLE = "-"
NARROW = 96
"""Columns below which part and model share a column of the table."""
_BY: dict[CostSource | None, str] = {
    None: "",
    "provider": "",
    "list": " by the price list",
    "mixed": ", in part by the price list",
}
_REPLACED = "what a retry took the place of"
_FEES = "searches"
_WELL = ("ok", "done", "replaced")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `None` is unknown."""

    part: str
    model: str
    outcome: str
    calls: int
    tool_calls: int
    usage: Usage
    seconds: float | None
    offline: bool = False


def show_receipt(console: Console, receipt: Receipt) -> None:
    """Print a receipt: the table, the sums, and what a reader should know of the run.

    Args:
        console: Where to.
        receipt: The receipt.
    """
    rows = _rows(receipt)
    totals = receipt.totals
    say_heading(console, "Receipt")
    console.print(_table(rows, narrow=console.width < NARROW))
    console.print()
    say(console, _sums(rows, totals.usage, totals.calls, totals.tool_calls, receipt.seconds))
    for line in notes(receipt):
        say(console, line)


def show_spent(console: Console, board: Board, meter: Meter, why: str) -> None:
    """Print what a run had used when it ended before its receipt was written.

    Args:
        console: Where to.
        board: The run's parts.
        meter: What counted its calls.
        why: How it ended, as the beginning of a sentence.
    """
    seconds = board.elapsed()
    if not meter.calls:
        say(console, Text(f"\n{why} after {seconds:.1f} s; no model had been called."))
        return
    say_heading(console, f"{why} after {seconds:.1f} s; spent so far")
    rows = [
        Row(
            part=one_line(part.id, 40),
            model=one_line(part.model, 80) or UNKNOWN,
            outcome=part.state if part.state != "working" else "stopped",
            calls=meter.count(part.id),
            tool_calls=meter.tool_calls.get(part.id, 0),
            usage=meter.usage(part.id),
            seconds=board.seconds_of(part),
            offline=part.model.startswith("offline:"),
        )
        for part in board.parts.values()
        if meter.count(part.id)
    ]
    console.print(_table(rows, narrow=console.width < NARROW))
    console.print()
    say(console, _sums(rows, meter.usage(), meter.count(), sum(meter.tool_calls.values()), seconds))


def _rows(receipt: Receipt) -> list[Row]:
    rows = [
        _row(seat.seat_id if seat.label == seat.requested_model else seat.label, seat, _outcome(seat))
        for seat in receipt.seats
    ]
    if receipt.judge is not None:
        rows.append(_row("judge", receipt.judge, _judged(receipt)))
    if receipt.writer is not None:
        rows.append(_row("writer", receipt.writer, "failed" if receipt.writer.failure else "ok"))
    if receipt.earlier is not None:
        rows.append(_replaced(receipt.earlier, offline=not receipt.language_model_called))
    return rows


def _row(name: str, part: SeatReceipt | PartReceipt, outcome: str) -> Row:
    return Row(
        part=one_line(name, 100),
        model=_models(part),
        outcome=outcome.replace("_", " "),
        calls=part.calls,
        tool_calls=part.tool_calls,
        usage=part.usage,
        seconds=part.latency,
        offline=part.requested_model.startswith("offline:"),
    )


def _replaced(earlier: Totals, *, offline: bool) -> Row:
    return Row(
        part=EARLIER,
        model=_REPLACED,
        outcome="replaced",
        calls=earlier.calls,
        tool_calls=earlier.tool_calls,
        usage=earlier.usage,
        seconds=None,
        offline=offline,
    )


def _outcome(seat: SeatReceipt) -> str:
    return seat.outcome if seat.review is None else f"{seat.outcome}, {seat.review}"


def _judged(receipt: Receipt) -> str:
    """How the judge ended: a reply that holds no analysis is a call that went well, and no analysis."""
    if receipt.judge is not None and receipt.judge.failure is not None:
        return "failed"
    lost = any(entry.part == "judge" and entry.reason.startswith("judge_") for entry in receipt.degraded)
    return "no analysis" if lost and receipt.rung is None else "ok"


def _models(part: SeatReceipt | PartReceipt) -> str:
    requested, served = one_line(part.requested_model, 100), one_line(part.served_model or UNKNOWN, 100)
    unanswered = part.served_model is None and (part.failure is not None or not part.calls)
    return requested if served == requested or unanswered else f"{requested}\n→ {served}"


def _table(rows: Sequence[Row], *, narrow: bool) -> Table:
    table = Table(
        box=SIMPLE_HEAD,
        border_style="dim",
        header_style="bold",
        show_edge=False,
        pad_edge=False,
        collapse_padding=narrow,
    )
    table.add_column("part", overflow="fold")
    if not narrow:
        table.add_column("model", overflow="fold")
    table.add_column("outcome")
    fees = any(row.usage.fees_usd != 0 or row.usage.fees_at_least for row in rows)
    for name in ("calls", "tools", "tokens in", "tokens out", "cost", *([_FEES] if fees else []), "seconds"):
        table.add_column(name, justify="right")
    for row in rows:
        bad = "" if row.outcome.partition(",")[0] in _WELL else "yellow"
        usage = row.usage
        table.add_row(
            *([f"{row.part}\n{row.model}"] if narrow else [row.part, row.model]),
            Text(row.outcome, style=bad),
            str(row.calls),
            str(row.tool_calls),
            _tokens(usage.input_tokens, row, at_least=usage.tokens_at_least),
            _tokens(usage.output_tokens, row, at_least=usage.tokens_at_least),
            _cost(usage, row),
            *([_amount(usage.fees_usd, at_least=usage.fees_at_least)] if fees else []),
            _seconds(row),
        )
    return table


def _tokens(count: int | None, row: Row, *, at_least: bool) -> str:
    if row.offline or not row.calls:
        return NOT_APPLICABLE
    return UNKNOWN if count is None else f"{'≥ ' if at_least else ''}{count:,}"


def _cost(usage: Usage, row: Row) -> str:
    if row.offline or not row.calls:
        return NOT_APPLICABLE
    return _amount(usage.cost_usd, at_least=usage.cost_at_least)


def _amount(usd: float | None, *, at_least: bool) -> str:
    return UNKNOWN if usd is None else f"{'≥ ' if at_least else ''}{dollars(usd)}"


def _seconds(row: Row) -> str:
    if not row.calls and not row.seconds:
        return NOT_APPLICABLE
    return UNKNOWN if row.seconds is None else f"{row.seconds:.1f}"


def _sums(rows: Sequence[Row], usage: Usage, calls: int, tools: int, seconds: float | None) -> Text:
    ran = f"{tools} tool call{'' if tools == 1 else 's'}"
    if all(row.offline for row in rows if row.calls):
        return Text(f"In all: {ran}; no language model, so no tokens and no cost; {_took(seconds)}.")
    counted = f"In all: {calls} model call{'' if calls == 1 else 's'}, {ran}"
    least = "at least " if usage.tokens_at_least else ""
    known = usage.input_tokens is not None or usage.output_tokens is not None
    cached = f" ({usage.cached_tokens:,} of them from a cache)" if usage.cached_tokens else ""
    tokens = f"{least}{_known(usage.input_tokens)} tokens in{cached}, {least}{_known(usage.output_tokens)} out"
    return Text(f"{counted}; {tokens if known else 'tokens unknown'}; {_paid(usage)}; {_took(seconds)}.")


def _paid(usage: Usage) -> str:
    """Say what a run cost, who says so, and what its searches charged."""
    cost = "cost unknown"
    if usage.cost_usd is not None:
        cost = f"cost {'at least ' if usage.cost_at_least else ''}{dollars(usage.cost_usd)}{_BY[usage.cost_source]}"
    if usage.fees_usd is None:
        return f"{cost}; searches: unknown"
    if not usage.fees_usd and not usage.fees_at_least:
        return cost
    return f"{cost}; searches {'at least ' if usage.fees_at_least else ''}{dollars(usage.fees_usd)}"


def _known(count: int | None) -> str:
    return UNKNOWN if count is None else f"{count:,}"


def _took(seconds: float | None) -> str:
    return "time unknown" if seconds is None else f"{seconds:.1f} s"

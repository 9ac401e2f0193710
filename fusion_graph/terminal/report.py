"""What is printed when a run has ended: analysis, answer, sources, receipt; or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from fusion_graph.receipt import Receipt
from fusion_graph.terminal.analysis_view import show_analysis
from fusion_graph.terminal.answer_view import show_answer, show_sources
from fusion_graph.terminal.clean import one_line
from fusion_graph.terminal.consoles import Screen, say
from fusion_graph.terminal.options import Mode
from fusion_graph.terminal.receipt_view import show_receipt


def show_report(screen: Screen, output: Mapping[str, Any], answer: str | None, *, mode: Mode, quiet: bool) -> None:
    """Print a run's result on standard output, and everything else about it on standard error.

    Args:
        screen: Where to.
        output: The graph's output.
        answer: The answer, if there is one.
        mode: What was asked for; in `analyze` the analysis is the result.
        quiet: Whether to print the result alone.
    """
    receipt = Receipt.model_validate(output["receipt"])
    labels = {seat.seat_id: seat.label for seat in receipt.seats}
    if output["status"] != "ok":
        _show_failure(screen.err, output)
    elif mode == "analyze":
        show_analysis(screen.out, output["analysis"], labels)
        show_sources(screen.out, output["sources"], _analysed(output["analysis"]), labels)
    else:
        if receipt.deliberated and not quiet:
            show_analysis(screen.err, output["analysis"], labels)
        if mode == "auto" and not quiet:
            say(screen.err, _decision(receipt))
        _space(screen, quiet=quiet)
        show_answer(screen.out, answer or "")
        cited = receipt.citations.cited if receipt.citations else []
        show_sources(screen.out, output["sources"], cited, labels)
    if not quiet:
        show_receipt(screen.err, receipt)


def _space(screen: Screen, *, quiet: bool) -> None:
    """Keep analysis and answer apart where both streams may end up in one place."""
    if not quiet and not screen.out.is_terminal:
        screen.err.print()


def _decision(receipt: Receipt) -> Text:
    said = (
        "the calling model convened the panel" if receipt.deliberated else "the calling model answered without a panel"
    )
    return Text(f"\nMode auto: {said}.", style="bold")


def _show_failure(console: Console, output: Mapping[str, Any]) -> None:
    say(console, Text(f"\nNo result: {_words(output)}.", style="bold red"))
    for failed in output["failed_models"]:
        status = f" (HTTP {failed['status_code']})" if failed.get("status_code") else ""
        name, error = one_line(failed["label"], 100), one_line(failed["error"], 600)
        say(console, Text(f"  {name}: {error}{status}"))


def _words(output: Mapping[str, Any]) -> str:
    reason = str(output["failure_reason"] or "unknown").replace("_", " ")
    return f"{reason}, no seat gave a usable draft" if output["failed_models"] else reason


def _analysed(analysis: Mapping[str, Any] | None) -> list[str]:
    """Return the source ids that an analysis names."""
    if analysis is None:
        return []
    stances = [stance for item in analysis["contradictions"] for stance in item["stances"]]
    items = [*analysis["consensus_support"], *analysis["partial_coverage"], *analysis["unique_insights"], *stances]
    return list(dict.fromkeys(one for item in items for one in item["source_ids"]))

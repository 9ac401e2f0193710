"""What a reader should know of a run beside its figures: losses, changes, limits, kinship, citations, order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import get_args

from rich.text import Text

from fusion_graph.config import Stage
from fusion_graph.receipt import Edit, Limits, Receipt, Rung
from fusion_graph.terminal.amounts import dollars
from fusion_graph.terminal.clean import one_line

_RUNGS: dict[Rung, str] = {
    "native": "JSON schema of the provider",
    "tool": "tool call",
    "prompted": "JSON asked for in the prompt",
    "repaired": "JSON asked for in the prompt, repaired once",
}
_CHANGES = {
    "dropped": "draft dropped",
    "added": "draft added",
    "edited": "draft edited",
    "analysis_edited": "analysis edited",
    "analysis_removed": "analysis removed",
}


def notes(receipt: Receipt) -> Iterator[Text]:
    """Say what a reader should know of a run beside its figures.

    Args:
        receipt: The receipt.

    Yields:
        One paragraph for each thing; those that tell of a loss are yellow.
    """
    labels = {seat.seat_id: seat.label for seat in receipt.seats}

    def name(seat_id: str) -> str:
        return one_line(labels.get(seat_id, seat_id), 100)

    for lost in receipt.degraded:
        detail = f": {one_line(lost.detail, 600)}" if lost.detail else ""
        yield Text(
            f"Degraded: {name(lost.part)}: {one_line(lost.reason.replace('_', ' '), 200)}{detail}", style="yellow"
        )
    yield from _edits(receipt.edits, name)
    if receipt.limits is not None:
        yield _limits(receipt.limits)
    for (part, family), seats in _families(receipt).items():
        kin = ", ".join(name(seat_id) for seat_id in seats)
        yield Text(f"Same family: the {part} is {one_line(family, 60)}, as is {kin}; it may favour its own.")
    if receipt.citations is not None:
        yield _citations(receipt)
    if receipt.rung is not None and receipt.language_model_called:
        yield Text(f"Analysis by: {_RUNGS[receipt.rung]}.")
    if receipt.shown_order:
        order = ", ".join(f"{shown.label} = {name(shown.seat_id)}" for shown in receipt.shown_order)
        how = "blind, as" if receipt.blind else "with their names, as"
        yield Text(f"Drafts were shown {how} {order} (seed {receipt.seed}).")


def _edits(edits: Sequence[Edit], name: Callable[[str], str]) -> Iterator[Text]:
    """Say what a person changed, one line for each time the run waited."""
    for stage in get_args(Stage):
        changes = [
            _CHANGES[edit.what] if edit.seat_id is None else f"{name(edit.seat_id)} ({_CHANGES[edit.what]})"
            for edit in edits
            if edit.before == stage
        ]
        if changes:
            yield Text(f"A person changed before the {stage}: {', '.join(changes)}.")


def _limits(limits: Limits) -> Text:
    dear = f"{dollars(limits.counted_usd)} of {dollars(limits.max_cost_usd)}" if limits.max_cost_usd else ""
    long = f"{limits.counted_tokens:,} of {limits.max_total_tokens:,} tokens" if limits.max_total_tokens else ""
    return Text(f"Counted against the limit: {', '.join(part for part in (dear, long) if part)}.")


def _families(receipt: Receipt) -> dict[tuple[str, str], list[str]]:
    held: dict[tuple[str, str], list[str]] = {}
    for kin in receipt.kinship:
        held.setdefault((kin.part, kin.family), []).append(kin.seat_id)
    return held


def _citations(receipt: Receipt) -> Text:
    check = receipt.citations
    if check is None or check.citations == 0:
        return Text("Citations: none.")
    strange = len(check.unregistered)
    if strange:
        names = ", ".join(one_line(one, 80) for one in check.unregistered[:5])
        return Text(f"Citations: {check.citations}; {strange} of no registered source: {names}.", style="yellow")
    return Text(f"Citations: {check.citations}, all of registered sources.")

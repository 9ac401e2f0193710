"""Numbers and names as reports show them; what is unknown is called unknown."""

from __future__ import annotations

import math
from collections import Counter

from fusion_graph.evals.results import Configuration
from fusion_graph.evals.statistics.findings import Findings
from fusion_graph.evals.statistics.intervals import Mean
from fusion_graph.evals.statistics.pairs import Pair
from fusion_graph.evals.statistics.spending import Cost
from fusion_graph.terminal.clean import one_line

UNKNOWN = "unknown"
KINDS = {"solo": "solo", "panel": "panel", "control": "control"}
_LONGEST = 60


def labels(findings: Findings) -> dict[str, str]:
    """Choose what configurations are called: their label, or their name where labels are missing or the same.

    Args:
        findings: What was found.

    Returns:
        Harmless one-line texts by configuration name, no two alike.
    """
    configurations = [standing.configuration for standing in findings.standings]
    shown = {c.name: one_line(c.label or c.name, _LONGEST) or "(no name)" for c in configurations}
    counts = Counter(shown.values())
    return {
        c.name: shown[c.name] if counts[shown[c.name]] == 1 else _numbered(c, configurations.index(c) + 1)
        for c in configurations
    }


def _numbered(configuration: Configuration, number: int) -> str:
    return f"{one_line(configuration.name, _LONGEST - 6)} (#{number})"


def seat(configuration: Configuration, seat_id: str) -> str:
    """Name a seat: its id and, where the id only counts the seats, its model."""
    place = seat_id.removeprefix("seat-")
    model = configuration.seats[int(place) - 1] if place in map(str, range(1, len(configuration.seats) + 1)) else ""
    return one_line(f"{seat_id}: {model}" if model else seat_id, _LONGEST)


def number(value: float | None, digits: int = 1) -> str:
    """Show a number."""
    if value is None:
        return UNKNOWN
    shown = f"{value:.{digits}f}"
    return shown[1:] if shown.startswith("-") and not shown.strip("-0.") else shown


def signed(value: float | None, digits: int = 1) -> str:
    """Show a difference, with its sign."""
    shown = number(value, digits)
    return shown if value is None or shown.startswith("-") or not shown.strip("0.") else f"+{shown}"


def span(found: Mean | Pair, *, sign: bool = False) -> str:
    """Show an interval."""
    show = signed if sign else number
    return UNKNOWN if found.low is None or found.high is None else f"{show(found.low)} … {show(found.high)}"


def percent(share: float | None) -> str:
    """Show a share; one that is not exactly 0 or 1 is never shown as 0 % or 100 %."""
    if share is None:
        return UNKNOWN
    if 0 < share < 0.01:
        return "<1 %"
    return ">99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"


def dollars(value: float | None) -> str:
    """Show US dollars with three digits that count."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "$0"
    if value >= 1:
        return f"${value:,.2f}"
    shown = f"{value:.{2 - math.floor(math.log10(value))}f}".rstrip("0")
    return f"${shown.ljust(4, '0')}"


def cost(found: Cost) -> str:
    """Show a cost; a lower bound is marked as one."""
    if found.mean is None or not found.at_least:
        return dollars(found.mean)
    return f"≥ {dollars(found.mean)}" + (f" ({found.known}/{found.n} known)" if found.known < found.n else "")


def cost_span(found: Cost) -> str:
    """Show the interval of a cost."""
    return UNKNOWN if found.low is None or found.high is None else f"{dollars(found.low)} … {dollars(found.high)}"


def seconds(value: float | None) -> str:
    """Show a time."""
    if value is None:
        return UNKNOWN
    whole = round(value)
    if whole < 60:
        return f"{value:.1f} s" if value < 9.95 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"


def p_value(value: float | None) -> str:
    """Show a p value."""
    if value is None:
        return UNKNOWN
    return "<0.001" if value < 0.001 else f"{value:.3f}"

"""How a search's numbers are written."""

from __future__ import annotations

from fusion_graph.evals.optimize.search_file import CostUnit
from fusion_graph.evals.optimize.standings import Found, Standing
from fusion_graph.terminal.amounts import dollars

COLUMNS = ("preset", "configuration", "race", "held out, 95 %", "cost each", "frontier")
"""Score in the race, score on the tasks held out with its interval, probability of being on the frontier there."""
ALONE = "Measured alone. fusion ask lets the same model judge and write as well, which costs more than was measured."
"""What is said of a solo model: a preset always has a judge and a writer."""


def amount(value: float, unit: CostUnit) -> str:
    """Write a cost with its unit."""
    if unit == "usd":
        return dollars(value)
    return f"{value:.1f} s" if unit == "seconds" else f"{value:.1f} calls"


def cost_text(standing: Standing, unit: CostUnit) -> str:
    """Write what a configuration costs: on the tasks held out, else on those of the race."""
    held = standing.held_out_cost.mean
    least = ">= " if standing.cost_at_least else ""
    return least + amount(standing.cost if held is None else held, unit)


def held_out_text(standing: Standing) -> str:
    """Write the score on the tasks held out, in words."""
    if standing.held_out.mean is None:
        return "not scored on the tasks held out"
    return f"{_with_ends(standing)} on {standing.held_out.n} held out"


def cells(found: Found, *, full: bool) -> list[list[str]]:
    """Write the table of standings, without its head; with the models' full names if asked for."""
    return [_cells(standing, found.cost, full=full) for standing in found.standings]


def effort(found: Found) -> str:
    """Say how far the race went."""
    readings = f"{found.readings:,} answers on {len(found.development)} tasks"
    grid = f"{found.share:.1%} of all {found.space:,} configurations on all of them"
    return f"{found.candidates:,} configurations raced: {readings}, {grid}. {len(found.dropped):,} were dropped."


def spent(found: Found) -> str:
    """Say what it cost."""
    return f"Spent: {'at least ' if found.spent_at_least and found.spent_usd else ''}{dollars(found.spent_usd)}."


def alone(found: Found) -> str:
    """Say which presets are of a model that was measured alone, and what that means; empty if none is."""
    names = ", ".join(one.preset for one in found.standings if one.configuration.kind == "solo")
    return f"Solo: {names}. {ALONE}" if names else ""


def _cells(standing: Standing, unit: CostUnit, *, full: bool) -> list[str]:
    return [
        standing.preset,
        standing.configuration.label if full else standing.configuration.name,
        f"{standing.score:.1f}",
        _with_ends(standing),
        cost_text(standing, unit),
        "-" if standing.frontier is None else f"{standing.frontier:.0%}",
    ]


def _with_ends(standing: Standing) -> str:
    held = standing.held_out
    if held.mean is None:
        return "-"
    return f"{held.mean:.1f}" + (
        "" if held.low is None or held.high is None else f" ({held.low:.1f} to {held.high:.1f})"
    )

"""Numbers on coloured fields: domains, and every pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fusion_graph.evals.report import words
from fusion_graph.evals.report.pictures.style import BLUE, INK, MUTED, ORANGE, canvas, cut
from fusion_graph.evals.statistics.findings import Findings
from fusion_graph.terminal.clean import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NONE = "-"
_STRONGEST = 0.55
"""Opacity of the strongest field: text on it stays readable in either theme."""


def draw_domains(findings: Findings) -> Figure | None:
    """Draw each configuration's mean in each domain.

    Args:
        findings: What was found.

    Returns:
        The figure; `None` if tasks have no domains.
    """
    ranked = findings.ranked()
    names = sorted({domain for s in ranked for domain in s.domains})
    if not names:
        return None
    figure = canvas(max(7.0, 3.4 + 0.72 * len(names)), 2.4 + 0.36 * len(ranked))
    axes = figure.subplots()
    known = [m for s in ranked for d in s.domains.values() if (m := d.mean) is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    for y, standing in enumerate(ranked):
        for x, name in enumerate(names):
            mean = standing.domains[name].mean
            strength = 0.0 if mean is None else 0.06 + (_STRONGEST - 0.06) * (mean - low) / max(high - low, 1e-9)
            _field(axes, x, y, BLUE, strength, words.number(mean, 0) if mean is not None else _NONE)
    most = {name: max(s.domains[name].n for s in ranked) for name in names}
    above = [f"{cut(one_line(name), 26)}  n {most[name]}" for name in names]
    _frame(axes, above, [cut(words.labels(findings)[s.configuration.name]) for s in ranked])
    axes.set_title("Domains: mean score (descriptive, few tasks each)")
    return figure


def draw_pairs(findings: Findings) -> Figure | None:
    """Draw every pair's difference, the row's configuration minus the column's.

    Args:
        findings: What was found.

    Returns:
        The figure; `None` with fewer than two configurations.
    """
    ranked = [s.configuration.name for s in findings.ranked()]
    if len(ranked) < 2:
        return None
    place = {name: i for i, name in enumerate(ranked)}
    figure = canvas(max(7.0, 3.6 + 0.8 * len(ranked)), 2.6 + 0.42 * len(ranked))
    axes = figure.subplots()
    largest = max((abs(p.difference) for p in findings.pairs if p.difference is not None), default=1.0) or 1.0
    for pair in findings.pairs:
        found = pair.turned() if place[pair.a] > place[pair.b] else pair
        for one in (found, found.turned()):
            sure = one.p_holm is not None and one.p_holm < 1 - findings.level
            strength = 0.0 if one.difference is None else _STRONGEST * abs(one.difference) / largest
            colour = BLUE if (one.difference or 0) > 0 else ORANGE
            text = words.signed(one.difference) if one.difference is not None else _NONE
            _field(axes, place[one.b], place[one.a], colour, strength, text, bold=sure)
    for i in range(len(ranked)):
        _field(axes, i, i, BLUE, 0.0, "")
    shown = [cut(words.labels(findings)[name], 32) for name in ranked]
    _frame(axes, shown, shown)
    axes.set_title(f"Row minus column, in points (bold: p < {1 - findings.level:.2f} after Holm)")
    return figure


def _field(axes: Axes, x: int, y: int, colour: str, strength: float, text: str, *, bold: bool = False) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    axes.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=colour, alpha=strength, linewidth=0))
    tint = INK if text != _NONE else MUTED
    axes.text(x, y, text, ha="center", va="center", fontsize=9, color=tint, fontweight="bold" if bold else "normal")


def _frame(axes: Axes, above: list[str], beside: list[str]) -> None:
    axes.set_xlim(-0.5, len(above) - 0.5)
    axes.set_ylim(len(beside) - 0.5, -0.5)
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(above)), labels=above, fontsize=9, rotation=35, ha="left", rotation_mode="anchor")
    axes.set_yticks(range(len(beside)), labels=beside, fontsize=9)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)

"""The picture of score against cost, with the frontier that no configuration is beaten on."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fusion_graph.evals.report import words
from fusion_graph.evals.report.pictures.labels import Box, write_labels
from fusion_graph.evals.report.pictures.style import COLOURS, INK, MUTED, PAPER, SHAPES, canvas, cut, key
from fusion_graph.evals.statistics.findings import Findings, Standing
from fusion_graph.terminal.clean import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NOTHING = 4.0
"""How many times further left than the cheapest paid answer one that cost nothing stands, on the log axis."""


def draw_frontier(findings: Findings) -> Figure | None:
    """Draw score against cost.

    Args:
        findings: What was found.

    Returns:
        The figure; `None` if no configuration has both a score and any known cost.
    """
    shown = [s for s in findings.ranked() if s.score.mean is not None and s.cost.mean is not None]
    if not shown:
        return None
    figure = canvas(9.6, 6.2)
    axes = figure.subplots()
    places = _places(shown)
    for standing in shown:
        _point(axes, standing, places[standing.configuration.name], places)
    _scale(axes, shown, places)
    steps = _steps(axes, shown, places)
    _staircase(axes, steps)
    _words(axes, findings, [s for s in findings.ranked() if s not in shown])
    key(axes, [s.configuration.kind for s in shown], loc="lower right")
    figure.canvas.draw()
    figure.set_layout_engine("none")
    named = words.labels(findings)
    points = [(places[s.configuration.name], s.score.mean or 0.0) for s in shown]
    texts = [_text(s, named[s.configuration.name]) for s in shown]
    for text in write_labels(axes, points, texts, _obstacles(axes, shown, places, steps)):
        text.set_gid("label")
    return figure


def _places(shown: Sequence[Standing]) -> dict[str, float]:
    paid = [s.cost.mean for s in shown if s.cost.mean]
    nothing = min(paid) / _NOTHING if paid else 0.1
    return {s.configuration.name: s.cost.mean or nothing for s in shown}


def _point(axes: Axes, standing: Standing, x: float, places: dict[str, float]) -> None:
    kind, score, cost = standing.configuration.kind, standing.score, standing.cost
    colour, y = COLOURS[kind], score.mean or 0.0
    if score.low is not None and score.high is not None:
        axes.plot([x, x], [score.low, score.high], color=colour, linewidth=1.1, alpha=0.75)
    if cost.low is not None and cost.high is not None and cost.mean:
        axes.plot([max(cost.low, min(places.values())), cost.high], [y, y], color=colour, linewidth=1.1, alpha=0.75)
    if cost.at_least:
        axes.annotate(
            "", (x, y), xytext=(26, 0), textcoords="offset points", arrowprops={"arrowstyle": "<-", "color": colour}
        )
    face = PAPER if cost.at_least else colour
    axes.plot(x, y, marker=SHAPES[kind], color=colour, markerfacecolor=face, markersize=9, zorder=3)


def _scale(axes: Axes, shown: Sequence[Standing], places: dict[str, float]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator  # noqa: PLC0415

    axes.set_xscale("log")
    reach = [v for s in shown for v in (places[s.configuration.name], s.cost.low or 0.0, s.cost.high or 0.0) if v > 0]
    low, high = min(reach) / 1.5, max(reach) * 1.5
    axes.set_xlim(low, high)
    free = min((s.cost.mean or 0.0) for s in shown) == 0
    ticks = [t for t in _round_numbers(low, high) if not free or t > min(places.values()) * 2]
    ticks = ([min(places.values())] if free else []) + ticks
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: "$0" if free and value == ticks[0] else words.dollars(value))
    )
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    heights = [v for s in shown for v in (s.score.low, s.score.high, s.score.mean) if v is not None]
    room = max(2.0, 0.12 * (max(heights) - min(heights)))
    axes.set_ylim(max(-1.0, min(heights) - room), min(104.0, max(heights) + room))


def _round_numbers(low: float, high: float) -> list[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1.0, 2.0, 5.0) if high / low < 300 else (1.0,)
    return [step * 10.0**e for e in exponents for step in steps if low <= step * 10.0**e <= high]


def _steps(axes: Axes, shown: Sequence[Standing], places: dict[str, float]) -> list[tuple[float, float]]:
    best = sorted((places[s.configuration.name], s.score.mean or 0.0) for s in shown if s.on_frontier)
    return [*best, (axes.get_xlim()[1], best[-1][1])] if best else []


def _staircase(axes: Axes, steps: Sequence[tuple[float, float]]) -> None:
    look: dict[str, Any] = {"color": INK, "linewidth": 1.2, "linestyle": (0, (5, 3)), "alpha": 0.8}
    axes.step([x for x, _ in steps], [y for _, y in steps], where="post", zorder=1.5, **look)


def _words(axes: Axes, findings: Findings, left_out: Sequence[Standing]) -> None:
    named = words.labels(findings)
    axes.set_ylabel("score")
    below = f"US dollars per task, log scale, grading not counted; whiskers: {findings.level * 100:.0f} % intervals"
    if left_out:
        names = ", ".join(cut(named[s.configuration.name], 32) for s in left_out)
        below += "\n" + textwrap.fill(f"Not shown, cost or score unknown: {names}", 110)
    axes.set_xlabel(below)
    graded = one_line(findings.grading.judge or findings.grading.scorer, 50)
    axes.set_title("Score against cost\n", loc="left")
    axes.annotate(
        f"{one_line(findings.dataset, 40)}, {findings.tasks} tasks, graded by {graded}; dashed: the frontier; "
        "percent: probability of being on it",
        (0, 1), xytext=(0, 6), xycoords="axes fraction", textcoords="offset points", color=MUTED, fontsize=9,
    )  # fmt: skip


def _text(standing: Standing, label: str) -> dict[str, Any]:
    name = cut(label, 40)
    if standing.frontier is None:
        shown = f"{name}\ncosts at least {words.dollars(standing.cost.mean)}"
    else:
        shown = f"{name}\n{words.percent(standing.frontier)}"
    weight = "bold" if standing.on_frontier else "normal"
    return {"text": shown, "fontsize": 8.5, "fontweight": weight, "color": INK, "linespacing": 1.15}


def _obstacles(
    axes: Axes, shown: Sequence[Standing], places: dict[str, float], steps: Sequence[tuple[float, float]]
) -> list[Box]:
    lines = []
    for s in shown:
        x, y = places[s.configuration.name], s.score.mean or 0.0
        lines.append(((x, s.score.low or y), (x, s.score.high or y)))
        lines.append(((s.cost.low or x, y), (s.cost.high or x * (1.25 if s.cost.at_least else 1), y)))
    for before, after in pairwise(steps):
        corner = (after[0], before[1])
        lines += [(before, corner), (corner, after)]
    return [_line(axes, *line) for line in lines]


def _line(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> Box:
    (left, bottom), (right, top) = axes.transData.transform([start, end]).tolist()
    return Box(min(left, right) - 1, min(bottom, top) - 1, max(left, right) + 1, max(bottom, top) + 1)

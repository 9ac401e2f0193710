"""Dots with whiskers: scores, axes, cost and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fusion_graph.evals.report import words
from fusion_graph.evals.report.pictures.style import COLOURS, INK, MUTED, PAPER, SHAPES, canvas, cut, key
from fusion_graph.evals.statistics.findings import Findings, Standing
from fusion_graph.evals.statistics.intervals import Mean
from fusion_graph.terminal.clean import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 0.42
_MOST_AXES = 4


def draw_scores(findings: Findings) -> Figure:
    """Draw each configuration's score with its interval, best on top.

    Args:
        findings: What was found.

    Returns:
        The figure.
    """
    ranked = findings.ranked()
    figure = canvas(9.6, 1.75 + _ROW * len(ranked))
    axes = figure.subplots()
    _rows(axes, ranked, words.labels(findings))
    known = [
        value for s in ranked for value in (s.score.low, s.score.high, s.score.mean, s.common.mean) if value is not None
    ]
    _limits(axes, known)
    right = axes.get_xlim()[1]
    for y, standing in enumerate(ranked):
        _dot(axes, y, standing.score, standing.configuration.kind)
        if standing.common.mean is not None:
            axes.plot(standing.common.mean, y + 0.2, marker="|", color=INK, markersize=8, markeredgewidth=1.6)
        shown = f"{words.number(standing.score.mean)}   {words.span(standing.score)}   n {standing.score.n}"
        axes.text(right, y, f"   {shown}", va="center", fontsize=9, clip_on=False)
    axes.set_xlabel(
        f"score, {findings.level * 100:.0f} % interval over tasks; failures count 0.   "
        f"| the mean over the {findings.common_tasks} common tasks"
    )
    _title(axes, findings, "Score")
    key(figure, [s.configuration.kind for s in ranked], loc="upper right", ncols=3, borderaxespad=0.2)
    return figure


def draw_axes(findings: Findings) -> Figure | None:
    """Draw each configuration's score on each axis.

    Args:
        findings: What was found.

    Returns:
        The figure; `None` if there are no axes.
    """
    ranked = findings.ranked()
    names = list(dict.fromkeys(axis for s in ranked for axis in s.axes))
    if not names:
        return None
    across = min(len(names), _MOST_AXES)
    down = -(-len(names) // across)
    figure = canvas(2.6 + 2.5 * across, (1.0 + _ROW * len(ranked)) * down + 0.5)
    grid = figure.subplots(down, across, sharey=True, squeeze=False)
    for place, name in zip(grid.flat, names, strict=False):
        _rows(place, ranked, words.labels(findings))
        found = [s.axes[name] for s in ranked]
        _limits(place, [v for mean in found for v in (mean.low, mean.high, mean.mean) if v is not None])
        for y, standing in enumerate(ranked):
            _dot(place, y, standing.axes[name], standing.configuration.kind)
        place.set_title(cut(one_line(name), 30).replace("-", " "), fontsize=9.5)
    for place in list(grid.flat)[len(names) :]:
        place.set_visible(False)
    figure.suptitle("Axes: score of each section", x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    return figure


def draw_spending(findings: Findings) -> Figure | None:
    """Draw what an answer cost and how long it took, as far as that is known.

    Args:
        findings: What was found.

    Returns:
        The figure; `None` if nothing is known.
    """
    ranked = findings.ranked()
    costs = {y: s for y, s in enumerate(ranked) if s.cost.mean is not None}
    times = {y: s for y, s in enumerate(ranked) if s.seconds.mean is not None}
    if not costs and not times:
        return None
    figure = canvas(9.6, 1.5 + _ROW * len(ranked))
    left, right = figure.subplots(1, 2, sharey=True)
    for place in (left, right):
        _rows(place, ranked, words.labels(findings))
    for y, standing in enumerate(ranked):
        _cost(left, y, standing)
        _time(right, y, standing)
    _measure(left, "US dollars per task", words.dollars, any_known=bool(costs))
    _measure(right, "Time per task: median, to 9 in 10", words.seconds, any_known=bool(times))
    return figure


def _measure(axes: Axes, title: str, show: Callable[[float], str], *, any_known: bool) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415

    axes.set_title(title)
    axes.margins(x=0.3)
    axes.autoscale_view()
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))
    if not any_known:
        axes.set_xticks([])


def _cost(axes: Axes, y: int, standing: Standing) -> None:
    cost, kind = standing.cost, standing.configuration.kind
    if cost.mean is None:
        axes.text(0, y, "  unknown", color=MUTED, va="center", fontsize=9)
        return
    _dot(axes, y, Mean(mean=cost.mean, low=cost.low, high=cost.high, n=cost.n), kind, hollow=cost.at_least)
    axes.text(cost.high or cost.mean, y, f"   {words.cost(cost)}", va="center", fontsize=9)


def _time(axes: Axes, y: int, standing: Standing) -> None:
    seconds, kind = standing.seconds, standing.configuration.kind
    if seconds.median is None or seconds.p90 is None:
        axes.text(0, y, "  unknown", color=MUTED, va="center", fontsize=9)
        return
    axes.plot([seconds.median, seconds.p90], [y, y], color=COLOURS[kind], linewidth=1.6)
    axes.plot(seconds.median, y, marker=SHAPES[kind], color=COLOURS[kind], markersize=7, clip_on=False)
    axes.text(seconds.p90, y, f"   {words.seconds(seconds.median)}", va="center", fontsize=9)


def _rows(axes: Axes, ranked: Sequence[Standing], named: dict[str, str]) -> None:
    shown = [cut(named[s.configuration.name]) for s in ranked]
    axes.set_yticks(range(len(ranked)), labels=shown)
    axes.set_ylim(len(ranked) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)


def _dot(axes: Axes, y: float, mean: Mean, kind: str, *, hollow: bool = False) -> None:
    if mean.mean is None:
        return
    if mean.low is not None and mean.high is not None:
        axes.plot([mean.low, mean.high], [y, y], color=COLOURS[kind], linewidth=1.8, solid_capstyle="butt")
    face = PAPER if hollow else COLOURS[kind]
    axes.plot(
        mean.mean,
        y,
        marker=SHAPES[kind],
        color=COLOURS[kind],
        markerfacecolor=face,
        markersize=7,
        linestyle="",
        clip_on=False,
    )


def _limits(axes: Axes, values: Sequence[float]) -> None:
    if values:
        low, high = min(values), max(values)
        room = max(1.0, 0.05 * (high - low))
        axes.set_xlim(max(0.0, low - room), min(101.0, high + room))


def _title(axes: Axes, findings: Findings, title: str) -> None:
    graded = one_line(findings.grading.judge or findings.grading.scorer, 50)
    shown = f"{one_line(findings.dataset, 40)}, {findings.tasks} tasks, graded by {graded}"
    axes.set_title(f"{title}\n", loc="left")
    axes.annotate(
        shown, (0, 1), xytext=(0, 6), xycoords="axes fraction", textcoords="offset points", color=MUTED, fontsize=9
    )

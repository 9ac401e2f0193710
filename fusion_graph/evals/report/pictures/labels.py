"""Names beside points, placed so that none covers another, a point or a whisker more than it must."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fusion_graph.evals.report.pictures.style import MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

_DISTANCES = (9, 14, 20, 28, 38, 50, 64, 82, 104, 130, 160, 200, 250)
_DIRECTIONS = 16
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def shared(self, other: Box) -> float:
        """Give the area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return width * height if width > 0 and height > 0 else 0.0

    def outside(self, other: Box) -> float:
        """Give how far this one reaches out of the other, on all sides together."""
        beyond = (
            other.left - self.left,
            self.right - other.right,
            other.bottom - self.bottom,
            self.top - other.top,
        )
        return sum(max(0.0, far) for far in beyond)


def write_labels(
    axes: Axes, points: Sequence[tuple[float, float]], texts: Sequence[Any], obstacles: Sequence[Box]
) -> list[Text]:
    """Write a text beside each point.

    Args:
        axes: Where; its limits and the figure's layout are final.
        points: In data coordinates.
        texts: One for each point: keyword arguments of `Axes.annotate`, `text` among them.
        obstacles: What is better not covered, in pixels: whiskers and lines.

    Returns:
        The texts as they were placed.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101 - axes always have one; the type allows for removed ones
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    at = [tuple(map(float, axes.transData.transform(point))) for point in points]
    drawn = [_annotate(axes, point, text) for point, text in zip(points, texts, strict=True)]
    sizes = [_size(text.get_window_extent(renderer)) for text in drawn]
    markers = [Box(x - 6, y - 6, x + 6, y + 6) for x, y in at]
    inside = _box(axes.get_window_extent(renderer))
    placed: list[Box | None] = [None] * len(at)
    scale = 72 / figure.dpi
    for _ in range(_ROUNDS):
        for i, (x, y) in enumerate(at):
            others = [box for k, box in enumerate(placed) if k != i and box is not None]
            placed[i] = min(
                _candidates(x, y, sizes[i]),
                key=lambda box: _badness(box, (x, y), others, markers, obstacles, inside),
            )
    for (x, y), box, text in zip(at, placed, drawn, strict=True):
        if box is not None:
            text.set_position((((box.left + box.right) / 2 - x) * scale, ((box.bottom + box.top) / 2 - y) * scale))
            text.arrow_patch.set_visible(_distance(box, x, y) > 12)  # type: ignore[attr-defined]
    return list(drawn)


def _annotate(axes: Axes, point: tuple[float, float], text: dict[str, Any]) -> Text:
    line = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 5}
    return axes.annotate(
        xy=point, xytext=(0, 0), textcoords="offset points", ha="center", va="center", arrowprops=line, **text
    )


def _candidates(x: float, y: float, size: tuple[float, float]) -> Iterator[Box]:
    width, height = size
    for distance in _DISTANCES:
        for k in range(_DIRECTIONS):
            angle = 2 * math.pi * k / _DIRECTIONS
            dx, dy = math.cos(angle), math.sin(angle)
            centre_x = x + dx * distance + (width / 2) * _side(dx)
            centre_y = y + dy * distance + (height / 2) * _side(dy)
            yield Box(centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2)


def _side(component: float) -> float:
    return max(-1.0, min(1.0, 1.4 * component))


def _badness(
    box: Box,
    point: tuple[float, float],
    labels: Sequence[Box],
    markers: Sequence[Box],
    obstacles: Sequence[Box],
    inside: Box,
) -> float:
    covered = 20 * sum(box.shared(other) > 0 for other in labels) * 1e3
    covered += 2e3 * sum(box.shared(marker) > 0 for marker in markers)
    covered += 1e5 * (box.outside(inside) > 0) + 1e3 * box.outside(inside)
    covered += 40 * sum(box.shared(other) > 0 for other in obstacles)
    return covered + _distance(box, *point)


def _distance(box: Box, x: float, y: float) -> float:
    return math.hypot(max(box.left - x, 0, x - box.right), max(box.bottom - y, 0, y - box.top))


def _size(extent: Bbox) -> tuple[float, float]:
    return float(extent.width) + 6, float(extent.height) + 4


def _box(extent: Bbox) -> Box:
    return Box(float(extent.x0), float(extent.y0), float(extent.x1), float(extent.y1))

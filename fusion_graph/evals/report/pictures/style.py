"""How pictures look: one palette that colour-blind people tell apart, and shapes that say the same."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fusion_graph.errors import missing_package

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1a1f26", "#5c6673", "#dde2e8", "#fffffe"
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#00815a"
COLOURS = {"solo": BLUE, "panel": ORANGE, "control": GREEN}
"""After Okabe and Ito (2008), "Color Universal Design"; the green is darker, for contrast on white."""
SHAPES = {"solo": "o", "panel": "D", "control": "^"}
VARIABLES = {
    INK: "--ink", MUTED: "--muted", GRID: "--grid", PAPER: "--paper",
    BLUE: "--solo", ORANGE: "--panel", GREEN: "--control",
}  # fmt: skip
"""What each colour is called in the page's style sheet, so that a picture in a page follows its theme."""

_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "text.parse_math": False,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "svg.fonttype": "path",
    "svg.hashsalt": "fusion-graph",
    "figure.dpi": 100,
    "savefig.dpi": 160,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture.

    Attributes:
        name: What its files are called.
        title: What it shows, in words.
        svg: As a file of its own.
        png: The same in pixels.
    """

    name: str
    title: str
    svg: str
    png: bytes

    def inline(self) -> str:
        """Give the SVG for a page: colours by the page's variables, ids of its own, no background."""
        body = self.svg[self.svg.index("<svg") :]
        body = re.sub(r"<metadata>.*?</metadata>", "", body, count=1, flags=re.DOTALL)
        body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
        body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{self.name}-", body)
        for colour, variable in VARIABLES.items():
            body = body.replace(colour, f"var({variable})")
        found = re.match(r'<svg [^>]*?viewBox="0 0 ([0-9.]+) ([0-9.]+)"[^>]*>', body)
        if found is None:
            raise ValueError(f"the picture {self.name} has no size")
        width, height = found.groups()
        links = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
        opening = f'<svg viewBox="0 0 {width} {height}" style="max-width: {float(width):.0f}pt" {links}>'
        return opening + body[found.end() :]


def canvas(width: float, height: float) -> Figure:
    """Make an empty figure.

    Args:
        width: In inches.
        height: In inches.

    Returns:
        The figure, on a canvas that needs no display.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


@contextmanager
def settings() -> Iterator[None]:
    """Give the context in which pictures are drawn and saved.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context  # noqa: PLC0415 - the extra `evals`
    except ImportError as error:
        raise missing_package("matplotlib", "evals", "a picture of an evaluation") from error

    with warnings.catch_warnings(), rc_context(_SETTINGS):  # type: ignore[arg-type]  # its stub wants literal keys
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a name in a script the font lacks shows boxes
        yield


def finish(figure: Figure, name: str, title: str) -> Picture:
    """Save a figure in both forms, the same bytes for the same figure.

    Args:
        figure: The figure; it is not drawn on any more.
        name: What its files are called.
        title: What it shows.

    Returns:
        The picture.
    """
    vector, pixels = io.StringIO(), io.BytesIO()
    figure.savefig(vector, format="svg", metadata={"Date": None, "Creator": None})
    figure.savefig(pixels, format="png", metadata={"Software": None})
    return Picture(name, title, vector.getvalue(), pixels.getvalue())


def key(place: Axes | Figure, kinds: list[str], **options: Any) -> None:
    """Explain shapes and colours.

    Args:
        place: Where.
        kinds: The kinds of configurations that are shown.
        options: What matplotlib's legend takes.
    """
    from matplotlib.lines import Line2D  # noqa: PLC0415

    handles = [
        Line2D([], [], linestyle="", marker=SHAPES[kind], color=COLOURS[kind], markersize=7, label=kind)
        for kind in SHAPES
        if kind in kinds
    ]
    place.legend(handles=handles, frameon=False, labelcolor=INK, **options)


def cut(text: str, length: int = 40) -> str:
    """Cut a name visibly."""
    return text if len(text) <= length else f"{text[: length - 1]}…"

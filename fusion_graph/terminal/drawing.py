"""`fusion graph`: the graphs as they are compiled, as Mermaid text or as a picture."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from fusion_graph.errors import ConfigError, missing_package
from fusion_graph.terminal.exits import BAD_INPUT, FAILED, OK

GraphName = Literal["fusion", "deliberation", "fusion_agent"]
Format = Literal["mermaid", "png"]
ONLINE_NOTE = "sends the drawing, node names only, to the web service mermaid.ink"


def draw(name: GraphName, picture: Format, output: Path | None, *, online: bool) -> int:
    """Draw a graph.

    Args:
        name: Which one.
        picture: `mermaid` for text, `png` for a picture.
        output: File to write; standard output when unset.
        online: Whether a web service may draw the picture.

    Returns:
        The exit code.
    """
    from fusion_graph.terminal.consoles import Screen  # noqa: PLC0415 - nothing of it is needed for `--help`

    screen = Screen.open(color=True)
    try:
        data = _drawn(name, picture, online=online, to_terminal=output is None and sys.stdout.isatty())
        if output is not None:
            _write(output, data)
    except ConfigError as error:
        screen.error(str(error))
        return BAD_INPUT
    except _ServiceError as error:
        screen.error(str(error))
        return FAILED
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    return OK


class _ServiceError(Exception):
    """The web service did not draw."""


def _drawn(name: GraphName, picture: Format, *, online: bool, to_terminal: bool) -> bytes:
    if picture == "mermaid":
        return str(_compiled(name).draw_mermaid()).encode()
    if to_terminal:
        raise ConfigError("--format png: a terminal shows no picture; write it to a file with --output graph.png")
    if online:
        return _drawn_by_service(name)
    if importlib.util.find_spec("pygraphviz") is None:
        hint = missing_package("pygraphviz", "draw", "--format png")
        raise ConfigError(f"{hint}; or --online, which {ONLINE_NOTE}; or --format mermaid, which needs neither")
    return bytes(_compiled(name).draw_png(None))


def _drawn_by_service(name: GraphName) -> bytes:
    sys.stderr.write(f"--online: {ONLINE_NOTE}\n")
    drawing = _compiled(name)
    try:
        return bytes(drawing.draw_mermaid_png())
    except Exception as error:
        raise _ServiceError(f"--online: mermaid.ink did not draw: {error}") from error


def _compiled(name: GraphName) -> Any:
    """Build a graph for drawing; no model is resolved and no key is read."""
    from fusion_graph import (  # noqa: PLC0415
        Resources,
        build_deliberation_graph,
        build_fusion_agent,
        build_fusion_graph,
    )

    builders: Mapping[GraphName, Callable[..., Any]] = {
        "fusion": build_fusion_graph,
        "deliberation": build_deliberation_graph,
        "fusion_agent": build_fusion_agent,
    }
    return builders[name](resources=Resources()).get_graph()


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"--output: {str(path)!r} cannot be written: {error}") from error

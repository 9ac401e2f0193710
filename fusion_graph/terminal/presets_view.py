"""`fusion presets`: the named panels there are."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fusion_graph.errors import ConfigError
from fusion_graph.presets import Catalog, load_catalog
from fusion_graph.resources import Resources
from fusion_graph.terminal.clean import one_line
from fusion_graph.terminal.exits import BAD_INPUT, OK


def presets(file: Path | None, *, as_json: bool) -> int:
    """Print the presets.

    Args:
        file: The user's own presets, over those of `FUSION_PRESETS`.
        as_json: Whether to print a JSON array in place of a table.

    Returns:
        The exit code.
    """
    from fusion_graph.terminal.consoles import Screen  # noqa: PLC0415 - rich is not needed for JSON

    try:
        catalog = load_catalog(file or Resources.from_env().presets)
    except ConfigError as error:
        Screen.open(color=True).error(str(error))
        return BAD_INPUT
    if as_json:
        sys.stdout.write(json.dumps([_entry(catalog, name) for name in catalog.presets], indent=2) + "\n")
        return OK
    _table(catalog)
    return OK


def _entry(catalog: Catalog, name: str) -> dict[str, Any]:
    fields = catalog.presets[name].model_dump(mode="json", exclude_unset=True)
    return {"name": name, "description": catalog.descriptions.get(name, ""), **fields}


def _table(catalog: Catalog) -> None:
    from rich.box import ROUNDED  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from fusion_graph.terminal.consoles import Screen  # noqa: PLC0415

    table = Table(box=ROUNDED, border_style="dim", header_style="bold", show_lines=True)
    table.add_column("name", no_wrap=True, style="bold")
    table.add_column("description, panel, judge", overflow="fold")
    for name, preset in catalog.presets.items():
        seats = ", ".join(one_line(seat.model, 300) for seat in preset.seats()) or "none of its own"
        judge = one_line(preset.judge or "the first seat's model")
        said = Text.assemble(
            one_line(catalog.descriptions.get(name, "")), ("\npanel  ", "dim"), seats, ("\njudge  ", "dim"), judge
        )
        table.add_row(one_line(name, 100), said)
    Screen.open(color=True).out.print(table)

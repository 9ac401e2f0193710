"""`fusion doctor`: what works here, and the fix for what does not."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fusion_graph.http import close_http_client
from fusion_graph.terminal.clean import one_line
from fusion_graph.terminal.exits import FAILED, OK

if TYPE_CHECKING:
    from fusion_graph.doctor import Check

_STYLE = {"ok": "green", "off": "dim", "problem": "bold red"}


def doctor(*, as_json: bool, live: bool) -> int:
    """Print what was found.

    Args:
        as_json: Whether to print a JSON array in place of lines.
        live: Whether to make one small call to each model of the default panel.

    Returns:
        The exit code: 1 if anything that is set up does not work.
    """
    checks = asyncio.run(_examined(live=live))
    if as_json:
        sys.stdout.write(json.dumps([check.as_dict() for check in checks], indent=2) + "\n")
    else:
        _show(checks)
    return FAILED if any(check.state == "problem" for check in checks) else OK


async def _examined(*, live: bool) -> list[Check]:
    from fusion_graph.doctor import examine_here  # noqa: PLC0415 - it loads the model and tool packages

    try:
        return await examine_here(live=live)
    finally:
        await close_http_client()


def _show(checks: Sequence[Check]) -> None:
    from rich.text import Text  # noqa: PLC0415

    from fusion_graph.terminal.consoles import Screen, say  # noqa: PLC0415

    out = Screen.open(color=True).out
    group = ""
    for check in checks:
        if check.group != group:
            group = check.group
            say(out, Text(f"\n{group}", style="bold"))
        found = (
            (f"  {check.state:8}", _STYLE[check.state]),
            f"{one_line(check.name, 60)}: {one_line(check.detail, 600)}",
        )
        say(out, Text.assemble(*found))
        if check.fix and check.state != "ok":
            say(out, Text(f"          → {one_line(check.fix, 200)}", style="dim"))

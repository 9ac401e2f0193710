"""What a search leaves in its folder: presets, the report in two forms, and the frontier's held-out answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fusion_graph.evals.experiment_file import write_experiment
from fusion_graph.evals.optimize.hunt import Hunt
from fusion_graph.evals.optimize.preset_file import write_presets
from fusion_graph.evals.optimize.standings import Found
from fusion_graph.evals.optimize.words import COLUMNS, alone, cells, effort, spent

PRESETS_FILE, REPORT_JSON, REPORT_MARKDOWN = "presets.toml", "report.json", "report.md"


async def write_found(hunt: Hunt, found: Found, folder: Path) -> None:
    """Write all files, in place of earlier ones.

    Args:
        hunt: The search, at its end.
        found: What it found, with one standing at least.
        folder: Where to.
    """
    await asyncio.to_thread(write_presets, folder / PRESETS_FILE, found, hunt.plans)
    await asyncio.to_thread((folder / REPORT_JSON).write_text, found.model_dump_json(indent=1) + "\n", "utf-8")
    await asyncio.to_thread((folder / REPORT_MARKDOWN).write_text, markdown(found), "utf-8")
    await write_experiment(hunt.held_out_bench(), folder)


def markdown(found: Found) -> str:
    """Write the report as Markdown."""
    state = "" if found.complete else f"**Not complete**: {found.why_stopped or 'some answers are missing'}.\n\n"
    rows = [list(COLUMNS), ["---", "---", *["---:"] * (len(COLUMNS) - 2)], *cells(found, full=True)]
    table = "\n".join(f"| {' | '.join(one.replace('|', chr(92) + '|') for one in row)} |" for row in rows)
    solo = f"\n{said}\n" if (said := alone(found)) else ""
    return (
        f"# {found.name}: score against cost on {found.dataset}\n\n{state}{table}\n{solo}\n{effort(found)} "
        f"{spent(found)}\n\nConfigurations were chosen by the race, so its scores flatter them; those on the "
        f"{len(found.held_out)} tasks held out do not. Intervals and probabilities are over these tasks.\n"
    )

"""The frontier as presets: a file in the form of `presets.toml`, which `fusion ask --presets-file` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fusion_graph.errors import missing_package
from fusion_graph.evals.configurations import Plan
from fusion_graph.evals.optimize.standings import Found, Standing
from fusion_graph.evals.optimize.words import ALONE, cost_text, held_out_text


def toml_writer() -> Callable[[Mapping[str, Any]], str]:
    """Return what writes TOML.

    Raises:
        MissingPackageError: tomli-w is not installed.
    """
    try:
        import tomli_w  # noqa: PLC0415 - optional
    except ImportError as error:
        raise missing_package("tomli-w", "evals", "a preset file") from error
    return tomli_w.dumps


def preset_text(found: Found, plans: Sequence[Plan]) -> str:
    """Write the presets.

    Args:
        found: What a search found.
        plans: The configurations of its standings.

    Returns:
        TOML.

    Raises:
        MissingPackageError: tomli-w is not installed.
    """
    presets = {
        standing.preset: {"description": _description(standing, found), **_settings(plan)}
        for standing, plan in zip(found.standings, plans, strict=True)
    }
    scope = "" if found.complete else "# The search did not end: these are the best so far.\n"
    head = f"# Found by `fusion optimize` on {found.dataset}, sha256 {found.sha256}, for `fusion ask --presets-file`.\n"
    return f"{head}{scope}\n{toml_writer()({'presets': presets})}"


def write_presets(path: Path, found: Found, plans: Sequence[Plan]) -> None:
    """Write the preset file, in place of an earlier one.

    Args:
        path: Where to.
        found: What a search found.
        plans: The configurations of its standings.
    """
    draft = path.with_suffix(".partial")
    draft.write_text(preset_text(found, plans), "utf-8")
    draft.replace(path)


def _settings(plan: Plan) -> dict[str, Any]:
    others = {"judge", "writer"} if plan.way == "solo" else set()  # named by the defaults, and never asked
    return plan.config.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude={"preset", *others})


def _description(standing: Standing, found: Found) -> str:
    raced = f"score {standing.score:.1f} on {standing.tasks} tasks of the race"
    measured = f"{raced}, {held_out_text(standing)}; {cost_text(standing, found.cost)} each."
    alone = f" {ALONE}" if standing.configuration.kind == "solo" else ""
    return measured[0].upper() + measured[1:] + alone

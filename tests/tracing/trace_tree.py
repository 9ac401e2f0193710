"""Runs of a trace: one at a time, checked as a whole, and drawn as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

SHOWN = (
    "seat_id",
    "outcome",
    "status",
    "requested_model",
    "served_model",
    "rung",
    "drafts",
    "degraded",
    "cost_usd",
    "cost_is",
)
TOLERANCE = 0.05
"""Seconds by which a cancelled model call may seem to outlive what called it: it is ended right after."""


@dataclass(frozen=True)
class Traced:
    """One run as it arrived, its beginning and its end put together."""

    facts: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.facts.get(name)

    @property
    def metadata(self) -> dict[str, Any]:
        """What can be filtered by."""
        found: dict[str, Any] = self.facts["extra"]["metadata"]
        return found

    @property
    def started(self) -> float:
        """Unix time in seconds."""
        return datetime.fromisoformat(self.facts["start_time"]).timestamp()

    @property
    def ended(self) -> float:
        """Unix time in seconds."""
        return datetime.fromisoformat(self.facts["end_time"]).timestamp()


def assert_whole(runs: Sequence[Traced], root: str) -> Traced:
    """Check that runs are one tree, every run ended, every child within its parent; return the root."""
    roots = [run for run in runs if run.parent_run_id is None]
    assert [run.name for run in roots] == [root]
    by_id = {run.id: run for run in runs}
    for run in runs:
        assert run.trace_id == roots[0].id
        assert run.end_time, f"{run.name} never ended"
        if run.parent_run_id is not None:
            parent = by_id[run.parent_run_id]
            assert run.dotted_order.startswith(f"{parent.dotted_order}.")
            assert parent.started <= run.started
            assert run.ended <= parent.ended + TOLERANCE
    return roots[0]


def named(runs: Sequence[Traced], name: str, **facts: Any) -> list[Traced]:
    """Find runs by their name and by metadata."""
    return [
        run for run in runs if run.name == name and all(run.metadata.get(key) == value for key, value in facts.items())
    ]


def below(runs: Sequence[Traced], top: Traced) -> list[Traced]:
    """Return the runs below a run."""
    return [run for run in runs if run.dotted_order.startswith(f"{top.dotted_order}.")]


def drawn(runs: Sequence[Traced]) -> str:
    """Draw the tree as text, without the wrappers that LangChain traces for every middleware."""
    shown = [run for run in runs if ".awrap_" not in run.name]
    return "\n".join(_line(run, shown) for run in shown)


def _line(run: Traced, shown: Sequence[Traced]) -> str:
    depth = sum(1 for other in shown if run.dotted_order.startswith(f"{other.dotted_order}."))
    told = [f"{key}={run.metadata[key]}" for key in SHOWN if key in run.metadata and _own(run)]
    used = run.metadata.get("usage_metadata")
    if used:
        told.append(f"{run.metadata['ls_model_name']}: {used['input_tokens']} + {used['output_tokens']} tokens")
        told += [f"total_cost={used['total_cost']}"] if "total_cost" in used else []
    error = [f"✗ {run.error.split('Traceback')[0].splitlines()[0][:60]}"] if run.error else []
    return "  ".join([f"{'   ' * depth}{run.name}", *told, *error])


def _own(run: Traced) -> bool:
    """Whether its metadata is about itself, and not inherited from what it is part of."""
    return "cost_is" in run.metadata

"""What a run tells while it works, on LangGraph's `custom` stream.

Every event is a plain dict with a `type`:

| type | also carries |
|---|---|
| `fusion.started` | `seats` (id, label, model, role), `judge`, `writer`, `chosen`, `limits` (the receipt's or `None`) |
| `panel.added` | `seat_id`, `label`, `model`, `namespace` (of the seat's sub-agent in `subgraphs=True` streams) |
| `panel.tool_call` | `seat_id`, `tool`, `tool_call_id`, `arguments` |
| `panel.tool_result` | `seat_id`, `tool`, `tool_call_id`, `status`, `sources` |
| `panel.completed` | `seat_id`, `outcome`, `content`, `latency` in seconds, and what the seat took (see below) |
| `panel.failed` | `seat_id`, `outcome`, `error`, `latency`, `status_code` where there was one, and what the seat took |
| `analysis.in_progress` | `model` |
| `analysis.completed` | `analysis` (`None` when the judge failed), `rung`, `reason` |
| `writer.in_progress` | `model` |
| `fusion.completed` | `status`, `failure_reason` |

What a seat took: `usage` (a `Usage` as plain data), `calls` of models, `tool_calls`, and `served_model`, which is who
answered last by its provider's word.

Tokens come on the `messages` stream; their metadata carries `seat_id`, or `fusion_part` for judge and writer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

EventType = Literal[
    "fusion.started",
    "panel.added",
    "panel.tool_call",
    "panel.tool_result",
    "panel.completed",
    "panel.failed",
    "analysis.in_progress",
    "analysis.completed",
    "writer.in_progress",
    "fusion.completed",
]


class Emit(Protocol):
    """Sends one event."""

    def __call__(self, type_: EventType, /, **facts: Any) -> None:
        """Send it.

        Args:
            type_: Its type.
            **facts: What it carries, JSON-plain.
        """


def emitter(write: Callable[[Any], None]) -> Emit:
    """Make an emitter from a LangGraph stream writer.

    Args:
        write: `runtime.stream_writer` of the node that speaks.

    Returns:
        The emitter.
    """

    def emit(type_: EventType, /, **facts: Any) -> None:
        write({"type": type_, **facts})

    return emit

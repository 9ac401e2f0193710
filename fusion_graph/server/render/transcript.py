"""What a stream of Response events has told so far; made from the events alone, so that a restart loses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Any

from fusion_graph.server.render.fusion_events import PREFIX
from fusion_graph.server.render.record import SERVER_TOOL
from fusion_graph.server.render.tally import Tally

TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})
_SEAT_ENDS = (PREFIX + "panel.completed", PREFIX + "panel.failed")


class Transcript:
    """The state of a stream.

    Attributes:
        items: The output items, in their order.
        next_sequence: The number of the next event.
        tally: The tool calls told.
        answer: What the item that is being written says.
        spent: What each seat that has ended took, by seat: `usage`, `calls`, `tool_calls`.
        ended: The Response of the last event, once the stream has ended.
    """

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.next_sequence = 0
        self.tally = Tally()
        self.spent: dict[str, dict[str, Any]] = {}
        self.ended: dict[str, Any] | None = None
        self._answer = StringIO()

    @property
    def answer(self) -> str:
        """The text of the message, or of the reasoning, that is being written."""
        return self._answer.getvalue()

    def note(self, event: dict[str, Any]) -> dict[str, Any]:
        """Take in an event that is sent, or was before a restart.

        Args:
            event: The event.

        Returns:
            The same event.
        """
        self.next_sequence = event["sequence_number"] + 1
        kind = event["type"]
        if kind in ("response.output_item.added", "response.output_item.done"):
            self._item(event["output_index"], event["item"])
        elif kind in ("response.output_text.delta", "response.reasoning_text.delta"):
            self._answer.write(event["delta"])
        elif kind in TERMINAL:
            self.ended = event["response"]
        elif kind.endswith(".tool_call") and kind.startswith(PREFIX):
            self.tally.count(event["tool"])
        elif kind in _SEAT_ENDS and "usage" in event:
            self.spent[event["seat_id"]] = {name: event[name] for name in ("usage", "calls", "tool_calls")}
        return event

    def open_item(self, *kinds: str) -> tuple[int, dict[str, Any]] | None:
        """Return the last item of one of these types, and its place, if it is still in progress."""
        for at in range(len(self.items) - 1, -1, -1):
            if self.items[at]["type"] in kinds and self.items[at].get("status") == "in_progress":
                return at, self.items[at]
        return None

    def has(self, kind: str) -> bool:
        """Whether there is an item of this type."""
        return any(item["type"] == kind for item in self.items)

    def _item(self, at: int, item: dict[str, Any]) -> None:
        if at < len(self.items):
            self.items[at] = item
            return
        self.items.append(item)
        if item["type"] in ("message", "reasoning"):
            self._answer = StringIO()
        elif item["type"].startswith("openrouter:") and item["type"] != SERVER_TOOL:
            self.tally.count(item["type"].removeprefix("openrouter:"))


def replayed(events: Sequence[dict[str, Any]]) -> Transcript:
    """Return the state after events that were sent before a restart."""
    transcript = Transcript()
    for event in events:
        transcript.note(event)
    return transcript

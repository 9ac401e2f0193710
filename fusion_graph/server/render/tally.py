"""Counts of a run's tool calls, which the receipt does not tell apart."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_graph.server.run_events import RunEvent, SeatToolCall

WEB_SEARCH, WEB_FETCH = "web_search", "web_fetch"


@dataclass(slots=True)
class Tally:
    """What was asked of tools in one run.

    Attributes:
        requested: Tool calls that models asked for, those that were refused included.
        searches: Calls of `web_search` among them.
        fetches: Calls of `web_fetch` among them.
    """

    requested: int = 0
    searches: int = 0
    fetches: int = 0

    def hear(self, event: RunEvent) -> None:
        """Take in one event of the run."""
        if isinstance(event, SeatToolCall):
            self.count(event.tool)

    def count(self, tool: str) -> None:
        """Count one call.

        Args:
            tool: The tool's name.
        """
        self.requested += 1
        self.searches += tool == WEB_SEARCH
        self.fetches += tool == WEB_FETCH

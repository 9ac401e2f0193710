"""What a run has done and its reader has not yet heard: the text of a slow reader is joined, so that it stays small."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from io import StringIO

from fusion_graph.server.run_events import AnswerDelta, AnswerReasoning, RunEvent, SeatDelta, SeatReasoning

Delta = SeatDelta | SeatReasoning | AnswerDelta | AnswerReasoning
_DELTAS = (SeatDelta, SeatReasoning, AnswerDelta, AnswerReasoning)


class _Joined:
    """Deltas of one speaker that follow each other."""

    def __init__(self, first: Delta) -> None:
        self._first = first
        self._text = StringIO()

    def add(self, delta: Delta) -> bool:
        """Add a delta, unless it is of another kind or another turn."""
        if replace(delta, text="") != replace(self._first, text=""):
            return False
        self._text.write(delta.text)
        return True

    def whole(self) -> Delta:
        return replace(self._first, text=self._text.getvalue())


class EventBuffer:
    """Between a run, which never waits for its reader, and the reader.

    The events of one speaker keep their order. Deltas that wait are joined, so that what waits is never more than the
    run's own drafts and answer, and an entry for each of its steps.
    """

    def __init__(self) -> None:
        self._waiting: deque[RunEvent | _Joined] = deque()
        self._growing: dict[str, _Joined] = {}
        self._ready = asyncio.Event()
        self._closed = False
        self._error: BaseException | None = None

    def __len__(self) -> int:
        """Return how many entries wait."""
        return len(self._waiting)

    def put(self, event: RunEvent) -> None:
        """Add what happened; never waits."""
        speaker = getattr(event, "seat_id", "")
        if isinstance(event, _DELTAS):
            growing = self._growing.get(speaker)
            if growing is None or not growing.add(event):
                self._growing[speaker] = growing = _Joined(event)
                growing.add(event)
                self._waiting.append(growing)
        else:
            if speaker:
                self._growing.pop(speaker, None)
            else:
                self._growing.clear()
            self._waiting.append(event)
        self._ready.set()

    def close(self, error: BaseException | None = None) -> None:
        """Say that nothing more comes.

        Args:
            error: What ended the run, if something did; the reader gets it after all that waits.
        """
        self._closed, self._error = True, error
        self._ready.set()

    async def __aiter__(self) -> AsyncIterator[RunEvent]:
        while True:
            while self._waiting:
                yield self._next()
            if self._closed:
                break
            self._ready.clear()
            await self._ready.wait()
        if self._error is not None:
            raise self._error

    def _next(self) -> RunEvent:
        entry = self._waiting.popleft()
        if not isinstance(entry, _Joined):
            return entry
        self._growing = {name: growing for name, growing in self._growing.items() if growing is not entry}
        return entry.whole()

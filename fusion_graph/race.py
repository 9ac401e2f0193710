"""Who ends a seat early, and why: its own time limits, a quorum of others, the run's deadline.

Seats are tasks of one superstep, which waits for the slowest of them. So each seat runs under a clock that the
others can bring forward: when enough usable drafts are in, the stragglers' clocks are set to the end of the grace
period, and they are really cancelled there, their HTTP requests too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from fusion_graph.failures import Failure


class SeatClock(BaseCallbackHandler):
    """The time limits of one seat at work: an asynchronous context manager, and a callback that hears progress.

    Args:
        total: Seconds the seat may take in all.
        idle: Seconds it may go without a token or a tool call; no limit when unset.
    """

    run_inline = True
    ignore_chain = True

    def __init__(self, total: float, idle: float | None = None) -> None:
        self._total, self._idle = total, idle
        self._scope = asyncio.timeout(None)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = 0.0
        self._why = Failure(kind="timeout", message=f"no draft within seat_timeout={total:g} s")
        self._waits_for_a_sign = False
        self._over = False

    async def __aenter__(self) -> Self:
        """Start the clock."""
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + self._total
        await self._scope.__aenter__()
        self.progress()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it; turns its own cancellation into `TimeoutError`."""
        self._over = True
        await self._scope.__aexit__(kind, error, trace)

    @property
    def failure(self) -> Failure | None:
        """Why the seat was ended, if its clock did it."""
        if not self._scope.expired():
            return None
        if not self._waits_for_a_sign:
            return self._why
        return Failure(kind="timeout", message=f"no token and no tool call for seat_idle_timeout={self._idle:g} s")

    def end_by(self, when: float, why: Failure) -> None:
        """Bring the end forward.

        Args:
            when: The event loop's time at which the seat ends at the latest.
            why: What its outcome will say.
        """
        if when < self._end:
            self._end, self._why = when, why
            self.progress()

    def progress(self) -> None:
        """Note that the seat is alive, and set the alarm anew."""
        if self._over or self._scope.expired():
            return
        now = asyncio.get_running_loop().time()
        self._waits_for_a_sign = self._idle is not None and now + self._idle < self._end
        self._scope.reschedule(now + (self._idle or 0.0) if self._waits_for_a_sign else self._end)

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """A token is progress."""
        self._heard()

    def on_llm_end(self, response: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """So is a finished call."""
        self._heard()

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """And a tool that returned."""
        self._heard()

    def _heard(self) -> None:
        if self._idle is not None and self._loop is not None and not self._over:
            self._loop.call_soon_threadsafe(self.progress)  # synchronous tools report from threads of their own


class Race:
    """The seats of one run in one process.

    Args:
        quorum: Usable drafts that are enough; all seats are waited for when unset.
        grace: Seconds that stragglers get once the quorum is reached.
        deadline: Seconds after which no seat goes on; no limit when unset.

    Attributes:
        looked_back: Whether it was already looked up what an earlier process had finished.
    """

    def __init__(self, quorum: int | None, grace: float, deadline: float | None) -> None:
        self.quorum, self.grace, self.deadline = quorum, grace, deadline
        self._opened = asyncio.get_running_loop().time()
        self.looked_back = False
        self._usable: set[str] = set()
        self._running: dict[str, SeatClock] = {}

    def enter(self, seat_id: str, clock: SeatClock) -> None:
        """A seat begins; limits that hold already hold for it too."""
        self._running[seat_id] = clock
        if self.deadline is not None:
            why = Failure(kind="deadline", message=f"no draft before the run's deadline={self.deadline:g} s")
            clock.end_by(self._opened + self.deadline, why)
        self._close()

    def leave(self, seat_id: str, *, usable: bool) -> None:
        """A seat has ended."""
        self._running.pop(seat_id, None)
        if usable:
            self.finished([seat_id])

    def finished(self, seat_ids: Iterable[str]) -> None:
        """Usable drafts are in, from this process or, after a resume, from an earlier one."""
        self._usable.update(seat_ids)
        self._close()

    def _close(self) -> None:
        if self.quorum is None or len(self._usable) < self.quorum:
            return
        when = asyncio.get_running_loop().time() + self.grace
        enough = f"{len(self._usable)} usable drafts were in (quorum={self.quorum})"
        why = Failure(kind="straggler", message=f"cancelled: {enough} and grace={self.grace:g} s was over")
        for clock in self._running.values():
            clock.end_by(when, why)

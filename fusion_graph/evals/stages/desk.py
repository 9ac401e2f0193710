"""One stage: taken from the store if it was ever done, done once if not, and written down before anybody is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from fusion_graph.errors import FusionError
from fusion_graph.evals.pacing import Pace, StoppedError
from fusion_graph.evals.stages.parts import Cost, ToolUse
from fusion_graph.evals.store import Record, StageKind, Store
from fusion_graph.redaction import redact

LONGEST_ERROR = 2_000
PATIENCE = (5.0,)
"""Seconds after which a stage is tried again whose place went away; LangGraph's client has tried for a while then."""


class LostPlaceError(FusionError):
    """The place where stages run went away, so that nothing is known of what it was doing; no model failed."""


class NotStoredError(FusionError):
    """A stage is neither in the store nor on its list of failures."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Which stage.

    Attributes:
        key: The digest of what determines it.
        kind: Its kind.
        model: Whose work it mainly is.
        parent: For a verdict, the answer it is about.
    """

    key: str
    kind: StageKind
    model: str
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a stage.

    Attributes:
        ok: Whether it succeeded.
        value: What came of it, as plain data; of a failure at least its `error`.
        cost: What it cost.
        evidence: What its tools returned.
    """

    ok: bool
    value: dict[str, Any]
    cost: Cost
    evidence: list[ToolUse] = field(default_factory=list)


class Desk(Protocol):
    """Where stages are asked for."""

    async def ask(self, stage: Stage, work: Callable[[], Awaitable[Done]]) -> Record:
        """Return a stage's record, succeeded or failed.

        Args:
            stage: Which one.
            work: Does it.

        Raises:
            StoppedError: It is not there, and no stage is begun any more.
            NotStoredError: It is not there, and this desk does none.
        """

    async def family(self, parent: str) -> dict[str, Record]:
        """Return the verdicts about an answer that are there, by key."""


class Archive:
    """Looks stages up, and does none.

    Args:
        store: Where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, stage: Stage, work: Callable[[], Awaitable[Done]]) -> Record:  # noqa: ARG002 - it does none
        """Return the record of a stage, or its latest failure."""
        found = await self._store.get(stage.key) or await self._store.failure(stage.key)
        if found is None:
            raise NotStoredError(f"the {stage.kind} of {stage.model} was never tried")
        return found

    async def family(self, parent: str) -> dict[str, Record]:
        """Return the verdicts about an answer that are there, by key."""
        return {record.key: record for record in await self._store.children(parent)}


class Workshop:
    """Does what is not there. A stage that fails is tried once in a session, and again in the next.

    Args:
        store: Where records are.
        pace: When a stage may begin.
        patience: Seconds after which a stage is tried again whose place went away; then the run is stopped.
    """

    def __init__(self, store: Store, pace: Pace, patience: Sequence[float] = PATIENCE) -> None:
        self.session = uuid4().hex
        self.done_here = 0
        self._store, self._pace, self._patience = store, pace, patience
        self._flights: dict[str, asyncio.Task[Record]] = {}

    async def ask(self, stage: Stage, work: Callable[[], Awaitable[Done]]) -> Record:
        """Return the record of a stage; two who ask for the same one wait for the same work."""
        flight = self._flights.get(stage.key)
        if flight is None:
            flight = self._flights[stage.key] = asyncio.ensure_future(self._fly(stage, work))
            flight.add_done_callback(lambda done: self._landed(stage.key, done))
        return await asyncio.shield(flight)

    async def family(self, parent: str) -> dict[str, Record]:
        """Return the verdicts about an answer that are there, by key."""
        return {record.key: record for record in await self._store.children(parent)}

    async def settle(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._flights.values(), return_exceptions=True)

    async def break_off(self) -> None:
        """Cancel what is under way, and wait until it has gone."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _landed(self, key: str, flight: asyncio.Task[Record]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            flight.exception()  # whoever still waits is told; nobody may be

    async def _fly(self, stage: Stage, work: Callable[[], Awaitable[Done]]) -> Record:
        held = await self._store.get(stage.key) or await self._store.failure(stage.key, self.session)
        if held is not None:
            return held
        async with self._pace.stage(stage.kind, stage.model):
            done = await self._tried(work)
            record = await self._store.add(
                Record(
                    key=stage.key,
                    kind=stage.kind,
                    model=stage.model,
                    ok=done.ok,
                    value=done.value,
                    cost=done.cost.usd,
                    at_least=done.cost.at_least,
                    parent=stage.parent,
                    session=self.session,
                    evidence=[asdict(use) for use in done.evidence],
                )
            )
            self.done_here += 1
            said = str(done.value.get("error", ""))
            self._pace.ended(stage.kind, stage.model, done.cost, ok=done.ok, said=said)
        return record

    async def _tried(self, work: Callable[[], Awaitable[Done]]) -> Done:
        """Do it, again if its place was away for a while; a place that is gone is no failure of a model."""
        waits = iter(self._patience)
        while True:
            try:
                return await _done(work)
            except LostPlaceError as error:
                self._pace.purse.at_least = True  # what it had begun may have cost something
                wait = None if self._pace.why_stopped else next(waits, None)
                if wait is None:
                    self._pace.stop(redact(str(error))[:LONGEST_ERROR])
                    raise StoppedError(self._pace.why_stopped) from error
                await asyncio.sleep(wait)


async def _done(work: Callable[[], Awaitable[Done]]) -> Done:
    try:
        return await work()
    except (StoppedError, LostPlaceError):
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: whatever a graph or a server raised is a failed stage
        said = redact(f"{type(error).__name__}: {error}")[:LONGEST_ERROR]
        return Done(ok=False, value={"error": said}, cost=Cost(None, at_least=True))

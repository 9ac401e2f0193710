"""All that the app stores, opened together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fusion_graph.server.background import BackgroundRuns
from fusion_graph.server.background_run import Works
from fusion_graph.server.database import Database, sqlite_file
from fusion_graph.server.engine import Engine
from fusion_graph.server.keeping import Keeping
from fusion_graph.server.metrics import Metrics
from fusion_graph.server.planning.plans import ResponsesPlan
from fusion_graph.server.records.store import Store
from fusion_graph.server.services import Gate
from fusion_graph.server.settings import ServerSettings
from fusion_graph.server.threads import Threads


@dataclass(frozen=True, slots=True)
class Keeps:
    """What the routes of stored things work with.

    Attributes:
        store: The records.
        runs: The runs of this process that belong to no client.
        threads: The threads of saved runs.
    """

    store: Store
    runs: BackgroundRuns
    threads: Threads

    def response(self, asked: ResponsesPlan, body: dict[str, Any], *, response_id: str, created: int) -> Keeping:
        """Keep a Response whose client waits for it, if it is to be."""
        return Keeping(self.store, self.runs, self.threads, asked, body, response_id=response_id, created=created)

    async def put_generation(self, owner: str, generation: dict[str, Any]) -> None:
        """Keep what `GET /v1/generation` tells of a run."""
        await self.store.generations.put(owner, generation)


@asynccontextmanager
async def keeps(
    settings: ServerSettings, database: Database, engine: Engine, threads: Threads, gate: Gate, metrics: Metrics
) -> AsyncIterator[Keeps]:
    """Open it; runs that a dead process left are taken up.

    Args:
        settings: The operator's settings.
        database: The database.
        engine: Runs plans.
        threads: The threads where they are saved.
        gate: Holds room for them.
        metrics: What is counted.

    Yields:
        What the routes work with; what still runs at the end of the block is left for the next process.
    """
    store = Store(database, settings.retention_days)
    runs = BackgroundRuns(Works(engine, store, metrics), gate, threads)
    async with runs.at_work(sqlite_file(settings)):
        yield Keeps(store, runs, threads)

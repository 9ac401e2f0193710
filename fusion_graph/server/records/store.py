"""All records together."""

from __future__ import annotations

import time

from fusion_graph.server.database import Database
from fusion_graph.server.records.claims import Claims
from fusion_graph.server.records.conversations import Conversations
from fusion_graph.server.records.events import Events
from fusion_graph.server.records.generations import Generations
from fusion_graph.server.records.processes import Processes
from fusion_graph.server.records.responses import Responses

DAY = 86_400.0


class Store:
    """What is kept for clients.

    Args:
        database: The database.
        retention_days: How long finished things are kept.

    Attributes:
        processes: The server processes on this database.
        responses: Responses.
        events: The events of their streams.
        conversations: Conversations.
        claims: Idempotency keys.
        generations: What `GET /v1/generation` tells.
    """

    def __init__(self, database: Database, retention_days: float) -> None:
        self._kept = retention_days * DAY
        self.processes = Processes(database)
        self.responses = Responses(database, self.processes)
        self.events = Events(database)
        self.conversations = Conversations(database)
        self.claims = Claims(database, self.processes, self._kept)
        self.generations = Generations(database)

    @property
    def kept_since(self) -> float:
        """The Unix time before which things have expired."""
        return time.time() - self._kept

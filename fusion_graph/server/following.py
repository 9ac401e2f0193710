"""Following a run by what is written of it, whichever process writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from fusion_graph.server.bells import Bells
from fusion_graph.server.records.events import PAGE
from fusion_graph.server.records.response_rows import UNDER_WAY
from fusion_graph.server.records.store import Store
from fusion_graph.server.render.transcript import TERMINAL

LOOK_SECONDS = 0.5
"""How often a follower looks for what another process has written."""


async def follow(store: Store, bells: Bells, response_id: str, last: int) -> AsyncGenerator[dict[str, Any], None]:
    """Yield a run's events, each once, in their order, until its stream ends.

    Args:
        store: The records.
        bells: Ring when something was written in this process.
        response_id: Which run.
        last: The number of the event before the first.
    """
    while True:
        bell = bells.of(response_id)
        state = await store.responses.state(response_id)
        page = await store.events.after(response_id, last)
        for event in page:
            last = event["sequence_number"]
            yield event
            if event["type"] in TERMINAL:
                return
        if len(page) == PAGE:
            continue
        if state is None or state[0] not in UNDER_WAY:
            return
        await rung(bell)


async def rung(bell: asyncio.Event) -> None:
    """Wait for a ring, or until it is time to look all the same."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await bell.wait()
    except TimeoutError:
        return

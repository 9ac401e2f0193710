"""Waiting for what happens outside of this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def eventually(holds: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until something holds; fail if it does not in time."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come to hold in time"
        await asyncio.sleep(0.02)

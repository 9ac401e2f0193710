"""Ending work whose client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio
from starlette.requests import Request

T = TypeVar("T")


class ClientGoneError(Exception):
    """The client left before there was an answer; nobody hears it."""


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do work for a client that waits for it.

    Args:
        request: The request, whose body was read.
        work: The work; cancelled when the client goes away.

    Returns:
        What it gives.

    Raises:
        ClientGoneError: The client went away.
    """
    task, gone = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGoneError
        return task.result()
    finally:
        await cancelled(task, gone)


async def cancelled(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait for their end, each once: a second cancellation would interrupt their cleaning up.

    Args:
        *tasks: The tasks; one that has ended is left alone.
    """
    for task in tasks:
        if not task.cancelling():
            task.cancel()
    with anyio.CancelScope(shield=True):
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # so that asyncio does not complain of an error that nobody heard


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass

"""One HTTP client per event loop for every model behind a gateway: pooled, reused, closed on request."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

import httpx2

_CLIENTS: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = WeakKeyDictionary()
_LIMITS = httpx2.Limits(max_connections=1_000, max_keepalive_connections=100, keepalive_expiry=30.0)


def http_client() -> httpx2.AsyncClient:
    """Return the running event loop's client; a pool cannot be shared between loops."""
    loop = asyncio.get_running_loop()
    client = _CLIENTS.get(loop)
    if client is None or client.is_closed:
        client = httpx2.AsyncClient(limits=_LIMITS, timeout=httpx2.Timeout(600.0, connect=10.0), follow_redirects=True)
        _CLIENTS[loop] = client
    return client


async def close_http_client() -> None:
    """Close the running event loop's client, if it has one; the next call opens a new one."""
    client = _CLIENTS.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()

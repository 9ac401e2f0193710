"""One HTTP client per event loop for every model behind a gateway: pooled, reused, closed on request."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

import httpx2

from fusion_graph.errors import ConfigError, MissingPackageError
from fusion_graph.redaction import redact

_PROXIES = "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"
_CLIENTS: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = WeakKeyDictionary()
_LIMITS = httpx2.Limits(max_connections=1_000, max_keepalive_connections=100, keepalive_expiry=30.0)


def http_client() -> httpx2.AsyncClient:
    """Return the running event loop's client; a pool cannot be shared between loops.

    Raises:
        ConfigError: The environment names a proxy that cannot be used.
    """
    loop = asyncio.get_running_loop()
    client = _CLIENTS.get(loop)
    if client is None or client.is_closed:
        client = _CLIENTS[loop] = _new_client()
    return client


def _new_client() -> httpx2.AsyncClient:
    timeout = httpx2.Timeout(600.0, connect=10.0)
    try:
        return httpx2.AsyncClient(limits=_LIMITS, timeout=timeout, follow_redirects=True)
    except ImportError as error:
        needed = "needs the package 'socksio': pip install 'httpx2[socks]'"
        raise MissingPackageError(f"the SOCKS proxy of {_PROXIES} {needed}") from error
    except (ValueError, httpx2.InvalidURL) as error:
        raise ConfigError(f"the proxy of {_PROXIES}, or an entry of NO_PROXY: {redact(str(error))}") from error


async def close_http_client() -> None:
    """Close the running event loop's client, if it has one; the next call opens a new one."""
    client = _CLIENTS.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()

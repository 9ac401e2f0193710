"""Who may enter without a key: this machine's own programs, and no web page of somebody else."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers by which a proxy says that it speaks for somebody else."""


def is_loopback(host: str) -> bool:
    """Say whether a host name or address is this machine itself.

    Args:
        host: A name or an address, without brackets and port.
    """
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def from_this_machine(connection: HTTPConnection) -> bool:
    """Say whether a request was sent by a program on this machine to a local name.

    The name matters: a web page can make a browser on this machine call an address that its own name was pointed to.
    What a proxy forwards is not from here, wherever the proxy stands.
    """
    if any(name in connection.headers for name in _FORWARDED):
        return False
    peer = connection.client
    named = urlsplit(f"//{connection.headers.get('host', '')}").hostname or ""
    return peer is not None and is_loopback(peer.host) and is_loopback(named)


def from_foreign_page(connection: HTTPConnection, allowed: tuple[str, ...]) -> bool:
    """Say whether a browser sent a request for a page of another origin.

    Args:
        connection: The request.
        allowed: Origins that the operator lets in.
    """
    origin = connection.headers.get("origin")
    if origin is None or origin in allowed or "*" in allowed:
        return False
    return urlsplit(origin).netloc.lower() != connection.headers.get("host", "").lower()

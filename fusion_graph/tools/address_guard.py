"""The address guard: HTTP connections that reach the public internet only.

The guard sits where a TCP connection is opened: it resolves the host, judges every address it got, and
connects to one of those very addresses. So the answer cannot change between the check and the connection, an
odd spelling of an address (decimal, octal, hexadecimal) cannot hide it, and each redirect is judged anew
because it opens its own connection. TLS still checks the host's name.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpcore
import httpx

from fusion_graph.errors import ConfigError, FusionError
from fusion_graph.tools.domains import DomainEntry

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Awaitable[list[str]]]

# Special-purpose registries of IANA, and Azure's metadata address, which lies in public space.
_CLOSED_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
        ),
    )
)
_OPEN_V6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
_EMBEDDING = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::ffff:0:0:0/96")))
_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>\d{1,5}))?")


class AddressRefusedError(FusionError):
    """The guard will not connect to an address; the message says why without telling the address."""


async def resolve_host(host: str, port: int) -> list[str]:
    """Look a host up with the system's resolver.

    Args:
        host: Name or address as it stands in a URL.
        port: The port to connect to.

    Returns:
        Its addresses as text, in the resolver's order.

    Raises:
        OSError: The name does not resolve.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def is_public(address: Address) -> bool:
    """Tell whether an address belongs to the public internet.

    Args:
        address: An IPv4 or IPv6 address.

    Returns:
        False for private, loopback, link-local, multicast, reserved, shared (CGNAT), unspecified and metadata
        addresses, and for IPv6 forms that carry such an IPv4 address.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    carried = _carried_v4(address)
    if carried is not None:
        return is_public(carried)
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def _carried_v4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in network for network in _EMBEDDING):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


class AddressGuard:
    """Decides which addresses may be connected to."""

    def __init__(self, allow: Iterable[str] = (), resolver: Resolver = resolve_host) -> None:
        """Set up the guard.

        Args:
            allow: Exceptions: hosts, `host:port`, addresses or networks (`10.1.0.0/16`).
            resolver: Turns a host into addresses.

        Raises:
            ConfigError: An exception is written in no known form.
        """
        self._hosts: set[tuple[str, int | None]] = set()
        self._networks: list[tuple[Network, int | None]] = []
        self._resolver = resolver
        for entry in allow:
            self._add(entry.strip())

    def _add(self, entry: str) -> None:
        parts = _WITH_PORT.fullmatch(entry)
        host = (parts["six"] or parts["host"]) if parts else entry
        port = int(parts["port"]) if parts and parts["port"] else None
        try:
            self._networks.append((ipaddress.ip_network(host, strict=False), port))
        except ValueError:
            if not host or "/" in host or ":" in host:
                raise ConfigError(f"allow_addresses: {entry!r} is no host, host:port or network") from None
            self._hosts.add((DomainEntry.parse(host).host, port))

    async def addresses(self, host: str, port: int) -> list[str]:
        """Resolve a host and judge what it resolves to.

        Args:
            host: Host of a URL.
            port: Port to connect to.

        Returns:
            The addresses that may be connected to; all that the host has.

        Raises:
            AddressRefusedError: One of its addresses is not public and not allowed.
            OSError: The name does not resolve.
        """
        found = await self._resolver(host, port)
        if not found:
            raise OSError(f"{host} has no address")
        for text in found:
            if not self._permits(host, port, ipaddress.ip_address(text.partition("%")[0])):
                raise AddressRefusedError(f"{host} is not on the public internet, so it is not connected to")
        return found

    def _permits(self, host: str, port: int, address: Address) -> bool:
        named = host.rstrip(".").lower()
        if (named, None) in self._hosts or (named, port) in self._hosts:
            return True
        plain = address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address
        if any(plain in network and allowed in {None, port} for network, allowed in self._networks):
            return True
        return is_public(address)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections to addresses that the guard has judged, and to nothing else."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(  # noqa: D102 - described by httpcore
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._guard.addresses(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be looked up") from error
        *others, last = addresses
        for address in others:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
        return await self._inner.connect_tcp(last, port, timeout, local_address, socket_options)


class GuardedTransport(httpx.AsyncHTTPTransport):
    """An httpx transport whose every connection passes the guard.

    Proxies named in the environment are not used: a proxy would resolve the host a second time, out of sight.
    """

    def __init__(self, guard: AddressGuard, ssl_context: ssl.SSLContext) -> None:
        """Set up the transport.

        Args:
            guard: Judges the addresses.
            ssl_context: For https; see `load_ssl_context`.
        """
        super().__init__(verify=ssl_context, trust_env=False)
        backend = GuardedBackend(guard)
        self._pool = httpcore.AsyncConnectionPool(ssl_context=ssl_context, network_backend=backend)


@functools.cache
def load_ssl_context() -> ssl.SSLContext:
    """Load the certificates once per process; reads files, so call it in a thread.

    Returns:
        httpx's default context; `SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured.
    """
    return httpx.create_ssl_context()

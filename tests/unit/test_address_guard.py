from __future__ import annotations

import asyncio
import ipaddress
import ssl

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_graph.errors import ConfigError
from fusion_graph.tools.address_guard import (
    AddressGuard,
    AddressRefusedError,
    GuardedTransport,
    is_public,
    load_ssl_context,
    resolve_host,
)

PRIVATE_V4 = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.0.9",
    "168.63.129.16",
    "169.254.169.254",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
]
PRIVATE_V6 = [
    "::",
    "::1",
    "::7f00:1",
    "fe80::1",
    "fec0::1",
    "fd00:ec2::254",
    "ff02::1",
    "100::1",
    "2001:db8::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "3fff::1",
    "5f00::1",
    "64:ff9b:1::1",
]


def fixed(*answers: list[str]):
    """A resolver that gives one answer after the other and repeats the last."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


@pytest.fixture
async def server():
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    yield port, seen
    listening.close()
    await listening.wait_closed()


def client(guard: AddressGuard) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=GuardedTransport(guard, load_ssl_context()), trust_env=False)


@pytest.mark.parametrize("text", PRIVATE_V4 + PRIVATE_V6)
def test_special_addresses_are_not_public(text):
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450::1", "64:ff9b::101:101"]
)
def test_ordinary_addresses_are_public(text):
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PRIVATE_V4)
def test_ipv6_forms_that_carry_a_special_address_are_not_public(text):
    number = int(ipaddress.IPv4Address(text))
    for prefix in ("::ffff:0:0", "64:ff9b::", "::ffff:0:0:0", "::"):
        assert not is_public(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | number))
    assert not is_public(ipaddress.IPv6Address((0x2002 << 112) | (number << 80)))


@given(st.ip_addresses())
def test_nothing_the_standard_library_calls_local_is_public(address):
    local = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    assert not (is_public(address) and (local or address.is_private))


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "017700000001", "127.1", "0x7f.1"])
async def test_encoded_spellings_of_loopback_are_refused(host):
    with pytest.raises(AddressRefusedError):
        await AddressGuard().addresses(host, 80)


async def test_the_system_resolver_gives_plain_addresses():
    assert await resolve_host("127.0.0.1", 80) == ["127.0.0.1"]


async def test_one_private_address_among_public_ones_refuses_the_host():
    guard = AddressGuard(resolver=fixed(["1.1.1.1", "10.0.0.1"]))
    with pytest.raises(AddressRefusedError, match=r"mixed\.test"):
        await guard.addresses("mixed.test", 443)


async def test_the_message_of_a_refusal_does_not_tell_the_internal_address():
    with pytest.raises(AddressRefusedError) as refused:
        await AddressGuard(resolver=fixed(["10.9.8.7"])).addresses("internal.test", 80)
    assert "10.9.8.7" not in str(refused.value)


@pytest.mark.parametrize(
    ("allow", "host", "port", "address"),
    [
        ("intra.test", "INTRA.test.", 80, "10.0.0.1"),
        ("intra.test:8080", "intra.test", 8080, "10.0.0.1"),
        ("bücher.test", "xn--bcher-kva.test", 80, "10.0.0.1"),
        ("10.0.0.0/8", "any.test", 80, "10.0.0.1"),
        ("10.0.0.1", "any.test", 80, "10.0.0.1"),
        ("10.0.0.1:81", "any.test", 81, "10.0.0.1"),
        ("10.0.0.0/8", "any.test", 80, "::ffff:10.0.0.1"),
        ("::1", "::1", 80, "::1"),
        ("[::1]:81", "::1", 81, "::1"),
        ("fd00::/8", "any.test", 80, "fd12::1"),
    ],
)
async def test_an_exception_opens_exactly_what_it_names(allow, host, port, address):
    assert await AddressGuard([allow], fixed([address])).addresses(host, port) == [address]


@pytest.mark.parametrize(
    ("allow", "host", "port", "address"),
    [
        ("intra.test", "sub.intra.test", 80, "10.0.0.1"),
        ("intra.test:8080", "intra.test", 80, "10.0.0.1"),
        ("10.0.0.1:81", "any.test", 80, "10.0.0.1"),
        ("10.0.0.0/24", "any.test", 80, "10.0.1.1"),
    ],
)
async def test_an_exception_opens_nothing_else(allow, host, port, address):
    with pytest.raises(AddressRefusedError):
        await AddressGuard([allow], fixed([address])).addresses(host, port)


@pytest.mark.parametrize("entry", ["", "10.0.0.0/99", "[::1", "[::1]:x", "host/path", "http://a"])
def test_an_exception_in_no_known_form_is_a_config_error(entry):
    with pytest.raises(ConfigError, match="allow_addresses"):
        AddressGuard([entry])


async def test_the_connection_goes_to_the_checked_address_and_keeps_the_host_name(server):
    port, seen = server
    guard = AddressGuard(["page.test"], fixed(["127.0.0.1"]))
    async with client(guard) as http:
        assert (await http.get(f"http://page.test:{port}/x")).text == "ok"
    assert f"Host: page.test:{port}".encode() in seen[0]


async def test_tls_asks_for_the_host_name_although_it_connects_to_the_address():
    hello = bytearray()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello.extend(await reader.read(4096))
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, client(AddressGuard(["page.test"], fixed(["127.0.0.1"]))) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"https://page.test:{port}/")
    assert b"page.test" in hello


async def test_the_name_is_looked_up_once_so_a_changed_answer_changes_nothing(server):
    port, seen = server
    asked: list[str] = []

    async def rebinding(host: str, _: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    async with client(AddressGuard(["127.0.0.1"], rebinding)) as http:
        assert (await http.get(f"http://rebind.test:{port}/")).text == "ok"
        assert asked == ["rebind.test"]
        with pytest.raises(AddressRefusedError):
            await http.get(f"http://rebind.test:{port}/")
    assert len(seen) == 1


async def test_a_dead_address_is_passed_over_for_the_next_one(server):
    port, _ = server
    guard = AddressGuard(["two.test"], fixed(["::1", "127.0.0.1"]))
    async with client(guard) as http:
        assert (await http.get(f"http://two.test:{port}/")).status_code == 200


async def test_a_name_that_does_not_resolve_is_a_connect_error():
    async def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    async with client(AddressGuard(resolver=unknown)) as http:
        with pytest.raises(httpx.ConnectError, match="cannot be looked up"):
            await http.get("http://nowhere.test/")


async def test_a_proxy_from_the_environment_is_not_used(server, monkeypatch):
    port, seen = server
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
    async with client(AddressGuard(resolver=fixed(["10.0.0.1"]))) as http:
        with pytest.raises(AddressRefusedError):
            await http.get("http://internal.test/")
    assert seen == []


def test_the_certificates_are_loaded_once():
    assert isinstance(load_ssl_context(), ssl.SSLContext)
    assert load_ssl_context() is load_ssl_context()

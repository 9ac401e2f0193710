from __future__ import annotations

import asyncio
import sys

import httpx
import pytest

from fusion_graph.errors import ConfigError, MissingPackageError
from fusion_graph.http import close_http_client, http_client


async def test_one_loop_has_one_client():
    assert http_client() is http_client()


async def test_a_closed_client_is_replaced():
    first = http_client()
    await close_http_client()
    assert first.is_closed
    assert not http_client().is_closed


async def test_a_client_that_somebody_else_closed_is_replaced_too():
    first = http_client()
    await first.aclose()
    assert http_client() is not first


async def test_closing_without_a_client_does_nothing():
    await close_http_client()
    await close_http_client()
    assert not http_client().is_closed


def test_two_loops_share_no_client():
    async def one() -> httpx.AsyncClient:
        client = http_client()
        await close_http_client()
        return client

    assert asyncio.run(one()) is not asyncio.run(one())


async def test_many_seats_can_be_connected_at_once_and_long_answers_are_waited_for():
    client = http_client()
    assert client.timeout.read == 600.0
    assert client.timeout.connect == 10.0


async def test_a_proxy_that_cannot_be_used_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "ftp://user:hidden-word@127.0.0.1:1")
    with pytest.raises(ConfigError, match="the proxy of HTTPS_PROXY, HTTP_PROXY or ALL_PROXY") as raised:
        http_client()
    assert "hidden-word" not in str(raised.value)


async def test_a_socks_proxy_names_the_package_that_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(MissingPackageError, match=r"pip install 'httpx2\[socks\]'"):
        http_client()

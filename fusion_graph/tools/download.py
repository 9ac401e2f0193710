"""One page over HTTP, within limits: size, redirects, content type, domain lists and the address guard."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import httpx

from fusion_graph.config import FetchSettings
from fusion_graph.errors import FusionError
from fusion_graph.tools.address_guard import (
    AddressGuard,
    AddressRefusedError,
    GuardedTransport,
    load_ssl_context,
)
from fusion_graph.tools.domains import DomainRules

Kind = Literal["html", "pdf", "text"]

_HEADERS = {
    "User-Agent": "Mozilla/5.0 (compatible; fusion-graph)",
    "Accept": "text/html,application/xhtml+xml,application/pdf,text/*;q=0.9,application/json;q=0.8,*/*;q=0.1",
    # Own decompression below knows these two and stops at the limit; httpx's would inflate a bomb whole.
    "Accept-Encoding": "gzip, deflate",
}
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_PDF = frozenset({"application/pdf", "application/x-pdf"})
_TEXT = frozenset({"application/json", "application/xml", "application/x-ndjson", "application/yaml"})
_TYPE_NAME = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,40}", re.ASCII)
_TOKEN = re.compile(r"[\w-]{1,20}", re.ASCII)
_UNTYPED = frozenset({"", "application/octet-stream", "binary/octet-stream"})


class FetchError(FusionError):
    """A page could not be fetched; the message is meant for the model."""


@dataclass(frozen=True, slots=True)
class Download:
    """A page as it came.

    Attributes:
        url: Its address after redirects.
        kind: What it is.
        charset: The encoding its server declared, if any.
        data: The body, decompressed.
    """

    url: str
    kind: Kind
    charset: str | None
    data: bytes


async def download(url: str, settings: FetchSettings, rules: DomainRules, guard: AddressGuard) -> Download:
    """Fetch a page.

    Args:
        url: Its address.
        settings: Limits on bytes, redirects and seconds per network operation.
        rules: Domain lists, checked for the address and for every redirect.
        guard: Judges the addresses connected to.

    Returns:
        The page.

    Raises:
        FetchError: A rule, a limit, the server or the network stands against it.
    """
    transport = GuardedTransport(guard, await asyncio.to_thread(load_ssl_context))
    client = httpx.AsyncClient(transport=transport, trust_env=False, headers=_HEADERS, timeout=settings.timeout)
    try:
        async with client:
            return await _follow(client, url, settings, rules)
    except AddressRefusedError as error:
        raise FetchError(str(error)) from error
    except httpx.TimeoutException as error:
        raise FetchError(f"no answer within {settings.timeout:g} seconds") from error
    except httpx.ConnectError as error:
        raise FetchError("cannot connect to the server") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FetchError(f"the exchange with the server broke ({type(error).__name__})") from error


async def _follow(client: httpx.AsyncClient, url: str, settings: FetchSettings, rules: DomainRules) -> Download:
    target = url
    for _ in range(settings.max_redirects + 1):
        _check(target, rules)
        async with client.stream("GET", target) as response:
            if not response.has_redirect_location:
                return await _read(response, settings.max_bytes)
            target = str(response.url.join(response.headers["location"]))
    raise FetchError(f"more than {settings.max_redirects} redirects")


def _check(url: str, rules: DomainRules) -> None:
    refusal = rules.refusal(url)
    if refusal:
        raise FetchError(refusal)
    if httpx.URL(url).userinfo:
        raise FetchError("addresses that carry a user name are not fetched")


async def _read(response: httpx.Response, max_bytes: int) -> Download:
    if response.status_code >= 400:
        raise FetchError(f"the server answered HTTP {response.status_code}")
    mime = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = _kind_of(mime)
    if kind is None and mime not in _UNTYPED:
        named = mime if _TYPE_NAME.fullmatch(mime) else "in no known form"  # a server's words stay outside the prompt
        raise FetchError(f"content type {named} is not text, HTML or PDF")
    data = await _body(response, max_bytes)
    kind = kind or _sniffed(data, typed=bool(mime))
    if kind is None:
        raise FetchError("the content is not text, HTML or PDF")
    return Download(str(response.url), kind, response.charset_encoding, data)


def _kind_of(mime: str) -> Kind | None:
    if mime in _HTML:
        return "html"
    if mime in _PDF:
        return "pdf"
    return "text" if mime in _TEXT or mime.startswith("text/") or mime.endswith(("+json", "+xml")) else None


def _sniffed(data: bytes, *, typed: bool) -> Kind | None:
    start = data[:1024].lstrip()
    if start.startswith(b"%PDF-"):
        return "pdf"
    if typed or b"\0" in start:
        return None
    return "html" if start.startswith(b"<") else "text"


async def _body(response: httpx.Response, max_bytes: int) -> bytes:
    inflate = _inflater(response.headers.get("content-encoding", "").strip().lower())
    body = bytearray()
    async for chunk in response.aiter_raw():
        try:
            body += inflate(chunk, max_bytes + 1 - len(body))
        except zlib.error as error:
            raise FetchError("the server's compression is broken") from error
        if len(body) > max_bytes:
            raise FetchError(f"the page is larger than {max_bytes:,} bytes")
    return bytes(body)


def _inflater(encoding: str) -> Callable[[bytes, int], bytes]:
    if encoding in {"", "identity"}:
        return lambda chunk, _: chunk
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        named = encoding if _TOKEN.fullmatch(encoding) else "in no known form"
        raise FetchError(f"the server sent the unasked compression {named}")
    state = [zlib.decompressobj(zlib.MAX_WBITS | 32)]

    def inflate(chunk: bytes, limit: int) -> bytes:
        out = b""
        while chunk and len(out) < limit:
            if state[0].eof:
                state[0] = zlib.decompressobj(zlib.MAX_WBITS | 32)
            out += state[0].decompress(chunk, limit - len(out))
            chunk = state[0].unused_data
        return out

    return inflate

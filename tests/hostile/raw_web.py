"""A web server on loopback that sends whatever bytes a test wants, and a `web_fetch` that may reach it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

from fusion_graph.config import FetchSettings
from fusion_graph.tools import web_fetch_tool

Pieces = Callable[[], AsyncIterator[bytes]]


@dataclass
class RawWeb:
    """Addresses and the bytes behind them; `sent` counts what really left."""

    port: int = 0
    pages: dict[str, bytes | Pieces] = field(default_factory=dict)
    sent: int = 0
    asked: int = 0

    def page(self, path: str, body: bytes, *, mime: str = "text/html", **headers: str) -> str:
        named = {"content-type": mime, **{name.replace("_", "-"): value for name, value in headers.items()}}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        head = f"HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
        return self.raw(path, head.encode("latin-1") + body)

    def raw(self, path: str, answer: bytes | Pieces) -> str:
        self.pages[path] = answer
        return f"http://page.test:{self.port}{path}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        try:
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
            answer = self.pages.get(path.partition("?")[0], b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")
            async for piece in answer() if callable(answer) else _one(answer):
                writer.write(piece)
                await writer.drain()
                self.sent += len(piece)
        except ConnectionError:
            return
        finally:
            writer.close()


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data


@asynccontextmanager
async def raw_web() -> AsyncIterator[RawWeb]:
    web = RawWeb()
    server = await asyncio.start_server(web.answer, "127.0.0.1", 0)
    web.port = server.sockets[0].getsockname()[1]
    try:
        yield web
    finally:
        server.close()
        await server.wait_closed()


async def on_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def fetch_tool(**settings: object) -> BaseTool:
    chosen = FetchSettings.model_validate(settings)
    return web_fetch_tool(chosen, allow_addresses=("page.test",), resolver=on_loopback)


async def fetched(url: str, **settings: object) -> ToolMessage:
    call = {"type": "tool_call", "id": "1", "name": "web_fetch", "args": {"url": url}}
    return await fetch_tool(**settings).ainvoke(call)


async def refusal(url: str, **settings: object) -> str:
    """The error that a fetch ends with."""
    message = await fetched(url, **settings)
    assert message.status == "error"
    assert message.artifact["sources"] == []
    return json.loads(message.content)["error"]

"""A stand-in for LangSmith: it takes what the real client sends, and puts the runs together again."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any, Self

import zstandard
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from trace_tree import Traced

from fusion_graph.testing.loopback import Loopback

INFO = {
    "version": "0.13.0",
    "instance_flags": {"zstd_compression_enabled": True},
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
        "scale_up_nthreads_limit": 16,
        "scale_up_qsize_trigger": 1000,
        "scale_down_nempty_trigger": 4,
    },
}


@dataclass
class Recorder:
    """Listens on loopback and keeps every run and every byte that was sent.

    Attributes:
        delay: Seconds before each answer to what is sent.
        status: The status of every answer.
        sent: The bodies that came, decompressed.
        requests: Method and path of every request.
    """

    delay: float = 0.0
    status: int = 200
    sent: list[bytes] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _runs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        routes = [Route("/info", self._info), Route("/{path:path}", self._take, methods=["POST", "PATCH"])]
        self._http = Loopback(Starlette(routes=routes))
        self.url = f"http://127.0.0.1:{self._http.listen()}"
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def runs(self) -> list[Traced]:
        """Every run, in the order in which they started."""
        from langsmith import run_trees

        if run_trees._CLIENT is not None:
            run_trees._CLIENT.flush(timeout=10)
        return [Traced(run) for run in sorted(self._runs.values(), key=lambda run: run["dotted_order"])]

    def clear(self) -> None:
        """Forget what came so far."""
        assert self.runs
        self._runs.clear()
        self.sent.clear()

    async def _info(self, request: Request) -> Response:
        self.requests.append("GET /info")
        return JSONResponse(INFO, status_code=self.status)

    async def _take(self, request: Request) -> Response:
        self.requests.append(f"{request.method} {request.url.path}")
        body = await request.body()
        if request.headers.get("content-encoding") == "zstd":
            body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        self.sent.append(body)
        if self.status == 200:
            self._keep(request, body)
        await self._dawdle(request)
        return JSONResponse({}, status_code=202 if self.status == 200 else self.status)

    async def _dawdle(self, request: Request) -> None:
        """Let the client wait, as long as it does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.delay):
                while (await request.receive())["type"] != "http.disconnect":
                    pass

    def _keep(self, request: Request, body: bytes) -> None:
        if request.url.path == "/runs/multipart":
            kind = request.headers["content-type"]
            parts: Any = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body).get_payload()
            for part in parts:
                name = str(part.get_param("name", header="content-disposition")).split(".")
                found = json.loads(part.get_payload(decode=True))
                self._merge(name[1], found if len(name) == 2 else {name[2]: found})
        elif request.url.path == "/runs/batch":
            found = json.loads(body)
            for run in [*found.get("post", []), *found.get("patch", [])]:
                self._merge(run["id"], run)
        else:
            raise AssertionError(f"nothing is known of {request.method} {request.url.path}")

    def _merge(self, run_id: str, facts: dict[str, Any]) -> None:
        self._runs.setdefault(run_id, {}).update({key: value for key, value in facts.items() if value is not None})

"""A stand-in for LangSmith: it takes what the real client sends and puts the runs together again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from typing import Any, Self

import zstandard
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

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


@dataclass(frozen=True)
class Traced:
    """One run as it arrived, its post and its patches put together."""

    facts: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.facts.get(name)

    @property
    def metadata(self) -> dict[str, Any]:
        return (self.facts.get("extra") or {}).get("metadata") or {}

    @property
    def interval(self) -> tuple[float, float]:
        """Start and end in seconds."""
        start, end = (datetime.fromisoformat(self.facts[key]).timestamp() for key in ("start_time", "end_time"))
        return start, end


@dataclass
class Recorder:
    """Listens on loopback and keeps every run and every byte that was sent.

    Attributes:
        delay: Seconds before each answer.
        status: The answer's status; 200s are LangSmith's own 202.
    """

    delay: float = 0.0
    status: int = 202
    sent: list[bytes] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _runs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        routes = [Route(f"/{path}", self._take, methods=["POST", "PATCH"]) for path in ("{path:path}",)]
        self._http = Loopback(Starlette(routes=[Route("/info", self._info), *routes]))
        self.url = f"http://127.0.0.1:{self._http.listen()}"
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def runs(self) -> list[Traced]:
        """Every run, in the order in which they started."""
        return [Traced(run) for run in sorted(self._runs.values(), key=lambda run: run["dotted_order"])]

    async def _info(self, request: Request) -> Response:
        return await self._answer(request, INFO)

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "zstd":
            body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        self.sent.append(body)
        if self.status == 202:
            self._keep(request, body)
        return await self._answer(request, {})

    async def _answer(self, request: Request, content: Any) -> Response:
        self.requests.append(f"{request.method} {request.url.path}")
        await asyncio.sleep(self.delay)
        return JSONResponse(content, status_code=200 if request.method == "GET" and self.status == 202 else self.status)

    def _keep(self, request: Request, body: bytes) -> None:
        kind = request.headers.get("content-type", "")
        if request.url.path.endswith("/runs/multipart"):
            message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
            parts = message.get_payload()
            assert isinstance(parts, list)
            for part in parts:
                name = str(part.get_param("name", header="content-disposition"))
                self._merge(name.split("."), json.loads(part.get_payload(decode=True)))  # type: ignore[arg-type]
        elif request.url.path.endswith("/runs/batch"):
            found = json.loads(body)
            for run in [*found.get("post", []), *found.get("patch", [])]:
                self._merge(["", run["id"]], run)

    def _merge(self, name: list[str], found: Any) -> None:
        run = self._runs.setdefault(name[1], {})
        facts = found if len(name) == 2 else {name[2]: found}
        run.update({key: value for key, value in facts.items() if value is not None})

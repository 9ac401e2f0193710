"""What the tests of this folder ask, and the models that answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

from fusion_graph.testing import Answer, ReceivedCall, Responder, ScriptedServer

QUESTION = "Does a carbon tax cut emissions?"
PAGE_HOST = "127.0.0.1"
_NUMBERS = count(1)


def asked(text: str = QUESTION) -> dict[str, Any]:
    """A run's input."""
    return {"messages": [{"role": "user", "content": text}]}


def comparison(**lists: Any) -> str:
    """What a judge hands in: two drafts agree, unless lists are given."""
    names = ("consensus", "contradictions", "partial_coverage", "unique_insights", "blind_spots")
    empty: dict[str, Any] = {name: [] for name in names}
    agreed = {"consensus": [{"point": "It does.", "drafts": ["A", "B"], "sources": []}]}
    return json.dumps({**empty, **(lists or agreed)})


@dataclass
class Panel:
    """Two seats, a judge and a writer under names of their own."""

    server: ScriptedServer
    name: str = field(default_factory=lambda: f"house{next(_NUMBERS)}")

    def __post_init__(self) -> None:
        self.says("alpha", "It does, by a fifth.").says("beta", "It does, slowly.")
        self.says("judge", comparison()).says("writer", "It does, says the panel.")

    def model(self, part: str) -> str:
        return f"{self.name}/{part}"

    def says(self, part: str, *replies: Answer | Responder) -> Panel:
        self.server.on(self.model(part), *replies)
        return self

    def calls(self, part: str) -> list[ReceivedCall]:
        return self.server.calls_of(self.model(part))

    def context(self, *seats: Any, **settings: Any) -> dict[str, Any]:
        """A run's `context`: the seats given, or both, without tools unless they are asked for."""
        both = [self.model("alpha"), self.model("beta")]
        base = {"panel": list(seats) or both, "judge": self.model("judge"), "writer": self.model("writer")}
        return {**base, "tools": [], **settings}


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = (
            b"<html><title>A page</title><body><article><p>The tax was 40 dollars a tonne.</p></article></body></html>"
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        pass


@contextmanager
def web_page() -> Iterator[str]:
    """Serve one page."""
    with ThreadingHTTPServer((PAGE_HOST, 0), _Page) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://{PAGE_HOST}:{http.server_port}/tax"
        finally:
            http.shutdown()
            thread.join()

"""A running server over scripted models and a scripted search engine, for a real browser."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvicorn

from fusion_graph import Gateway, Resources
from fusion_graph.server.app import create_app
from fusion_graph.server.settings import ServerSettings
from fusion_graph.testing import ReceivedCall, Reply, Researcher, ScriptedServer, Text, Usage

ALPHA, BETA, GAMMA, JUDGE, WRITER = "acme/alpha", "bolt/beta", "core/gamma", "dune/delta", "echo/omega"
QUESTION = "Does a carbon tax cut emissions?"
PRESETS = f"""
[presets.house]
description = "Three scripted models, a judge and a writer."
panel = [
    {{ model = "{ALPHA}", label = "Alpha" }},
    {{ model = "{BETA}", label = "Beta", role = "sceptic" }},
    {{ model = "{GAMMA}", label = "Gamma" }},
]
judge = "{JUDGE}"
writer = "{WRITER}"
search = {{ engine = "searxng" }}

[presets.small]
description = "One scripted model."
panel = ["{BETA}"]
judge = "{JUDGE}"
writer = "{WRITER}"
tools = []
"""
DRAFTS = {
    ALPHA: (
        "## What the studies say\n\nA carbon tax cuts emissions where it is **high enough**. Sweden's tax of about "
        "120 euros a tonne lowered transport emissions by 6 to 11 percent.\n\n- The effect grows over the years.\n"
        "- Industry with exemptions hardly reacts.\n\nRevenue can be returned as a lump sum, which makes the tax "
        "popular."
    ),
    BETA: (
        "The evidence is thinner than it looks. Most estimates find **zero to two percent a year**, and British "
        "Columbia's tax shows leakage of fuel purchases across the border.\n\n1. Prices were low in most cases.\n"
        "2. Other policies were in force at the same time.\n\n| region | effect |\n|---|---|\n| Sweden | 6 to 11 % |\n"
        "| British Columbia | 5 to 15 % |"
    ),
    GAMMA: (
        "Yes: in 74 percent of the evaluated schemes emissions fell, by 5 to 21 percent. British Columbia saw 5 to 15 "
        "percent less than it would have had.\n\n> A price of 40 to 80 dollars was thought necessary for 2020.\n\n"
        "Nobody has good data on poor countries."
    ),
}
ANALYSIS = {
    "consensus": [
        {"point": "A carbon tax that is high enough lowers emissions.", "drafts": ["A", "B", "C"], "sources": ["S1"]},
        {"point": "Exempted industry hardly reacts.", "drafts": ["A", "B"], "sources": []},
    ],
    "contradictions": [
        {
            "topic": "How large the effect is",
            "stances": [
                {"draft": "A", "stance": "Transport emissions fell by 6 to 11 percent.", "sources": ["S1"]},
                {"draft": "B", "stance": "Zero to two percent a year in most estimates.", "sources": []},
                {"draft": "C", "stance": "5 to 21 percent in most schemes.", "sources": []},
            ],
        }
    ],
    "partial_coverage": [
        {"point": "British Columbia's tax cut emissions by 5 to 15 percent.", "drafts": ["B", "C"], "sources": []},
        {"point": "Revenue can be returned as a lump sum.", "drafts": ["A"], "sources": []},
    ],
    "unique_insights": [{"insight": "Fuel purchases leak across the border.", "draft": "B", "sources": ["S2"]}],
    "blind_spots": ["Nobody looks at poor countries in any detail."],
}
ANSWER = (
    "**Yes, where the price is high enough.** In most schemes that were evaluated emissions fell, by 5 to 21 percent "
    "[S1]. The size of the effect is contested: estimates per year are often below two percent [S2].\n\n"
    "- Sweden: transport emissions fell by 6 to 11 percent [S1, S3].\n- British Columbia: 5 to 15 percent.\n\n"
    "What nobody knows is how this carries over to poor countries."
)
FOUND = [
    ("https://example.org/review", "Carbon pricing: a systematic review"),
    ("https://example.com/leakage", "Leakage in British Columbia"),
    ("https://example.net/sweden", "Sweden's carbon tax and transport"),
]


class SearchStub:
    """A SearxNG on loopback that finds the same pages for every question."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        self.found = found
        self.asked: list[str] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stub.asked += parse_qs(urlsplit(self.path).query).get("q", [])
                results = [
                    {"url": u, "title": t, "content": f"{t}: an excerpt.", "engines": [], "category": "g"}
                    for u, t in stub.found
                ]
                body = json.dumps({"results": results}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()


def shown_as(call: ReceivedCall) -> dict[str, Any]:
    """The analysis, with the drafts under the letters that the judge saw them under."""
    prompt = call.prompt
    marks = {"A": "Sweden's tax", "B": "evidence is thinner", "C": "74 percent"}
    places = {name: prompt.find(mark) for name, mark in marks.items()}
    shown = sorted((name for name, at in places.items() if at >= 0), key=lambda name: places[name])
    letters = {name: "ABCDEFGH"[at] for at, name in enumerate(shown)}

    def named(value: Any) -> Any:
        if isinstance(value, list):
            return [
                named(one)
                for one in value
                if not isinstance(one, str) or len(one) > 1 or one in letters or one not in marks
            ]
        if isinstance(value, dict):
            return {key: letters.get(one, one) if key == "draft" else named(one) for key, one in value.items()}
        return letters.get(value, value) if isinstance(value, str) and len(value) == 1 else value

    return named(ANALYSIS)  # type: ignore[no-any-return]


class Door:
    """Keeps a model from answering until it is opened; searches pass."""

    def __init__(self) -> None:
        self._opened = threading.Event()

    def open(self) -> None:
        """Let everything through."""
        self._opened.set()

    def before(self, reply: Text | Researcher) -> Callable[[ReceivedCall], Awaitable[Reply]]:
        """Return the reply behind the door."""

        async def answer(call: ReceivedCall) -> Reply:
            said = reply(call) if isinstance(reply, Researcher) else reply
            while isinstance(said, Text) and not self._opened.is_set():  # noqa: ASYNC110 - opened in another thread
                await asyncio.sleep(0.01)
            return said

        return answer


class House:
    """Models, search engine and server.

    Attributes:
        models: The scripted models.
        search: The scripted search engine.
        settings: The operator's settings of the server.
        resources: The operator's side of the graphs, for the next start.
        url: The server's address; it stays the same when the server is started again.
    """

    def __init__(self, folder: Path, models: ScriptedServer, **settings: Any) -> None:
        self.models = models
        self.search = SearchStub(list(FOUND))
        presets = folder / "presets.toml"
        presets.write_text(PRESETS)
        self.resources = Resources(gateway=Gateway(models.base_url, ""), presets=presets, searxng_url=self.search.url)
        self.settings = ServerSettings(**{"database": str(folder / "runs.db"), "preset": "house", **settings})
        self._port = 0
        self._running: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._doors: list[Door] = []
        self._calls_before = 0
        self.script()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def script(self) -> None:
        """Let every model do its part."""
        for model in DRAFTS:
            self.models.on(model, researched(model))
        self.models.on(JUDGE, lambda call: Text(json.dumps(shown_as(call)), usage=Usage(3000, 500, cost=0.01)))
        self.models.on(WRITER, written())

    def hold(self, model: str) -> Door:
        """Let a seat or the writer search, but not write until the door is opened."""
        self._doors.append(Door())
        self.models.on(model, self._doors[-1].before(written() if model == WRITER else researched(model)))
        return self._doors[-1]

    def fresh(self) -> None:
        """Forget what a test changed: doors, scripts, what was found, calls so far."""
        while self._doors:
            self._doors.pop().open()
        self.script()
        self.search.found = list(FOUND)
        self._calls_before = len(self.models.calls)

    def calls_of(self, model: str) -> list[ReceivedCall]:
        """The calls of a model in this test."""
        return [call for call in self.models.calls[self._calls_before :] if call.model == model]

    def start(self) -> House:
        """Start the server, on the port it had before if it had one."""
        listener = socket.create_server(("127.0.0.1", self._port), reuse_port=True)
        self._port = listener.getsockname()[1]
        app = create_app(self.settings, self.resources)
        self._running = uvicorn.Server(
            uvicorn.Config(app, lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=1)
        )
        serve = self._running.serve
        self._thread = threading.Thread(target=lambda: asyncio.run(serve(sockets=[listener])), daemon=True)
        self._thread.start()
        until(lambda: self._running is not None and self._running.started, 20, "the server did not start")
        return self

    async def models_idle(self) -> None:
        """Wait until no model is being asked any more."""
        await self.models.until(lambda: self.models.open_requests == 0)

    def stop(self) -> None:
        """Stop the server."""
        if self._running is not None and self._thread is not None:
            self._running.should_exit = True
            self._thread.join(15)
        self._running = None

    def close(self) -> None:
        """Stop server and search engine."""
        self.fresh()
        self.stop()
        self.search.stop()


def researched(model: str) -> Researcher:
    """A seat's search and draft."""
    return Researcher(["carbon tax emissions"], DRAFTS[model], usage=Usage(1200, 300, cost=0.004))


def written() -> Text:
    """The answer."""
    return Text(ANSWER, usage=Usage(3500, 250, cost=0.012))


def until(told: Callable[[], object], seconds: float, otherwise: str) -> None:
    """Wait for something.

    Args:
        told: What must become true.
        seconds: How long to wait.
        otherwise: What the error says.

    Raises:
        RuntimeError: It did not.
    """
    deadline = time.monotonic() + seconds
    while not told():
        if time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        time.sleep(0.01)

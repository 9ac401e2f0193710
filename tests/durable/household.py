"""A scripted panel, judge and writer, and what of their work is saved."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from mortal import QUESTION, Keep, Life, Mortal

from fusion_graph import FusionConfig, Gateway, Resources
from fusion_graph.testing import ReceivedCall, ScriptedServer, Text

ALPHA, BETA, GAMMA = "acme/alpha", "bolt/beta", "core/gamma"
JUDGE, WRITER = "dune/delta", "echo/omega"
ANSWER = "On balance it does, says the panel."
NEVER = Text("too late", delay=60)
"""What hangs until its client is gone."""
COMPARED = json.dumps(
    {
        "consensus": [{"point": "It does.", "drafts": ["A", "B"], "sources": []}],
        "contradictions": [],
        "partial_coverage": [],
        "unique_insights": [],
        "blind_spots": [],
    }
)


@dataclass
class House:
    """The scripted server, and what its models say unless a test has them say something else."""

    server: ScriptedServer

    def __post_init__(self) -> None:
        for model in (ALPHA, BETA, GAMMA):
            self.server.on(model, f"It does, says {model}.")
        self.server.on(JUDGE, COMPARED)
        self.server.on(WRITER, ANSWER)

    @property
    def resources(self) -> Resources:
        return Resources(gateway=Gateway(self.server.base_url, ""))

    def config(self, **settings: Any) -> FusionConfig:
        return FusionConfig.model_validate(self.plain(**settings))

    def plain(self, **settings: Any) -> dict[str, Any]:
        return {"panel": [ALPHA, BETA], "judge": JUDGE, "writer": WRITER, "tools": [], **settings}

    def life(self, keep: Keep, act: str = "ask", *, kind: Any = "fusion", **more: Any) -> Life:
        """A process of this house; settings that are no fields of `Life` go into its config."""
        own = {key: more.pop(key) for key in ("given", "context", "corpus", "config") if key in more}
        config = own.pop("config", None) or self.plain(**more)
        return Life(keep, self.server.base_url, config, kind=kind, act=act, **own)

    def lives(self, keep: Keep, act: str = "ask", **more: Any) -> Mortal:
        return Mortal(self.life(keep, act, **more))

    def calls(self, model: str) -> list[ReceivedCall]:
        return self.server.calls_of(model)

    @property
    def counts(self) -> dict[str, int]:
        """Calls by model."""
        return dict(Counter(call.model for call in self.server.calls))

    async def asked(self, model: str, times: int = 1) -> None:
        """Wait until a model was asked so often."""
        await self.server.until(lambda: len(self.calls(model)) >= times, timeout=20)


async def saved(keep: Keep, outcome: str | None = None) -> set[str]:
    """The seats that have ended - if so asked, in one way - as the thread's checkpoints have it, of all namespaces."""
    found: set[str] = set()
    async with keep.opened() as saver:
        async for entry in saver.alist(keep.config):
            held = [entry.checkpoint["channel_values"].get("outcomes") or {}]
            held += [value for _, channel, value in entry.pending_writes or [] if channel == "outcomes"]
            entries = [entry for outcomes in held if isinstance(outcomes, dict) for entry in outcomes.values()]
            found |= {entry["seat_id"] for entry in entries if outcome in (None, entry["outcome"])}
    return found


async def until_saved(keep: Keep, *seat_ids: str, outcome: str | None = None, seconds: float = 20.0) -> None:
    """Wait until the outcomes of these seats are saved."""
    deadline = time.monotonic() + seconds
    while not set(seat_ids) <= await saved(keep, outcome):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not saved within {seconds:g} s: {seat_ids}")
        await asyncio.sleep(0.01)


def human(text: str = QUESTION) -> tuple[str, str]:
    return ("human", text)


def seat(output: dict[str, Any], seat_id: str) -> dict[str, Any]:
    """A seat's entry on the receipt."""
    return dict(next(entry for entry in output["receipt"]["seats"] if entry["seat_id"] == seat_id))

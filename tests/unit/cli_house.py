"""A small scripted panel for the tests of the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from fusion_graph.testing import Fault, Researcher, ScriptedServer, Text, Usage

ANALYSIS = {
    "consensus": [{"point": "A price lowers emissions.", "drafts": ["A", "B"], "sources": ["S1"]}],
    "contradictions": [
        {
            "topic": "How much industry leaves",
            "stances": [
                {"draft": "A", "stance": "Hardly any does.", "sources": []},
                {"draft": "B", "stance": "A quarter does.", "sources": []},
            ],
        }
    ],
    "partial_coverage": [],
    "unique_insights": [{"insight": "Patents doubled.", "draft": "B", "sources": []}],
    "blind_spots": ["Nobody speaks of aviation."],
}
MODELS = ("--panel", "acme/alpha,acme/beta", "--judge", "acme/judge", "--writer", "acme/writer")
FUSION = (sys.executable, "-m", "fusion_graph.cli")


def seat_them(server: ScriptedServer) -> ScriptedServer:
    """Script two seats, a judge and a writer; `acme/broke` has no credit."""
    server.on("acme/alpha", Researcher(["leakage"], "Draft of alpha.", usage=Usage(100, 20, cost=0.01)))
    server.on("acme/beta", Text("Draft of beta.", served_model="acme/beta-0425", usage=None))
    server.on("acme/broke", Fault(402))
    server.on("acme/judge", Text(json.dumps(ANALYSIS), usage=Usage(300, 50, cost=0.02)))
    server.on("acme/writer", Text("It **depends** [S1].", usage=Usage(400, 60, cost=0.03)))
    return server


def asked(server: ScriptedServer, *more: str, models: Sequence[str] = MODELS, question: str = "Why?") -> list[str]:
    """Return the arguments of `fusion` that ask a panel of the scripted server."""
    return ["ask", "--gateway-url", server.base_url, *models, *more, question]

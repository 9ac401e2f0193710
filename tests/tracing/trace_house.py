"""A scripted panel whose calls report what they cost."""

from __future__ import annotations

import json

from fusion_graph import FusionConfig, Gateway, Resources, Seat
from fusion_graph.testing import ScriptedServer, Text, Usage

ALPHA, BETA, JUDGE, WRITER = "acme/alpha", "bolt/beta", "cato/judge", "dora/writer"
GATEWAY_KEY = "planted-gateway-key-0123456789"
LANGSMITH_KEY = "lsv2_pt_planted_0123456789"
ANALYSIS = json.dumps(
    {
        "consensus": [{"point": "It does.", "drafts": ["A"], "sources": []}],
        "contradictions": [],
        "partial_coverage": [],
        "unique_insights": [],
        "blind_spots": ["Since when."],
    }
)


def script(server: ScriptedServer) -> ScriptedServer:
    """Script four models; the first serves another version than was asked for."""
    server.on(ALPHA, Text("It does.", served_model=f"{ALPHA}-0425", usage=Usage(100, 20, cost=0.01)))
    server.on(BETA, Text("It does, mostly.", usage=Usage(110, 30, cost=0.02)))
    server.on(JUDGE, Text(ANALYSIS, usage=Usage(900, 80, cost=0.03)))
    server.on(WRITER, Text("It does indeed.", usage=Usage(700, 40, cost=0.04)))
    return server


def config(**changes: object) -> FusionConfig:
    """Two seats, the second with a role; no tools."""
    panel = [Seat(model=ALPHA), Seat(model=BETA, role="The sceptic")]
    return FusionConfig.model_validate(
        {"panel": panel, "judge": JUDGE, "writer": WRITER, "tools": [], **changes},
    )


def resources(server: ScriptedServer, **changes: object) -> Resources:
    """A gateway that wants a key."""
    return Resources(gateway=Gateway(server.base_url, "PLANTED_GATEWAY_API_KEY"), **changes)  # type: ignore[arg-type]

"""The HTTP app as LangGraph Server loads it: `langgraph.json` names `app` in here."""

from __future__ import annotations

from fusion_graph.server.app import create_app

app = create_app(mcp=False)

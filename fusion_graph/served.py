"""The graphs that `langgraph.json` serves, built from `FUSION_...` variables."""

from __future__ import annotations

from fusion_graph.agent import build_fusion_agent
from fusion_graph.graph import build_deliberation_graph, build_fusion_graph
from fusion_graph.resources import Resources

_resources = Resources.from_env()

fusion = build_fusion_graph(resources=_resources)
deliberation = build_deliberation_graph(resources=_resources)
fusion_agent = build_fusion_agent(resources=_resources)

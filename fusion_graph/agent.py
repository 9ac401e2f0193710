"""The graph whose calling model decides: it has the tool `fusion` beside the caller's own, and writes the answer."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.tools import BaseTool
from langgraph.graph import END, START, StateGraph
from langgraph.types import Checkpointer

from fusion_graph.config import FusionConfig
from fusion_graph.graph import Graph, build_deliberation_graph
from fusion_graph.kit import Kit
from fusion_graph.nodes.caller import caller_node
from fusion_graph.offer import CALLER
from fusion_graph.resources import Resources
from fusion_graph.resume import durable
from fusion_graph.state import FusionInput, FusionOutput, FusionState
from fusion_graph.tool import graph_tool


def build_fusion_agent(
    config: FusionConfig | None = None,
    *,
    tools: Sequence[BaseTool] = (),
    resources: Resources | None = None,
    checkpointer: Checkpointer = None,
    name: str = "fusion_agent",
) -> Graph:
    """Build the agent that convenes a panel when it decides to, or when `tool_choice` says that it must.

    A run may bring tools of its own in `context`: `caller_tools`, which run here, and `client_tools`, with whose call
    the run ends. Its last message then holds the client's calls, the status is `ok`, and no message is an answer; the
    next run goes on from the same messages with the client's results behind them. Calls of the same turn that run here
    were run, and stand with their results before that message, so that every call has its result. What was said,
    convened and found in an earlier run of the same user turn counts: there is one fusion in it, and its sources may
    be cited. With `may_deliberate=False` there is no `fusion` and no panel is needed.

    Args:
        config: Defaults, below those that each run gives as `context`. `writer` is the calling model.
        tools: The caller's own tools; they work beside `fusion` and never reach the panel.
        resources: The operator's side; read from `FUSION_...` variables when unset.
        checkpointer: Where runs are saved.
        name: The graph's name in traces.

    Returns:
        A compiled graph with the same input and output as the others; `receipt.deliberated` says whether a
        panel was convened in this run, and analysis and responses are empty where none was.
    """
    kit = Kit(config, resources)
    fusion = graph_tool(build_deliberation_graph(config, resources=kit.resources))
    builder = StateGraph(FusionState, context_schema=FusionConfig, input_schema=FusionInput, output_schema=FusionOutput)
    builder.add_node(CALLER, caller_node(kit, fusion, tools))  # type: ignore[call-overload]
    builder.add_edge(START, CALLER)
    builder.add_edge(CALLER, END)
    return durable(builder.compile(checkpointer=checkpointer, name=name), checkpointer)

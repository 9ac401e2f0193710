"""The graphs, wired.

            ┌─► panelist (seat A) ─┐
START ─► fan_out ─► panelist (seat B) ─► join ─► judge ─► writer ─► END
            └─► panelist (seat C) ─┘
"""

from __future__ import annotations

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer

from fusion_graph.config import FusionConfig
from fusion_graph.kit import Kit
from fusion_graph.nodes.fan_out import fan_out_node
from fusion_graph.nodes.join import after_join, join_node
from fusion_graph.nodes.judge import after_judge, judge_node
from fusion_graph.nodes.panelist import panelist_node
from fusion_graph.nodes.review import review_node
from fusion_graph.nodes.writer import writer_node
from fusion_graph.resources import Resources
from fusion_graph.resume import durable
from fusion_graph.state import FusionInput, FusionOutput, FusionState, PanelistTask

Graph = CompiledStateGraph[FusionState, FusionConfig, FusionInput, FusionOutput]


def build_fusion_graph(
    config: FusionConfig | None = None,
    *,
    resources: Resources | None = None,
    checkpointer: Checkpointer = None,
    name: str = "fusion",
) -> Graph:
    """Build the whole picture: panel, judge, writer. It always deliberates.

    Args:
        config: Defaults, below those that each run gives as `context`.
        resources: The operator's side: gateway, chat model instances, tools, folder. Read from `FUSION_...`
            variables when unset.
        checkpointer: Where runs are saved; a graph used as a subgraph takes its parent's.
        name: The graph's name in traces.

    Returns:
        A compiled graph. Run it with `await graph.ainvoke({"messages": [...]}, context={...})`; it is
        asynchronous throughout. What it takes and gives is described by `FusionInput` and `FusionOutput`.
    """
    kit = Kit(config, resources)
    builder = _up_to_judge(kit, writes=True)
    builder.add_node("review", review_node())  # type: ignore[call-overload]
    builder.add_node("writer", writer_node(kit))  # type: ignore[call-overload]
    builder.add_conditional_edges("judge", after_judge(kit), ["review", "writer"])
    builder.add_edge("review", "writer")
    builder.add_edge("writer", END)
    return durable(builder.compile(checkpointer=checkpointer, name=name), checkpointer)


def build_deliberation_graph(
    config: FusionConfig | None = None,
    *,
    resources: Resources | None = None,
    checkpointer: Checkpointer = None,
    name: str = "deliberation",
) -> Graph:
    """Build the graph that stops after the judge: the divergence of a panel, and no prose.

    Args:
        config: Defaults, below those that each run gives as `context`.
        resources: The operator's side; read from `FUSION_...` variables when unset.
        checkpointer: Where runs are saved.
        name: The graph's name in traces.

    Returns:
        A compiled graph with the same input and output; it adds no message.
    """
    builder = _up_to_judge(Kit(config, resources), writes=False)
    builder.add_edge("judge", END)
    return durable(builder.compile(checkpointer=checkpointer, name=name), checkpointer)


def _up_to_judge(kit: Kit, *, writes: bool) -> StateGraph[FusionState, FusionConfig, FusionInput, FusionOutput]:
    builder = StateGraph(FusionState, context_schema=FusionConfig, input_schema=FusionInput, output_schema=FusionOutput)
    # LangGraph's node types know no function that takes runtime and config both; LangGraph itself does.
    builder.add_node("fan_out", fan_out_node(kit, writes=writes), destinations=("panelist",))  # type: ignore[call-overload]
    builder.add_node("panelist", panelist_node(kit, writes=writes), input_schema=PanelistTask)  # type: ignore[call-overload]
    builder.add_node("join", join_node(kit))  # type: ignore[call-overload]
    builder.add_node("judge", judge_node(kit, ends=not writes))  # type: ignore[call-overload]
    builder.add_edge(START, "fan_out")
    builder.add_edge("panelist", "join")
    builder.add_conditional_edges("join", after_join, ["judge", END])
    return builder

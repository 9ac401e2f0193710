"""The calling model that decides: it has the tool `fusion` beside the caller's own tools, and writes the answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Checkpointer

from fusion_graph.config import FusionConfig
from fusion_graph.detect import choose
from fusion_graph.drafts_block import split_question
from fusion_graph.errors import ConfigError
from fusion_graph.events import emitter
from fusion_graph.graph import Graph, build_deliberation_graph
from fusion_graph.kit import Kit, guard_depth, part_config
from fusion_graph.meter import Meter
from fusion_graph.middleware.fusion_once import FusionOnce
from fusion_graph.middleware.overflow import TrimOnOverflow
from fusion_graph.middleware.retry import Retry
from fusion_graph.middleware.step_limit import StepLimit
from fusion_graph.middleware.tool_guard import ToolGuard
from fusion_graph.prompting import render
from fusion_graph.quirks import withdrawal
from fusion_graph.receipt import PartReceipt, Receipt
from fusion_graph.resources import Resources
from fusion_graph.seats import writer_of
from fusion_graph.sources import Registry, Source
from fusion_graph.state import FusionInput, FusionOutput, FusionState
from fusion_graph.tool import FUSION, graph_tool

CALLER = "caller"
MAX_STEPS = 30
"""Tool steps of the calling model; OpenRouter's outer loop has the same cap."""

Caller = Callable[[FusionState, Runtime[FusionConfig], RunnableConfig], Awaitable[dict[str, Any]]]


def build_fusion_agent(
    config: FusionConfig | None = None,
    *,
    tools: Sequence[BaseTool] = (),
    resources: Resources | None = None,
    checkpointer: Checkpointer = None,
    name: str = "fusion_agent",
) -> Graph:
    """Build the agent that convenes a panel when it decides to, or when `tool_choice` is `required`.

    Args:
        config: Defaults, below those that each run gives as `context`. `writer` is the calling model.
        tools: The caller's own tools; they work beside `fusion` and never reach the panel.
        resources: The operator's side; read from `FUSION_...` variables when unset.
        checkpointer: Where runs are saved.
        name: The graph's name in traces.

    Returns:
        A compiled graph with the same input and output as the others; `receipt.deliberated` says whether a
        panel was convened, and the rest of the output is empty where none was.
    """
    kit = Kit(config, resources)
    fusion = graph_tool(build_deliberation_graph(config, resources=kit.resources))
    builder = StateGraph(FusionState, context_schema=FusionConfig, input_schema=FusionInput, output_schema=FusionOutput)
    builder.add_node(CALLER, caller_node(kit, fusion, tools))
    builder.add_edge(START, CALLER)
    builder.add_edge(CALLER, END)
    return builder.compile(checkpointer=checkpointer, name=name)


def caller_node(kit: Kit, fusion: BaseTool, tools: Sequence[BaseTool]) -> Caller:
    """Make the node that runs the calling model.

    Args:
        kit: The graph's kit.
        fusion: The tool that convenes the panel.
        tools: The caller's own tools.

    Returns:
        The node.
    """

    async def caller(state: FusionState, runtime: Runtime[FusionConfig], config: RunnableConfig) -> dict[str, Any]:
        guard_depth(config)
        settings, why = await _settings(kit, runtime.context)
        try:
            question, _ = split_question(state["messages"])
        except ValueError as error:
            raise ConfigError(str(error)) from error
        started, opened, meter = time.monotonic(), round(time.time(), 3), Meter()
        emit = emitter(runtime.stream_writer)
        middleware = [
            StepLimit(MAX_STEPS, withdrawal=withdrawal(writer_of(settings)), last_turn=render("last_turn", settings.prompts)),
            FusionOnce(settings.tool_choice, question),
            TrimOnOverflow(),
            Retry(),
            ToolGuard(CALLER, emit),
        ]
        model = kit.models.get(writer_of(settings), kit.writer_settings(settings), asked_by="writer")
        prompt = render("caller", settings.prompts)
        agent = create_agent(model, [fusion, *tools], system_prompt=prompt, middleware=middleware, name=CALLER)
        own = part_config(config, CALLER, meter, deeper=False, model=writer_of(settings))
        result = await agent.ainvoke({"messages": state["messages"]}, own)
        part = PartReceipt.of(CALLER, writer_of(settings), meter, started)
        return _output(result["messages"][len(state["messages"]) :], settings, part, why, opened)

    return caller


async def _settings(kit: Kit, context: Any) -> tuple[FusionConfig, str]:
    settings = kit.settle(context)
    if settings.panel is not None:
        return settings, "named in the config"
    choice = await choose(kit.models, kit.resources)
    return settings.over(choice.config), choice.why


def _output(
    new: Sequence[AnyMessage], settings: FusionConfig, part: PartReceipt, why: str, opened: float
) -> dict[str, Any]:
    held = _deliberation(new)
    registry = Registry([Source.model_validate(source) for source in (held or {}).get("sources", [])])
    answer = new[-1]
    text = str(answer.text)
    if isinstance(answer, AIMessage):
        answer.additional_kwargs["annotations"] = registry.annotations(text)
    receipt = Receipt.model_validate(held["receipt"]) if held else Receipt(preset=settings.preset, chosen=why, deliberated=False)
    receipt = receipt.model_copy(update={"started_at": opened}).amended(
        writer=part, citations=registry.check(text) if held else None, status="ok", failure_reason=None
    )
    empty = {"analysis": None, "responses": [], "failed_models": [], "sources": []}
    kept = {key: held[key] for key in empty} if held else empty
    return {"messages": list(new), **kept, "receipt": receipt.as_state(), "status": "ok", "failure_reason": None}


def _deliberation(messages: Sequence[AnyMessage]) -> dict[str, Any] | None:
    for message in messages:
        if isinstance(message, ToolMessage) and message.name == FUSION and isinstance(message.artifact, dict):
            output = message.artifact.get("output")
            if output is not None:
                return dict(output)
    return None

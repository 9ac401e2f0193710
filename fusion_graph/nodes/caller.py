"""`caller`: the calling model that decides whether to convene a panel, and writes the answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from fusion_graph.answer import annotated, degradations, fallback
from fusion_graph.budget import Ledger, marks, surrounding
from fusion_graph.config import FusionConfig
from fusion_graph.detect import choose
from fusion_graph.drafts_block import split_question
from fusion_graph.errors import ConfigError
from fusion_graph.events import Emit, emitter
from fusion_graph.failures import Failure, classify
from fusion_graph.kit import Kit, guard_depth, part_config
from fusion_graph.meter import Meter
from fusion_graph.middleware.budget import budgeted
from fusion_graph.middleware.fusion_once import FusionOnce
from fusion_graph.middleware.overflow import TrimOnOverflow
from fusion_graph.middleware.retry import Retry
from fusion_graph.middleware.step_limit import StepLimit
from fusion_graph.middleware.tool_guard import ToolGuard
from fusion_graph.nested import within
from fusion_graph.outcomes import ending
from fusion_graph.prompting import render
from fusion_graph.purse import Purse
from fusion_graph.quirks import withdrawal
from fusion_graph.receipt import Degradation, PartReceipt, Receipt
from fusion_graph.resume import resumed, resuming
from fusion_graph.review import check_review
from fusion_graph.seats import check, resolved, writer_of
from fusion_graph.ledgers import CALLER, caller_ledger, not_enforceable
from fusion_graph.sources import Registry, Source
from fusion_graph.state import FusionState
from fusion_graph.tracing import note_part, note_run, part_facts

MAX_STEPS = 30
"""Tool steps of the calling model; OpenRouter's outer loop has the same cap."""
_REASONS = frozenset({"insufficient_credits", "rate_limited", "invalid_model", "cancelled"})

Caller = Callable[[FusionState, Runtime[FusionConfig], RunnableConfig], Awaitable[dict[str, Any]]]


def caller_node(kit: Kit, fusion: BaseTool, tools: Sequence[BaseTool]) -> Caller:
    """Make the node.

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
        _can_decide(settings)
        check_review(settings, config, writes=False)
        await check(kit, settings, resolved(settings), writes=True)
        once = FusionOnce(settings.tool_choice, _question(state))
        ledger = await caller_ledger(kit, settings, state["messages"])
        started, opened, meter = time.monotonic(), round(time.time(), 3), Meter(kit.prices.price)
        cap = kit.writer_settings(settings).max_tokens or settings.max_completion_tokens
        purse = Purse(ledger, CALLER, kit.prices, cap)
        middleware = _middleware(settings, once, emitter(runtime.stream_writer), purse)
        meter.resumed = resuming(config)
        own = part_config(config, CALLER, meter, deeper=False, requested_model=writer_of(settings))
        with surrounding(ledger):
            new, failure = await _ask(kit, settings, [fusion, *tools], middleware, state["messages"], own)
        meter.recall(CALLER, writer_of(settings), new)
        part = PartReceipt.of(CALLER, writer_of(settings), meter, started, failure)
        opening = Receipt(preset=settings.preset, chosen=why, deliberated=False, started_at=opened)
        opening = opening.amended(limits=ledger.entry(), degraded=not_enforceable(ledger))
        output = _output(new, failure, once.output, opening, part, ledger, resumed(CALLER, meter))
        note_part(config, part_facts(CALLER, part))
        note_run(config, Receipt.model_validate(output["receipt"]))
        return output

    return caller


async def _settings(kit: Kit, context: Any) -> tuple[FusionConfig, str]:
    settings = kit.settle(context)
    if settings.panel is not None:
        return settings, "named in the config"
    choice = await choose(kit.models, kit.resources)
    return settings.over(choice.config), choice.why


def _can_decide(settings: FusionConfig) -> None:
    caller = writer_of(settings)
    if caller.startswith("offline:"):
        raise ConfigError(
            f"writer: {caller!r} calls no language model and cannot decide whether to deliberate; "
            "name a calling model in `writer`, or use the graph `fusion` (--mode fuse)"
        )


def _question(state: FusionState) -> str:
    try:
        return split_question(state["messages"])[0]
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _middleware(settings: FusionConfig, once: FusionOnce, emit: Emit, purse: Purse) -> list[AgentMiddleware[Any, Any]]:
    last_turn = render("last_turn", settings.prompts)
    limit = StepLimit(MAX_STEPS, withdrawal=withdrawal(writer_of(settings)), last_turn=last_turn)
    return [limit, once, TrimOnOverflow(), Retry(), *budgeted(purse, limit), ToolGuard(CALLER, emit)]


async def _ask(
    kit: Kit,
    settings: FusionConfig,
    tools: Sequence[BaseTool],
    middleware: Sequence[AgentMiddleware[Any, Any]],
    messages: Sequence[AnyMessage],
    config: RunnableConfig,
) -> tuple[list[AnyMessage], Failure | None]:
    """Run the calling model; what it or its provider did wrong comes back typed, without messages."""
    model = kit.models.get(writer_of(settings), kit.writer_settings(settings), asked_by="writer")
    prompt = render("caller", settings.prompts)
    agent = create_agent(model, tools, system_prompt=prompt, middleware=middleware, name=CALLER)
    try:
        result = await within(config, lambda own: agent.ainvoke({"messages": list(messages)}, own))
    except GraphBubbleUp:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: the panel's drafts are kept, and the failure is typed
        return [], classify(error)
    new = list(result["messages"][len(messages) :])
    answer = new[-1] if new and isinstance(new[-1], AIMessage) else AIMessage("")
    _, failure = ending(answer)
    return ([] if failure else new), failure


def _output(
    new: list[AnyMessage],
    failure: Failure | None,
    held: dict[str, Any] | None,
    opening: Receipt,
    part: PartReceipt,
    ledger: Ledger,
    again: list[Degradation],
) -> dict[str, Any]:
    """Bring a turn into the output of every graph: with what a panel gave if one was convened, else empty."""
    empty: dict[str, Any] = {"analysis": None, "responses": [], "failed_models": [], "sources": []}
    kept = {key: (held or {}).get(key, value) for key, value in empty.items()}
    registry = Registry([Source.model_validate(source) for source in kept["sources"]])
    receipt = Receipt.model_validate(held["receipt"]) if held else opening
    started = min(one.started_at for one in (receipt, opening) if one.started_at is not None)
    receipt = receipt.model_copy(update={"started_at": started, "limits": ledger.entry()})
    reached = [*again, *marks(ledger, receipt, CALLER, final=True)]
    answer = new[-1] if new and isinstance(new[-1], AIMessage) else None
    if answer is None and not kept["responses"]:
        reason = failure.kind if failure and failure.kind in _REASONS else "unexpected_error"
        receipt = receipt.amended(
            writer=part,
            degraded=[*degradations(None, failure, None), *reached],
            status="error",
            failure_reason=reason,
        )
        return {**kept, "receipt": receipt.as_state(), "status": "error", "failure_reason": reason}
    message, checked = (
        annotated(answer, registry) if answer else fallback(kept["responses"], kept["analysis"], registry)
    )
    receipt = receipt.amended(
        writer=part,
        citations=checked if held else None,
        degraded=[*degradations(answer, failure, checked if held else None), *reached],
        status="ok",
        failure_reason=None,
    )
    messages = [*new[:-1], message] if answer else [message]
    return {"messages": messages, **kept, "receipt": receipt.as_state(), "status": "ok", "failure_reason": None}

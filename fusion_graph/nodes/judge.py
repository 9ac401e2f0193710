"""`judge`: compare the drafts, blind, at temperature 0, and return a typed analysis or none."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from langchain.agents.middleware import AgentMiddleware
from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from fusion_graph.budget import Ledger, marks
from fusion_graph.config import FusionConfig
from fusion_graph.drafts_block import RESERVED, Block, Labelled, drafts_block, split_question, transcript
from fusion_graph.events import Emit, emitter
from fusion_graph.kinship import kinships
from fusion_graph.kit import Kit, part_config
from fusion_graph.ladder import Ladder, Verdict, schema_text
from fusion_graph.ledgers import reader_ledger
from fusion_graph.meter import Meter
from fusion_graph.middleware.budget import budgeted
from fusion_graph.middleware.overflow import NOTE, TrimOnOverflow
from fusion_graph.middleware.retry import Retry
from fusion_graph.middleware.step_limit import StepLimit
from fusion_graph.middleware.temperature import DropTemperature
from fusion_graph.middleware.tool_guard import ToolGuard
from fusion_graph.models import DEFAULT_WINDOW, context_window
from fusion_graph.nodes.join import in_order, labelled
from fusion_graph.outcomes import PanelistOutcome
from fusion_graph.prompting import render
from fusion_graph.purse import Purse
from fusion_graph.quirks import withdrawal
from fusion_graph.receipt import Degradation, PartReceipt, Receipt
from fusion_graph.resume import resumed, this_process
from fusion_graph.seats import judge_of, writer_of
from fusion_graph.sources import JUDGE, Registry, Source, found_in
from fusion_graph.state import FusionState
from fusion_graph.tracing import note_part, note_run, part_facts
from fusion_graph.unblind import Unblinder

SCHEMA_TOKENS = 2_500
"""Tokens of the analysis's schema, which a provider that knows schemas is sent beside the prompt."""

Judge = Callable[[FusionState, Runtime[FusionConfig], RunnableConfig], Awaitable[dict[str, Any]]]


def judge_node(kit: Kit, *, ends: bool) -> Judge:
    """Make the node.

    Args:
        kit: The graph's kit.
        ends: Whether the run ends here, without a writer.

    Returns:
        The node.
    """

    async def judge(state: FusionState, runtime: Runtime[FusionConfig], config: RunnableConfig) -> dict[str, Any]:
        settings = kit.settle(runtime.context, state["settings"])
        emit = emitter(runtime.stream_writer)
        emit("analysis.in_progress", model=judge_of(settings))
        started, meter = time.monotonic(), Meter(kit.prices.price)
        meter.resumed = kit.began_before(state["run_key"], JUDGE, state["process"])
        window = drafts_window(kit, settings, writes=not ends)
        trim, temperature, outcomes = TrimOnOverflow(), DropTemperature(), in_order(state)
        block = shared_block(state, outcomes, settings, window)
        own = part_config(config, JUDGE, meter, requested_model=judge_of(settings))
        receipt, writes = Receipt.model_validate(state["receipt"]), not ends
        ledger = reader_ledger(kit, state["run_key"], settings, receipt, block.text, writes=writes)
        ladder = _ladder(kit, settings, state["run_key"], block.text, emit, own, [trim, temperature], ledger)
        verdict = await ladder.climb()
        meter.recall(JUDGE, judge_of(settings), verdict.messages)
        update = _read(state, outcomes, verdict)
        part = PartReceipt.of(JUDGE, judge_of(settings), meter, started, verdict.failure)
        ledger.done(JUDGE)
        reached = marks(ledger, receipt, JUDGE, final=ends)
        degraded = [*_cut(block), *_degraded(verdict, trim, temperature), *resumed(JUDGE, meter), *reached]
        receipt = receipt.amended(
            limits=ledger.entry(),
            judge=part,
            rung=verdict.rung,
            degraded=degraded,
            kinship=kinships(kit.models.catalog, settings, outcomes, writes=not ends),
            status="ok" if ends else None,
        )
        ended = {"outcome": verdict.reason} if verdict.reason else {"rung": verdict.rung}
        note_part(config, {**part_facts(JUDGE, part), **ended})
        emit("analysis.completed", analysis=update["analysis"], rung=verdict.rung, reason=verdict.reason)
        if ends:
            note_run(config, receipt)
            kit.forget(state["run_key"])
            emit("fusion.completed", status="ok", failure_reason=None)
        settled = {"window": window, "process": this_process(), "status": "ok" if ends else ""}
        return {**update, **settled, "receipt": receipt.as_state()}

    return judge


def after_judge(kit: Kit) -> Callable[[FusionState], Awaitable[Literal["review", "writer"]]]:
    """Make the route: to the writer, or to a person first."""

    async def route(state: FusionState) -> Literal["review", "writer"]:
        return "review" if "writer" in kit.settle(None, state["settings"]).review else "writer"

    return route


def _ladder(
    kit: Kit,
    settings: FusionConfig,
    run_key: str,
    block: str,
    emit: Emit,
    config: RunnableConfig,
    healing: Sequence[AgentMiddleware[Any, Any]],
    ledger: Ledger,
) -> Ladder:
    cap = kit.judge_settings(settings).max_tokens or settings.max_completion_tokens
    purse = Purse(ledger, JUDGE, kit.prices, cap, margin=SCHEMA_TOKENS)
    steps, last_turn = settings.max_tool_calls, render("last_turn", settings.prompts)

    def middleware(keep: Sequence[str]) -> list[AgentMiddleware[Any, Any]]:
        limit = StepLimit(steps, withdrawal=withdrawal(judge_of(settings)), last_turn=last_turn, keep=keep)
        return [limit, *healing, Retry(), *budgeted(purse, limit), ToolGuard(JUDGE, emit)]

    tools = kit.tools(settings, None, run_key)
    return Ladder(
        loops=kit.loops,
        model=kit.models.get(judge_of(settings), kit.judge_settings(settings), asked_by="judge"),
        tools=tools,
        system=render("deliberation", settings.prompts),
        prompt=f"{block}\n\n{judge_prompt(settings, has_tools=bool(tools))}",
        repair=lambda fault: render("repair", settings.prompts, fault=fault, schema=schema_text()),
        middleware=middleware,
        config=config,
    )


def _cut(block: Block) -> list[Degradation]:
    detail = "the draft was cut to fit the window of judge and writer"
    return [Degradation(part=seat_id, reason="draft_cut", detail=detail) for seat_id in block.cut]


def _degraded(verdict: Verdict, trim: TrimOnOverflow, temperature: DropTemperature) -> list[Degradation]:
    found: list[Degradation] = []
    if verdict.reason is not None:
        found.append(Degradation(part=JUDGE, reason=verdict.reason, detail=verdict.detail))
    if trim.trimmed:
        found.append(Degradation(part=JUDGE, reason=NOTE, detail="what its tools returned was cut to half"))
    if temperature.dropped:
        detail = "the model takes no temperature"
        found.append(Degradation(part=JUDGE, reason="temperature_dropped", detail=detail))
    return found


def judge_prompt(settings: FusionConfig, *, has_tools: bool) -> str:
    """Render the judge's instructions, which follow the drafts block."""
    tools = (
        f"\nYou may check contested points with your tools, in at most {settings.max_tool_calls} steps. "
        "What you find does not become a draft's claim.\n"
    )
    return render("judge", settings.prompts, tools=tools if has_tools else "", schema=schema_text())


def shown_drafts(state: FusionState, outcomes: Sequence[PanelistOutcome]) -> list[Labelled]:
    """Return the drafts as they are shown; the same in every node and after a resume."""
    return labelled(state["shown"], [outcome for outcome in outcomes if outcome.usable])


def drafts_window(kit: Kit, settings: FusionConfig, *, writes: bool) -> int:
    """Tokens for the drafts block in the smaller of the two windows, with output and instructions kept free."""
    readers = [kit.models.get(judge_of(settings), kit.judge_settings(settings), asked_by="judge")]
    if writes:
        readers.append(kit.models.get(writer_of(settings), kit.writer_settings(settings), asked_by="writer"))
    window = settings.context_window or min(context_window(reader) or DEFAULT_WINDOW for reader in readers)
    output = min(settings.max_completion_tokens, window // 4)
    return max(window - output - RESERVED, window // 4)


def shared_block(state: FusionState, outcomes: Sequence[PanelistOutcome], settings: FusionConfig, window: int) -> Block:
    """Render the block that judge and writer have in common, to the same bytes for both.

    Args:
        state: The run's state.
        outcomes: The seats' outcomes in it, in the panel's order.
        settings: Its settings.
        window: Tokens that the block may have.

    Returns:
        The block.
    """
    question, earlier = split_question(state["messages"])
    before = "" if settings.history == "question" else transcript(earlier, system=settings.history == "full")
    return drafts_block(
        question,
        before,
        shown_drafts(state, outcomes),
        Registry.of(outcomes),
        window=window,
        blind=settings.blind,
    )


def _read(state: FusionState, outcomes: Sequence[PanelistOutcome], verdict: Verdict) -> dict[str, Any]:
    registry = Registry([Source.model_validate(source) for source in state["sources"]])
    registry.add(JUDGE, found_in(verdict.messages))
    if verdict.analysis is None:
        return {"analysis": None, "sources": [source.model_dump() for source in registry.sources]}
    labels = {draft.label: draft.outcome.seat_id for draft in shown_drafts(state, outcomes)}
    models = {seat["id"]: seat["model"] for seat in state["seats"]}
    unblinder = Unblinder(labels, models, [source.id for source in registry.sources])
    analysis = unblinder.analysis(verdict.analysis).model_dump(mode="json")
    return {"analysis": analysis, "sources": [source.model_dump() for source in registry.sources]}

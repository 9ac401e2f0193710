"""`writer`: write the answer from the analysis and the drafts, streaming, citing registered sources only."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from fusion_graph.analysis import Analysis
from fusion_graph.answer import WRITER, annotated, degradations, fallback
from fusion_graph.budget import marks
from fusion_graph.config import FusionConfig
from fusion_graph.events import emitter
from fusion_graph.failures import Failure, classify
from fusion_graph.fence import fence
from fusion_graph.kinship import kinships
from fusion_graph.kit import Kit, part_config
from fusion_graph.ledgers import reader_ledger
from fusion_graph.meter import Meter
from fusion_graph.middleware.retry import with_retries
from fusion_graph.nested import within
from fusion_graph.nodes.join import in_order
from fusion_graph.nodes.judge import drafts_window, shared_block, shown_drafts
from fusion_graph.outcomes import PanelistOutcome, ending
from fusion_graph.prompting import render
from fusion_graph.purse import Purse
from fusion_graph.receipt import PartReceipt, Receipt
from fusion_graph.resume import resumed
from fusion_graph.seats import writer_of
from fusion_graph.sources import JUDGE, Registry, Source
from fusion_graph.state import FusionState
from fusion_graph.tracing import note_part, note_run, part_facts
from fusion_graph.unblind import blinded
from fusion_graph.writer_options import Leniency, writer_model, writer_settings

Writer = Callable[[FusionState, Runtime[FusionConfig], RunnableConfig], Awaitable[dict[str, Any]]]


def writer_node(kit: Kit) -> Writer:
    """Make the node.

    Args:
        kit: The graph's kit.

    Returns:
        The node.
    """

    async def writer(state: FusionState, runtime: Runtime[FusionConfig], config: RunnableConfig) -> dict[str, Any]:
        settings = kit.settle(runtime.context, state["settings"])
        emit = emitter(runtime.stream_writer)
        emit("writer.in_progress", model=writer_of(settings))
        started, meter = time.monotonic(), Meter(kit.prices.price)
        meter.resumed = kit.began_before(state["run_key"], WRITER, state["process"])
        own = part_config(config, WRITER, meter, requested_model=writer_of(settings))
        outcomes, receipt = in_order(state), Receipt.model_validate(state["receipt"])
        prompt = _prompt(kit, settings, state, outcomes)
        ledger = reader_ledger(kit, state["run_key"], settings, receipt, prompt, writes=True)
        cap = writer_settings(settings).max_tokens or settings.max_completion_tokens
        leniency = Leniency(settings.writer_options)
        answer, failure = await _write(kit, settings, prompt, own, Purse(ledger, WRITER, kit.prices, cap), leniency)
        part = PartReceipt.of(WRITER, writer_of(settings), meter, started, failure)
        registry = Registry([Source.model_validate(source) for source in state["sources"]])
        if answer is None:
            message, check = fallback(state["responses"], state["analysis"], registry)
        else:
            message, check = annotated(answer, registry)
        kin = kinships(kit.models.catalog, settings, outcomes, writes=True)
        lost = [*degradations(answer, failure, check), *leniency.told(), *resumed(WRITER, meter)]
        receipt = receipt.amended(
            writer=part,
            citations=check,
            degraded=[*lost, *marks(ledger, receipt, WRITER, final=True)],
            limits=ledger.entry(),
            kinship=[*[k for k in receipt.kinship if k.part == JUDGE], *[k for k in kin if k.part == WRITER]],
            status="ok",
        )
        note_part(config, part_facts(WRITER, part))
        note_run(config, receipt)
        kit.forget(state["run_key"])
        emit("fusion.completed", status="ok", failure_reason=None)
        return {"messages": [message], "receipt": receipt.as_state(), "status": "ok", "failure_reason": None}

    return writer


def _prompt(kit: Kit, settings: FusionConfig, state: FusionState, outcomes: Sequence[PanelistOutcome]) -> str:
    labels = {draft.outcome.seat_id: draft.label for draft in shown_drafts(state, outcomes)}
    compared = None if state["analysis"] is None else blinded(Analysis.model_validate(state["analysis"]), labels)
    window = min(state["window"], drafts_window(kit, settings, writes=True))  # smaller only where a fork changed it
    return f"{shared_block(state, outcomes, settings, window).text}\n\n{writer_prompt(settings, compared)}"


async def _write(
    kit: Kit, settings: FusionConfig, prompt: str, config: RunnableConfig, purse: Purse, leniency: Leniency
) -> tuple[AIMessage | None, Failure | None]:
    """Ask the writer, once more where that can help; failing that there is no message, never an error text."""
    model = writer_model(kit, writer_of(settings), settings)
    messages = [SystemMessage(render("deliberation", settings.prompts)), HumanMessage(prompt)]

    async def call() -> AIMessage:
        return await leniency.ask(model, lambda took: within(config, lambda own: took.ainvoke(messages, own)))

    async def ask() -> AIMessage:
        return await with_retries(lambda: purse.pay_last(model, messages, call))

    try:
        answer = await ask()
        if ending(answer)[0] == "empty":
            answer = await ask()
    except GraphBubbleUp:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: a failed writer leaves the best draft, labelled as such
        return None, classify(error)
    _, failure = ending(answer)
    return (None if failure else answer), failure


def writer_prompt(settings: FusionConfig, compared: dict[str, Any] | None) -> str:
    """Render the writer's instructions, which follow the drafts block.

    Args:
        settings: The run's settings.
        compared: The analysis in terms of labels, or `None` where there is none.

    Returns:
        The prompt.
    """
    if compared is None:
        words = "There is no comparison of the drafts; compare them yourself as you write.\n"
    else:
        words = (
            "A judge compared the drafts:\n\n"
            + fence("analysis", json.dumps(compared, ensure_ascii=False, indent=1))
            + "\n"
        )
    return render("writer", settings.prompts, analysis=words)

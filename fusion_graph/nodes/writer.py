"""`writer`: write the answer from the analysis and the drafts, streaming, citing registered sources only."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import json

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from fusion_graph.analysis import Analysis
from fusion_graph.config import FusionConfig
from fusion_graph.events import emitter
from fusion_graph.failures import Failure, classify
from fusion_graph.fence import fence
from fusion_graph.kit import Kit, part_config
from fusion_graph.meter import Meter, finish_reason
from fusion_graph.middleware.retry import with_retries
from fusion_graph.nodes.judge import shared_block, shown_drafts
from fusion_graph.outcomes import PanelistOutcome
from fusion_graph.prompting import render
from fusion_graph.receipt import Degradation, PartReceipt, Receipt
from fusion_graph.seats import writer_of
from fusion_graph.sources import CitationCheck, Registry, Source
from fusion_graph.state import FusionState
from fusion_graph.unblind import blinded

Writer = Callable[[FusionState, Runtime[FusionConfig], RunnableConfig], Awaitable[dict[str, Any]]]

WRITER = "writer"


class EmptyAnswerError(Exception):
    """The writer ended without producing any text."""


def writer_node(kit: Kit) -> Writer:
    """Make the node.

    Args:
        kit: The graph's kit.

    Returns:
        The node.
    """

    async def writer(state: FusionState, runtime: Runtime[FusionConfig], config: RunnableConfig) -> dict[str, Any]:
        settings = kit.settle(runtime.context, state["chosen"])
        emit = emitter(runtime.stream_writer)
        emit("writer.in_progress", model=writer_of(settings))
        started, meter = time.monotonic(), Meter()
        own = part_config(config, WRITER, meter, model=writer_of(settings))
        answer, failure = await _write(kit, settings, state, own)
        part = PartReceipt.of(WRITER, writer_of(settings), meter, started, failure)
        message, check = _finished(state, answer)
        receipt = Receipt.model_validate(state["receipt"]).amended(
            writer=part, citations=check, degraded=_degraded(answer, failure, check), status="ok"
        )
        emit("fusion.completed", status="ok", failure_reason=None)
        return {"messages": [message], "receipt": receipt.as_state(), "status": "ok", "failure_reason": None}

    return writer


async def _write(
    kit: Kit, settings: FusionConfig, state: FusionState, config: RunnableConfig
) -> tuple[AIMessage | None, Failure | None]:
    """Ask the writer, once more where that can help; failing that there is no message, never an error text."""
    model = kit.models.get(writer_of(settings), kit.writer_settings(settings), asked_by="writer")
    labels = {draft.outcome.seat_id: draft.label for draft in shown_drafts(state)}
    compared = None if state["analysis"] is None else blinded(Analysis.model_validate(state["analysis"]), labels)
    prompt = f"{shared_block(state, settings)}\n\n{writer_prompt(settings, compared)}"
    messages = [SystemMessage(render("deliberation", settings.prompts)), HumanMessage(prompt)]

    async def ask() -> AIMessage:
        return await with_retries(lambda: model.ainvoke(messages, config))

    try:
        answer = await ask()
        if not str(answer.text).strip():
            answer = await ask()
        if not str(answer.text).strip():
            raise EmptyAnswerError("the writer ended without producing any text")
    except GraphBubbleUp:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: a failed writer leaves the best draft, labelled as such
        return None, classify(error)
    return answer, None


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
        words = "A judge compared the drafts:\n\n" + fence("analysis", json.dumps(compared, ensure_ascii=False, indent=1)) + "\n"
    return render("writer", settings.prompts, analysis=words)


def _finished(state: FusionState, answer: AIMessage | None) -> tuple[AIMessage, CitationCheck]:
    registry = Registry([Source.model_validate(source) for source in state["sources"]])
    if answer is None:
        best = best_draft([draft.outcome for draft in shown_drafts(state)], state["analysis"], state["seats"])
        text = f"*The writer failed; this is the draft of one panelist ({best.label}), as it stands.*\n\n{best.content}"
        message = AIMessage(text, additional_kwargs={"fusion_fallback": best.seat_id})
    else:
        text = str(answer.text)
        message = AIMessage(text, id=answer.id, response_metadata=answer.response_metadata, usage_metadata=answer.usage_metadata)
    message.additional_kwargs["annotations"] = registry.annotations(text)
    return message, registry.check(text)


def best_draft(
    drafts: Sequence[PanelistOutcome], analysis: dict[str, Any] | None, seats: Sequence[dict[str, Any]]
) -> PanelistOutcome:
    """Choose the draft to fall back on.

    Args:
        drafts: The usable drafts.
        analysis: The analysis, if there is one.
        seats: The panel, in order.

    Returns:
        A complete draft before a truncated one, then the one behind most points of the analysis, then the first seat's.
    """
    support: Counter[str] = Counter()
    for item in (analysis or {}).get("consensus_support", []) + (analysis or {}).get("partial_coverage", []):
        support.update(item["seat_ids"])
    support.update(item["seat_id"] for item in (analysis or {}).get("unique_insights", []))
    order = {seat["id"]: at for at, seat in enumerate(seats)}
    return min(drafts, key=lambda draft: (draft.outcome != "ok", -support[draft.seat_id], order.get(draft.seat_id, 0)))


def _degraded(answer: AIMessage | None, failure: Failure | None, check: CitationCheck) -> list[Degradation]:
    found: list[Degradation] = []
    if answer is None:
        detail = failure.message if failure else ""
        found.append(Degradation(part=WRITER, reason="writer_failed", detail=detail))
    elif finish_reason(answer) == "length":
        found.append(Degradation(part=WRITER, reason="writer_truncated", detail="the answer ends at the output limit"))
    if check.unregistered:
        names = ", ".join(check.unregistered[:5])
        found.append(Degradation(part=WRITER, reason="unregistered_citations", detail=f"{len(check.unregistered)} name no registered source: {names}"))
    return found

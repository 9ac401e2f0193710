"""`fan_out`: resolve the panel into seats and send one task to each."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from langgraph.types import Command, Overwrite, Send

from fusion_graph.config import FusionConfig, Seat
from fusion_graph.detect import choose
from fusion_graph.drafts_block import default_seed, split_question
from fusion_graph.errors import ConfigError
from fusion_graph.events import emitter
from fusion_graph.kit import Kit, guard_depth
from fusion_graph.ledgers import not_enforceable, open_ledger
from fusion_graph.receipt import NO_LANGUAGE_MODEL, Receipt
from fusion_graph.resume import this_process
from fusion_graph.review import check_review
from fusion_graph.seats import check, judge_of, resolved, visible, writer_of
from fusion_graph.state import FusionState, PanelistTask

FanOut = Callable[[FusionState, Runtime[FusionConfig], RunnableConfig], Awaitable[Command[Any]]]


def fan_out_node(kit: Kit, *, writes: bool) -> FanOut:
    """Make the node.

    Args:
        kit: The graph's kit.
        writes: Whether this graph has a writer, whose model must then exist too.

    Returns:
        The node.
    """

    async def fan_out(state: FusionState, runtime: Runtime[FusionConfig], config: RunnableConfig) -> Command[Any]:
        guard_depth(config)
        settings, why = await _settings(kit, runtime.context)
        check_review(settings, config, writes=writes)
        seats = resolved(settings)
        await check(kit, settings, seats, writes=writes)
        tasks, question = _tasks(state, settings, seats)
        ledger = await open_ledger(kit, tasks[0]["run_key"], settings, tasks[0]["messages"], writes=writes)
        receipt = _opened(settings, question, why, seats, writes=writes)
        receipt = receipt.amended(limits=ledger.entry(), degraded=not_enforceable(ledger))
        emitter(runtime.stream_writer)(
            "fusion.started",
            seats=[seat.model_dump(mode="json", include={"id", "label", "model", "role"}) for seat in seats],
            judge=judge_of(settings),
            writer=writer_of(settings) if writes else None,
            chosen=receipt.chosen,
            limits=receipt.limits.model_dump(mode="json") if receipt.limits else None,
        )
        return Command(update=_fresh(tasks, receipt), goto=[Send("panelist", task) for task in tasks])

    return fan_out


async def _settings(kit: Kit, context: Any) -> tuple[FusionConfig, str]:
    settings = kit.settle(context)
    if settings.panel is not None:
        return settings, "named in the config"
    choice = await choose(kit.models, kit.resources)
    return settings.over(choice.config), choice.why


def _tasks(state: FusionState, settings: FusionConfig, seats: Sequence[Seat]) -> tuple[list[PanelistTask], str]:
    try:
        question, earlier = split_question(state["messages"])
    except ValueError as error:
        raise ConfigError(str(error)) from error
    seen = visible(state["messages"], question, earlier, settings)
    run_key, began_with = uuid4().hex, [settings.model_dump(mode="json", exclude_unset=True)]
    process = this_process()
    return [
        PanelistTask(
            seat=seat.model_dump(mode="json"), messages=seen, settings=began_with, run_key=run_key, process=process
        )
        for seat in seats
    ], question


def _opened(
    settings: FusionConfig,
    question: str,
    why: str,
    seats: Sequence[Seat],
    *,
    writes: bool,
) -> Receipt:
    models = [*[seat.model for seat in seats], judge_of(settings), *([writer_of(settings)] if writes else [])]
    called = not all(model.startswith("offline:") for model in models)
    return Receipt(
        preset=settings.preset,
        chosen=why,
        language_model_called=called,
        notice=None if called else NO_LANGUAGE_MODEL,
        seed=default_seed(question) if settings.seed is None else settings.seed,
        blind=settings.blind,
        started_at=round(time.time(), 3),
    )


def _fresh(tasks: Sequence[PanelistTask], receipt: Receipt) -> dict[str, Any]:
    """Clear what an earlier turn on the same thread left, so that no old draft reaches this judge."""
    return {
        "seats": [task["seat"] for task in tasks],
        "outcomes": Overwrite({}),
        "settings": tasks[0]["settings"],
        "run_key": tasks[0]["run_key"],
        "process": tasks[0]["process"],
        "shown": [],
        "window": 0,
        "analysis": None,
        "responses": [],
        "failed_models": [],
        "sources": [],
        "receipt": receipt.as_state(),
        "status": "",
        "failure_reason": None,
    }

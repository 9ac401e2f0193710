"""`caller`: the calling model that decides whether to convene a panel, and writes the answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from fusion_graph.budget import NOTHING, surrounding
from fusion_graph.config import FusionConfig
from fusion_graph.detect import choose
from fusion_graph.drafts_block import split_question
from fusion_graph.errors import ConfigError
from fusion_graph.events import Emit, emitter
from fusion_graph.failures import Failure, classify
from fusion_graph.kit import Kit, guard_depth, part_config
from fusion_graph.ledgers import caller_ledger, not_enforceable
from fusion_graph.meter import Meter
from fusion_graph.middleware.budget import budgeted
from fusion_graph.middleware.fusion_once import FusionOnce
from fusion_graph.middleware.hand_back import HandBack
from fusion_graph.middleware.overflow import TrimOnOverflow
from fusion_graph.middleware.retry import Retry
from fusion_graph.middleware.step_limit import StepLimit, steps_taken
from fusion_graph.middleware.tool_guard import ToolGuard
from fusion_graph.middleware.writer_options import TakeOptions
from fusion_graph.nested import within
from fusion_graph.nodes.caller_output import Said, caller_output
from fusion_graph.offer import CALLER, Offer, check_offer, make_offer
from fusion_graph.outcomes import ending
from fusion_graph.prompting import render
from fusion_graph.purse import Purse
from fusion_graph.quirks import withdrawal
from fusion_graph.receipt import PartReceipt, Receipt
from fusion_graph.resume import resuming
from fusion_graph.review import check_review
from fusion_graph.seats import check, check_writer, resolved, writer_of
from fusion_graph.state import FusionState
from fusion_graph.tracing import note_part, note_run, part_facts
from fusion_graph.turns import convened, fusion_results, this_turn, without_leading_system
from fusion_graph.writer_options import Leniency, check_parallel, writer_model, writer_settings

MAX_STEPS = 30
"""Tool steps of the calling model in one run; OpenRouter's outer loop has the same cap."""

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
        await _check(kit, settings, tools)
        question, run_key = _question(settings, state), uuid4().hex
        started, opened, meter = time.monotonic(), round(time.time(), 3), Meter(kit.prices.price)
        meter.resumed = resuming(config)
        ledger = await caller_ledger(kit, settings, state["messages"])
        if not meter.resumed:
            ledger.charge(CALLER, NOTHING)  # so that what an earlier run said in this turn is not paid again
        turn = _Turn(kit, settings, make_offer(kit, settings, fusion, tools, run_key), state["messages"], question)
        purse = Purse(ledger, CALLER, kit.prices, _cap(settings))
        own = part_config(config, CALLER, meter, deeper=False, requested_model=writer_of(settings))
        try:
            with surrounding(ledger):
                said = await turn.take(purse, emitter(runtime.stream_writer), own)
        finally:
            kit.forget(run_key)
        meter.recall(CALLER, writer_of(settings), said.new)
        part = PartReceipt.of(CALLER, writer_of(settings), meter, started, said.failure)
        opening = Receipt(preset=settings.preset, chosen=why, deliberated=False, started_at=opened)
        opening = opening.amended(limits=ledger.entry(), degraded=not_enforceable(ledger))
        output = caller_output(said, opening, part, ledger, resumed=meter.resumed)
        note_part(config, part_facts(CALLER, part))
        note_run(config, Receipt.model_validate(output["receipt"]))
        return output

    return caller


async def _settings(kit: Kit, context: Any) -> tuple[FusionConfig, str]:
    settings = kit.settle(context)
    writer_named = settings.writer is not None or settings.judge is not None
    if settings.panel is not None or (writer_named and not settings.may_deliberate):
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


async def _check(kit: Kit, settings: FusionConfig, tools: Sequence[BaseTool]) -> None:
    """Check everything that the run may need; of the panel nothing, where it cannot be convened."""
    if settings.may_deliberate:
        await check(kit, settings, resolved(settings), writes=True)
    else:
        check_writer(kit, settings)
    model = writer_model(kit, writer_of(settings), settings)
    check_parallel(writer_of(settings), model, settings.writer_options)
    await check_offer(kit, settings, tools)


def _question(settings: FusionConfig, state: FusionState) -> str:
    if not state["messages"]:
        raise ConfigError("messages: there are none; send the question as a HumanMessage")
    if not settings.may_deliberate:
        return ""
    try:
        return split_question(state["messages"])[0]
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _cap(settings: FusionConfig) -> int:
    return writer_settings(settings).max_tokens or settings.max_completion_tokens


class _Turn:
    """One run of the calling model."""

    def __init__(
        self, kit: Kit, settings: FusionConfig, offer: Offer, messages: Sequence[AnyMessage], question: str
    ) -> None:
        self.kit, self.settings, self.offer = kit, settings, offer
        self.system, self.messages = without_leading_system(messages)
        forbid = withdrawal(writer_of(settings)) if settings.tool_choice == "none" else None
        self.once = FusionOnce(offer, question, forbid)
        self.leniency = Leniency(settings.writer_options)

    async def take(self, purse: Purse, emit: Emit, config: RunnableConfig) -> Said:
        """Run the calling model; what it or its provider did wrong comes back typed, without messages."""
        model = writer_model(self.kit, writer_of(self.settings), self.settings)
        middleware = self._middleware(purse, emit)
        agent = create_agent(model, self.offer.tools, system_prompt=self._system(), middleware=middleware, name=CALLER)
        try:
            result = await within(config, lambda own: agent.ainvoke({"messages": [*self.messages]}, own))
        except GraphBubbleUp:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: the panel's drafts are kept, and the failure is typed
            return self._said([], classify(error))
        new: list[AnyMessage] = list(result["messages"][len(self.messages) :])
        answer = new[-1] if new and isinstance(new[-1], AIMessage) else AIMessage("")
        failure = None if answer.tool_calls else ending(answer)[1]
        return self._said([] if failure else new, failure)

    def _said(self, new: list[AnyMessage], failure: Failure | None) -> Said:
        return Said(
            new=new,
            failure=failure,
            before=this_turn(self.messages),
            client=self.offer.client,
            held=self.once.output or convened(new),
            force_ignored=self.settings.tool_choice if self.once.ignored else None,
            dropped=self.leniency.told(),
        )

    def _system(self) -> str | None:
        """Put our words about the panel, where one can be convened or was, before those of the client."""
        panel = self.offer.fuses and (
            self.settings.tool_choice != "none" or bool(fusion_results(this_turn(self.messages)))
        )
        own = render("caller", self.settings.prompts) if panel else ""
        return "\n\n".join(text for text in (own, self.system) if text) or None

    def _middleware(self, purse: Purse, emit: Emit) -> list[AgentMiddleware[Any, Any]]:
        name = writer_of(self.settings)
        last_turn = render("last_turn", self.settings.prompts)
        steps = MAX_STEPS + steps_taken(self.messages)  # those of this run count, not those the client had before
        limit = StepLimit(steps, withdrawal=withdrawal(name), last_turn=last_turn)
        hands_back = self.offer.client and self.settings.tool_choice != "none"
        return [
            limit,
            *([HandBack(self.offer.client)] if hands_back else []),
            self.once,
            TrimOnOverflow(),
            Retry(),
            *budgeted(purse, limit),
            TakeOptions(self.leniency),
            ToolGuard(CALLER, emit),
        ]

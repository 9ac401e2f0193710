"""Opening a run's ledger: before it starts, after a resume, for judge and writer, and for a calling model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from fusion_graph.budget import Amount, Ledger
from fusion_graph.config import FusionConfig
from fusion_graph.config_caller import FUSION
from fusion_graph.kit import Kit
from fusion_graph.offer import CALLER, forced
from fusion_graph.receipt import Degradation, Receipt
from fusion_graph.resume import spent_before
from fusion_graph.seats import judge_of, resolved, writer_of
from fusion_graph.shares import (
    WRITER,
    amount,
    cheapest,
    first_call,
    first_calls,
    instructions,
    reader_shares,
    require,
    shares,
)
from fusion_graph.sizes import request_tokens, tokens_at_most
from fusion_graph.writer_options import writer_settings


async def open_ledger(
    kit: Kit, run_key: str, config: FusionConfig, messages: Sequence[BaseMessage], *, writes: bool
) -> Ledger:
    """Open a run's ledger before anything is spent.

    Args:
        kit: The graph's kit.
        run_key: Names the run.
        config: Its settings, with a panel.
        messages: What its seats are sent.
        writes: Whether there is a writer.

    Returns:
        The ledger, with the shares of judge and writer kept.

    Raises:
        LimitTooLowError: A limit is too low even for judge, writer and the cheapest seat's first call.
    """
    ledger = kit.ledger(run_key, config)
    models = _models(config, writes=writes)
    await kit.prices.prepare(models, limited=ledger.max_cost_usd is not None)
    if not ledger.limited:
        return ledger
    kept = shares(kit, config, messages, writes=writes)
    for dollars in (True, False):
        require(ledger, kept | cheapest(first_calls(kit, config, messages), dollars=dollars), config, dollars=dollars)
    _keep(ledger, kept)
    _keep_seats(kit, ledger, config, messages)
    ledger.looked_back = True
    note_unpriced(kit, ledger, models)
    return ledger


async def reopen_ledger(
    kit: Kit,
    run_key: str,
    config: FusionConfig,
    messages: Sequence[BaseMessage],
    saved: RunnableConfig,
    *,
    writes: bool,
) -> Ledger:
    """Return a run's ledger to one of its seats; after a resume it begins with what the finished seats had spent.

    Args:
        kit: The graph's kit.
        run_key: Names the run.
        config: Its settings, with a panel.
        messages: What its seats are sent.
        saved: The config of the seat's node, which leads to the checkpoint.
        writes: Whether there is a writer.

    Returns:
        The ledger.
    """
    ledger = kit.ledger(run_key, config)
    if not ledger.limited or ledger.looked_back:
        return ledger
    async with ledger.opening:
        if not ledger.looked_back:
            await kit.prices.prepare(_models(config, writes=writes), limited=ledger.max_cost_usd is not None)
            for part, usage in (await spent_before(saved)).items():
                ledger.adopt(part, usage)
            _keep(ledger, shares(kit, config, messages, writes=writes))
            _keep_seats(kit, ledger, config, messages)
            note_unpriced(kit, ledger, _models(config, writes=writes))
            ledger.looked_back = True
    return ledger


def ledger_so_far(kit: Kit, run_key: str, config: FusionConfig, receipt: Receipt) -> Ledger:
    """Return a run's ledger with all that its receipt says was spent, where this process did not see it.

    Args:
        kit: The graph's kit.
        run_key: Names the run.
        config: Its settings, with a panel.
        receipt: The receipt so far.

    Returns:
        The ledger.
    """
    ledger = kit.ledger(run_key, config)
    if ledger.limited:
        for part, usage in receipt.spent_by().items():
            ledger.adopt(part, usage)
        ledger.unpriced = receipt.limits.unpriced if receipt.limits else []
    return ledger


def reader_ledger(
    kit: Kit, run_key: str, config: FusionConfig, receipt: Receipt, block: str, *, writes: bool
) -> Ledger:
    """Return a run's ledger to its judge or writer, whose shares are from now on those of the real drafts.

    Args:
        kit: The graph's kit.
        run_key: Names the run.
        config: Its settings, with a panel.
        receipt: The receipt so far.
        block: The drafts block.
        writes: Whether there is a writer.

    Returns:
        The ledger.
    """
    ledger = ledger_so_far(kit, run_key, config, receipt)
    if ledger.limited:
        _keep(ledger, reader_shares(kit, config, tokens_at_most(block), writes=writes))
    return ledger


async def caller_ledger(kit: Kit, config: FusionConfig, messages: Sequence[BaseMessage]) -> Ledger:
    """Open the ledger of a calling model; a fusion that it starts is paid from the same one.

    Args:
        kit: The graph's kit.
        config: The run's settings, with a panel where one may be convened.
        messages: The conversation.

    Returns:
        The ledger, with a share kept for the calling model's answer.

    Raises:
        LimitTooLowError: A limit is too low even for the answer and the call before it, or for a forced panel's least.
    """
    ledger = Ledger(config.max_cost_usd, config.max_total_tokens)
    models = _models(config, writes=True) if config.may_deliberate else [writer_of(config)]
    await kit.prices.prepare(models, limited=ledger.max_cost_usd is not None)
    if not ledger.limited:
        return ledger
    cap = writer_settings(config).max_tokens or config.max_completion_tokens
    offered = [tool.as_openai() for tool in config.client_tools]
    decision = amount(kit, writer_of(config), instructions(config) + request_tokens(messages, offered), cap)
    answer = shares(kit, config, messages, writes=True)[WRITER] if config.may_deliberate else decision
    parts = {"the answer": answer}
    if config.tool_choice != "none" and (config.may_deliberate or config.caller_tools):
        parts["the decision"] = decision
    if forced(config) == FUSION:
        parts |= shares(kit, config, messages, writes=False)
        parts |= cheapest(first_calls(kit, config, messages), dollars=ledger.max_cost_usd is not None)
    for dollars in (True, False):
        require(ledger, parts, config, dollars=dollars)
    ledger.keep(CALLER, answer)
    note_unpriced(kit, ledger, models)
    return ledger


def note_unpriced(kit: Kit, ledger: Ledger, models: Iterable[str]) -> None:
    """Name the models for which a limit in dollars cannot be enforced."""
    if ledger.max_cost_usd is not None:
        found = [model for model in models if kit.prices.at_most(model, 1, 1) is None]
        ledger.unpriced = list(dict.fromkeys([*ledger.unpriced, *found]))


def not_enforceable(ledger: Ledger) -> list[Degradation]:
    """Return the receipt's entry for a limit that cannot be enforced, if it is so."""
    if not ledger.unpriced:
        return []
    detail = (
        f"max_cost_usd={ledger.max_cost_usd:g}: no price is known for {', '.join(ledger.unpriced)}; "
        "their calls are not held back, and what they are reported to cost is counted afterwards"
    )
    return [Degradation(part="run", reason="budget_not_enforceable", detail=detail)]


def _keep(ledger: Ledger, kept: dict[str, Amount]) -> None:
    for part, share in kept.items():
        ledger.keep(part, share)


def _keep_seats(kit: Kit, ledger: Ledger, config: FusionConfig, messages: Sequence[BaseMessage]) -> None:
    for seat in resolved(config):
        ledger.keep_if_it_fits(seat.id, first_call(kit, config, seat, messages))


def _models(config: FusionConfig, *, writes: bool) -> list[str]:
    seats = [model for seat in config.seats() for model in (seat.model, *seat.fallbacks)]
    return list(dict.fromkeys([*seats, judge_of(config), *([writer_of(config)] if writes else [])]))

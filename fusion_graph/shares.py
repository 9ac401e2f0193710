"""What a limited run sets aside before it starts, so that judge and writer can finish with what there is."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from langchain_core.messages import BaseMessage

from fusion_graph.budget import NOTHING, Amount, Ledger
from fusion_graph.config import FusionConfig, Seat
from fusion_graph.errors import LimitTooLowError
from fusion_graph.kit import Kit
from fusion_graph.models import DEFAULT_WINDOW
from fusion_graph.money import decimal_of
from fusion_graph.seats import judge_of, resolved, writer_of
from fusion_graph.sizes import request_tokens, tokens_at_most
from fusion_graph.writer_options import writer_settings

JUDGE, WRITER = "judge", "writer"
INSTRUCTIONS = 6_000
"""Tokens of the package's own prompts, schemas and tool descriptions in one request, generously."""


def first_call(kit: Kit, config: FusionConfig, seat: Seat, messages: Sequence[BaseMessage]) -> Amount:
    """Say what a seat's first call can use.

    Args:
        kit: The graph's kit.
        config: The run's settings.
        seat: The seat.
        messages: The conversation it is sent.

    Returns:
        Tokens, and dollars where its model's price is known.
    """
    own = tokens_at_most(f"{seat.role or ''}{seat.instructions or ''}")
    sent = instructions(config) + own + request_tokens(messages)
    return amount(kit, seat.model, sent, _draft_cap(config, seat))


def shares(kit: Kit, config: FusionConfig, messages: Sequence[BaseMessage], *, writes: bool) -> dict[str, Amount]:
    """Say what judge and writer can use for one call each, when every draft is as long as it may be.

    Args:
        kit: The graph's kit.
        config: The run's settings, with a panel.
        messages: The conversation.
        writes: Whether there is a writer.

    Returns:
        The shares by part.
    """
    drafts = sum(_draft_cap(config, seat) for seat in config.seats()) + request_tokens(messages)
    block = min(config.context_window or DEFAULT_WINDOW, drafts)
    return reader_shares(kit, config, block, writes=writes)


def reader_shares(kit: Kit, config: FusionConfig, block: int, *, writes: bool) -> dict[str, Amount]:
    """Say what judge and writer can use for one call each.

    Args:
        kit: The graph's kit.
        config: The run's settings, with a panel.
        block: Tokens of the drafts block that both of them read.
        writes: Whether there is a writer.

    Returns:
        The shares by part.
    """
    sent = block + instructions(config)
    compared = kit.judge_settings(config).max_tokens or config.max_completion_tokens
    kept = {JUDGE: amount(kit, judge_of(config), sent, compared)}
    if writes:
        written = writer_settings(config).max_tokens or config.max_completion_tokens
        kept[WRITER] = amount(kit, writer_of(config), sent + compared, written)
    return kept


def amount(kit: Kit, model: str, sent: int, written: int) -> Amount:
    """Say what a call of so many tokens can use: nothing where no language model is called."""
    if model.startswith("offline:"):
        return NOTHING
    return Amount(kit.prices.at_most(model, sent, written) or Decimal(0), sent + written)


def first_calls(kit: Kit, config: FusionConfig, messages: Sequence[BaseMessage]) -> dict[str, Amount]:
    """Say the same of every seat, in words that name it."""
    return {f"seat {seat.id!r}": first_call(kit, config, seat, messages) for seat in resolved(config)}


def cheapest(firsts: dict[str, Amount], *, dollars: bool) -> dict[str, Amount]:
    """Pick the smallest, in dollars or in tokens."""
    return dict([min(firsts.items(), key=lambda entry: _size(entry[1], dollars=dollars))])


def require(ledger: Ledger, parts: dict[str, Amount], config: FusionConfig, *, dollars: bool) -> None:
    """Make sure that one of the limits leaves room for what must be able to finish.

    Args:
        ledger: The run's ledger.
        parts: What must fit, by part.
        config: The run's settings.
        dollars: Whether it is the limit in dollars, else the one in tokens.

    Raises:
        LimitTooLowError: It does not fit; the message names the field, what is needed, and what to do.
    """
    field, limit = ("max_cost_usd", ledger.max_cost_usd) if dollars else ("max_total_tokens", ledger.max_total_tokens)
    needed = sum(parts.values(), ledger.committed())
    if limit is None or _size(needed, dollars=dollars) <= decimal_of(limit):
        return
    told = ", ".join(f"{part} {_shown(one, dollars=dollars)}" for part, one in parts.items())
    raise LimitTooLowError(
        f"{field}: {limit:g} is too low to begin: one call of each part that must be able to finish may take "
        f"{_shown(needed, dollars=dollars)} ({told}). Raise the limit, lower max_completion_tokens "
        f"({config.max_completion_tokens}), or name cheaper models; `fusion estimate` shows the whole run"
    )


def _shown(one: Amount, *, dollars: bool) -> str:
    return f"{one.usd.quantize(Decimal('1e-4'), ROUND_CEILING)} USD" if dollars else f"{one.tokens} tokens"


def _size(one: Amount, *, dollars: bool) -> Decimal:
    return one.usd if dollars else Decimal(one.tokens)


def instructions(config: FusionConfig) -> int:
    """Tokens of everything in a request that is neither conversation nor drafts, generously."""
    return INSTRUCTIONS + sum(tokens_at_most(prompt) for prompt in config.prompts.values())


def _draft_cap(config: FusionConfig, seat: Seat) -> int:
    return seat.max_completion_tokens or config.max_completion_tokens

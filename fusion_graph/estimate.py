"""What a run may take: calls, tokens and cost, from the least to the most, before anything is asked of a model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage
from pydantic import BaseModel, ConfigDict, Field

from fusion_graph.config import FusionConfig, Mode, SearchSettings, Seat, ToolSpec
from fusion_graph.config_caller import FUSION
from fusion_graph.detect import choose
from fusion_graph.errors import ConfigError
from fusion_graph.fees import search_fee
from fusion_graph.kit import Kit
from fusion_graph.models import DEFAULT_WINDOW
from fusion_graph.money import exact
from fusion_graph.nodes.caller import MAX_STEPS
from fusion_graph.offer import as_seat, forced
from fusion_graph.packing import tokens
from fusion_graph.resources import Resources
from fusion_graph.seats import judge_of, resolved, writer_of
from fusion_graph.sizes import request_tokens
from fusion_graph.tools.engine_choice import resolve_engine

PROMPT = 800
"""Tokens of a part's own instructions."""
SCHEMA = 2_500
"""Tokens of the analysis's schema."""
SHORT = 200
"""Tokens of a short answer."""
SHOWN = 2_000
"""Characters of a search result where the settings name no number."""
ASSUMED = (
    "From every part answering briefly at once to every tool step being used, with one result each, and every reply "
    "as long as it may be. Not counted: attempts that fail and are made again, and prompt caching, which saves."
)


class Counts(BaseModel):
    """The least and the most calls or tokens."""

    model_config = ConfigDict(frozen=True)

    low: int = 0
    high: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Add both ends."""
        return Counts(low=self.low + other.low, high=self.high + other.high)


class Dollars(BaseModel):
    """The least and the most US dollars."""

    model_config = ConfigDict(frozen=True)

    low: float = 0.0
    high: float = 0.0

    def __add__(self, other: Dollars) -> Dollars:
        """Add both ends."""
        return Dollars(low=exact(self.low + other.low), high=exact(self.high + other.high))


class PartEstimate(BaseModel):
    """What one part may take.

    Attributes:
        part: Seat id, `judge`, `writer` or `caller`.
        model: Its model.
        calls: Model calls.
        input_tokens: Prompt tokens of all of them.
        output_tokens: Completion tokens of all of them.
        cost_usd: US dollars; `None` where the model's price is not known, or nobody bills for it.
        fees_usd: US dollars for searches; `None` where the engine's price is not known.
    """

    model_config = ConfigDict(frozen=True)

    part: str
    model: str
    calls: Counts
    input_tokens: Counts
    output_tokens: Counts
    cost_usd: Dollars | None
    fees_usd: Dollars | None


class Estimate(BaseModel):
    """What a run may take.

    Attributes:
        chosen: How the models were chosen, in words.
        parts: The parts, in the order in which they work.
        calls: Model calls in all.
        input_tokens: Prompt tokens in all.
        output_tokens: Completion tokens in all.
        cost_usd: US dollars in all, search fees included; `None` where nothing is known of any part.
        unpriced: Models whose price is not known, so that the sum leaves them out.
        unbilled: Models for which nobody sends a bill; what they cost otherwise is not known.
        fees_known: Whether the sum has all search fees in it.
        assumed: What the range assumes, in words.
    """

    model_config = ConfigDict(frozen=True)

    chosen: str
    parts: list[PartEstimate]
    calls: Counts
    input_tokens: Counts
    output_tokens: Counts
    cost_usd: Dollars | None
    unpriced: list[str] = Field(default_factory=list)
    unbilled: list[str] = Field(default_factory=list)
    fees_known: bool = True
    assumed: str = ASSUMED


async def estimate(
    config: FusionConfig,
    question: str | Sequence[AnyMessage],
    resources: Resources | None = None,
    *,
    mode: Mode = "fuse",
    environ: Mapping[str, str] | None = None,
) -> Estimate:
    """Estimate a run; no model is called, and no key is needed where models are named.

    Args:
        config: The run's settings.
        question: The question, or a conversation that ends with it.
        resources: The operator's side; read from `FUSION_...` variables when unset.
        mode: The graph that would run.
        environ: The engines' variables; the process environment when unset.

    Returns:
        The estimate.

    Raises:
        ConfigError: The settings cannot run, or no models are named and none are found.
    """
    kit = Kit(resources=resources)
    settings, why = kit.settle(config), "named in the config"
    alone = mode == "auto" and not settings.may_deliberate
    if settings.panel is None and not (alone and (settings.writer or settings.judge)):
        choice = await choose(kit.models, kit.resources)
        settings, why = settings.over(choice.config), choice.why
    seats = [] if alone else resolved(settings)
    models = {seat.model for seat in seats} | ({judge_of(settings)} if seats else set()) | {writer_of(settings)}
    await kit.prices.prepare(models, limited=True)
    messages = [HumanMessage(question)] if isinstance(question, str) else list(question)
    outlook = _Outlook(kit, settings, seats, messages)
    if environ is not None:
        outlook.environ = environ
    return _summed(why, list(outlook.parts(mode)), kit)


class _Outlook:
    """What the parts of one run may take."""

    def __init__(self, kit: Kit, settings: FusionConfig, seats: list[Seat], messages: Sequence[AnyMessage]) -> None:
        self.kit, self.settings, self.seats = kit, settings, seats
        self.environ: Mapping[str, str] = os.environ
        self.asked = Counts(low=sum(tokens(str(message.text)) for message in messages), high=request_tokens(messages))
        self.window = settings.context_window or DEFAULT_WINDOW

    def parts(self, mode: Mode) -> Iterable[PartEstimate]:
        least = 0 if mode == "auto" and forced(self.settings) != FUSION else 1
        if self.seats and (mode != "auto" or self.settings.tool_choice != "none"):
            yield from (self._seat(seat, least) for seat in self.seats)
            yield self._judge(least)
        if mode == "fuse":
            yield self._writer()
        elif mode == "auto":
            yield self._caller()

    def _seat(self, seat: Seat, least: int) -> PartEstimate:
        steps = (seat.max_tool_calls or self.settings.max_tool_calls) if self._has_tools(seat) else 0
        low = self.asked.low + PROMPT + tokens(f"{seat.role or ''}{seat.instructions or ''}")
        calls = [self.asked.high + 2 * PROMPT + step * self._growth(self._cap(seat)) for step in range(steps + 1)]
        return self._part(seat.id, seat.model, [low] * least, calls, self._cap(seat), self._fees(seat, steps))

    def _judge(self, least: int) -> PartEstimate:
        steps = self.settings.max_tool_calls if self._has_tools(None) else 0
        cap = self.kit.judge_settings(self.settings).max_tokens or self.settings.max_completion_tokens
        low, high = self._block(SCHEMA)
        calls = [high + step * self._growth(self.settings.max_completion_tokens) for step in range(steps + 1)]
        repair = high + 2 * cap
        return self._part(
            "judge", judge_of(self.settings), [low] * least, [*calls, repair], cap, self._fees(None, steps)
        )

    def _writer(self) -> PartEstimate:
        cap = self.kit.writer_settings(self.settings).max_tokens or self.settings.max_completion_tokens
        low, high = self._block(SHORT)
        compared = self.kit.judge_settings(self.settings).max_tokens or self.settings.max_completion_tokens
        return self._part("writer", writer_of(self.settings), [low], [high + compared], cap, Dollars())

    def _caller(self) -> PartEstimate:
        settings = self.settings
        cap = self.kit.writer_settings(settings).max_tokens or settings.max_completion_tokens
        offered = request_tokens([], [tool.as_openai() for tool in settings.client_tools])
        asked, (_, high) = self.asked.high + 2 * PROMPT + offered, self._block(SHORT)
        steps = MAX_STEPS if settings.caller_tools else int(bool(self.seats))
        steps = 0 if settings.tool_choice == "none" else steps
        then = high + 2 * cap + offered if self.seats else asked + self._growth(cap)
        calls = [asked, *(then + step * self._growth(cap) for step in range(steps))]
        least = [self.asked.low + PROMPT] * (2 if self.seats and forced(settings) == FUSION else 1)
        fees = self._fees(as_seat(settings), steps)
        return self._part("caller", writer_of(settings), least, calls, cap, fees)

    def _block(self, more: int) -> tuple[int, int]:
        """Prompt tokens of judge and writer: question, drafts, instructions."""
        drafts = sum(self._cap(seat) for seat in self.seats)
        high = min(self.window, self.asked.high + drafts) + 2 * PROMPT + 2 * more
        return self.asked.low + SHORT * len(self.seats) + PROMPT + more, high

    def _part(
        self, part: str, model: str, least: list[int], most: list[int], cap: int, fees: Dollars | None
    ) -> PartEstimate:
        if model.startswith("offline:"):
            calls = Counts(low=len(least), high=len(most))
            return PartEstimate(
                part=part, model=model, calls=calls, input_tokens=Counts(), output_tokens=Counts(),
                cost_usd=Dollars(), fees_usd=fees,
            )  # fmt: skip
        short = min(SHORT, cap)
        most = [min(sent, self.window) for sent in most]
        return PartEstimate(
            part=part,
            model=model,
            calls=Counts(low=len(least), high=len(most)),
            input_tokens=Counts(low=sum(least), high=sum(most)),
            output_tokens=Counts(low=short * len(least), high=cap * len(most)),
            cost_usd=self._cost(model, [(sent, short) for sent in least], [(sent, cap) for sent in most]),
            fees_usd=fees,
        )

    def _cost(self, model: str, least: list[tuple[int, int]], most: list[tuple[int, int]]) -> Dollars | None:
        if not self.kit.prices.is_billed(model):
            return None
        ends = [[self.kit.prices.at_most(model, sent, written) for sent, written in calls] for calls in (least, most)]
        if any(cost is None for calls in ends for cost in calls):
            return None
        low, high = (exact(sum((cost for cost in calls if cost is not None), Decimal(0))) for calls in ends)
        return Dollars(low=low, high=high)

    def _cap(self, seat: Seat) -> int:
        return seat.max_completion_tokens or self.settings.max_completion_tokens

    def _specs(self, seat: Seat | None) -> list[Any] | None:
        return seat.tools if seat is not None and seat.tools is not None else self.settings.tools

    def _has_tools(self, seat: Seat | None) -> bool:
        specs = self._specs(seat)
        return specs is None or bool(specs)

    def _growth(self, cap: int) -> int:
        """Prompt tokens that one tool step adds at most: a reply as long as it may be, and one result."""
        search, fetch = self.settings.search, self.settings.fetch
        page = fetch.max_content_tokens or self.window
        found = search.max_results * (search.max_characters or SHOWN) // 4
        return max(page, found) + cap

    def _fees(self, seat: Seat | None, steps: int) -> Dollars | None:
        specs = [spec if isinstance(spec, ToolSpec) else ToolSpec(type=spec) for spec in self._specs(seat) or []]
        searches = self._specs(seat) is None or any(spec.type == "web_search" for spec in specs)
        if not steps or not searches:
            return Dollars()
        fee = self._fee(self.settings.search)
        return None if fee is None else Dollars(high=exact(fee * steps))

    def _fee(self, search: SearchSettings) -> float | None:
        url = self.kit.resources.searxng_url
        try:
            engine = resolve_engine(search, self.environ, self.kit.corpus, url)
        except ConfigError:  # the run itself will say so; what an engine that is missing charges is not known
            return None
        return search_fee(engine, search.mode, search.max_results)


def _summed(why: str, parts: list[PartEstimate], kit: Kit) -> Estimate:
    known = [cost for part in parts for cost in (part.cost_usd, part.fees_usd) if cost is not None]
    billed = [part.model for part in parts if part.cost_usd is None and kit.prices.is_billed(part.model)]
    return Estimate(
        chosen=why,
        parts=parts,
        calls=sum((part.calls for part in parts), Counts()),
        input_tokens=sum((part.input_tokens for part in parts), Counts()),
        output_tokens=sum((part.output_tokens for part in parts), Counts()),
        cost_usd=sum(known, Dollars()) if any(part.cost_usd is not None for part in parts) else None,
        unpriced=list(dict.fromkeys(billed)),
        unbilled=list(dict.fromkeys(p.model for p in parts if p.cost_usd is None and p.model not in billed)),
        fees_known=all(part.fees_usd is not None for part in parts),
    )

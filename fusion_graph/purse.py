"""One part's side of the ledger: what its calls can cost, and paying for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import httpx
import httpx2
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage

from fusion_graph.budget import NOTHING, Amount, Ledger, Ticket
from fusion_graph.errors import BudgetReachedError
from fusion_graph.meter import MODEL, served_model
from fusion_graph.money import decimal_of
from fusion_graph.prices import Prices
from fusion_graph.sizes import request_tokens
from fusion_graph.usage import Usage, priced, usage_of

T = TypeVar("T")

_CAPS = ("max_tokens", "max_output_tokens")
_UNSENT = tuple(
    error
    for http in (httpx2, httpx)  # packages of models use the one or the other
    for error in (http.ConnectError, http.ConnectTimeout, http.PoolTimeout, http.UnsupportedProtocol)
)


@dataclass(frozen=True, slots=True)
class Purse:
    """What one part pays its calls from.

    Attributes:
        ledger: The run's ledger.
        part: Seat id, `judge`, `writer` or `caller`.
        prices: Knows what models cost.
        output_cap: Output tokens of a call whose model has no cap of its own.
        margin: Prompt tokens that are added further in, such as a schema.
    """

    ledger: Ledger
    part: str
    prices: Prices
    output_cap: int
    margin: int = 0

    def most(
        self, model: BaseChatModel, messages: Sequence[BaseMessage], tools: Sequence[Any] = (), more: int = 0
    ) -> Amount:
        """Say what a call can use: its prompt, and its output up to the cap.

        Args:
            model: The chat model.
            messages: Everything that is sent.
            tools: The tools that are offered.
            more: Prompt tokens besides.

        Returns:
            Tokens, and dollars where the model's price is known.
        """
        name = _name(model)
        if name is not None and name.startswith("offline:"):
            return NOTHING
        sent, written = request_tokens(messages, tools) + self.margin + more, _cap(model) or self.output_cap
        dollars = None if name is None else self.prices.at_most(name, sent, written)
        # A provider that charged more than the list, or was not on it, may do so again.
        seen = self.ledger.dearest.get(name or self.part, Decimal(0))
        return Amount(max(dollars or Decimal(0), seen), sent + written)

    async def pay(self, ticket: Ticket, model: BaseChatModel, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call for which something was set aside, and settle what it used.

        Args:
            ticket: What was set aside.
            model: The chat model.
            call: Makes the call; it returns a message, or what holds messages as `result`.

        Returns:
            What the call returned.
        """
        used = ticket.most
        try:
            answer = await call()
            used = self._used(model, _message(answer), ticket.most)
        except BaseException as error:
            used = ticket.most if may_be_billed(error) else NOTHING
            raise
        finally:
            self.ledger.settle(ticket, used)
        return answer

    async def pay_last(
        self, model: BaseChatModel, messages: Sequence[BaseMessage], call: Callable[[], Awaitable[T]]
    ) -> T:
        """Make a part's last call, if it fits or its share was kept.

        Args:
            model: The chat model.
            messages: Everything that is sent.
            call: Makes the call.

        Returns:
            What the call returned.

        Raises:
            BudgetReachedError: It does not fit.
        """
        if not self.ledger.limited:
            return await call()
        ticket = await self.ledger.reserve(self.part, self.most(model, messages), last=True)
        if ticket is None:
            raise self.refusal()
        return await self.pay(ticket, model, call)

    def refusal(self) -> BudgetReachedError:
        """Note that the part was cut short, and return the error that says so."""
        self.ledger.stop(self.part)
        return BudgetReachedError(f"no call was made: it might have exceeded {self.ledger.words()}")

    def _learn(self, model: str, cost: float | None) -> None:
        if cost is not None:
            held = self.ledger.dearest
            held[model] = max(held.get(model, Decimal(0)), decimal_of(cost))

    def recall(self, model: BaseChatModel, said: Sequence[AIMessage]) -> None:
        """Count what the part spent in an earlier process, as far as a checkpoint kept what it said."""
        if said:
            self.ledger.adopt(self.part, Usage.total([self._usage(model, message) for message in said]))

    def _usage(self, model: BaseChatModel, message: AIMessage) -> Usage:
        return priced(usage_of(message), _name(model), served_model(message), self.prices.price)

    def charge_fee(self, fee: float | None) -> None:
        """Count a search fee; an unknown one counts as nothing."""
        if fee:
            self.ledger.charge(self.part, Amount(decimal_of(fee)))

    def _used(self, model: BaseChatModel, message: AIMessage | None, most: Amount) -> Amount:
        if message is None:
            return most
        usage = self._usage(model, message)
        self._learn(_name(model) or self.part, usage.cost_usd)
        known = None not in (usage.input_tokens, usage.output_tokens)
        counted = Amount.of(usage)
        return Amount(
            most.usd if usage.cost_usd is None else counted.usd,
            counted.tokens if known else most.tokens,
        )


def may_be_billed(error: BaseException) -> bool:
    """Whether a failed call may be on the bill: not if it was never sent, or refused by its HTTP status.

    Args:
        error: What the call raised; a cancelled or broken off call may have been worked on.

    Returns:
        Whether to count it with the most that it can have cost.
    """
    status = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return False
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _UNSENT):
            return False
        cause = cause.__cause__ or cause.__context__
    return True


def _name(model: BaseChatModel) -> str | None:
    name = (model.metadata or {}).get(MODEL)
    return str(name) if name else None


def _cap(model: BaseChatModel) -> int | None:
    caps = (getattr(model, name, None) for name in _CAPS)
    return next((cap for cap in caps if isinstance(cap, int) and cap > 0), None)


def _message(answer: Any) -> AIMessage | None:
    if isinstance(answer, AIMessage):
        return answer
    return next((m for m in reversed(getattr(answer, "result", [])) if isinstance(m, AIMessage)), None)

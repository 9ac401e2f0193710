"""Limits that hold: a run's ledger, which sets the most that a call can cost aside before the call is made.

Judge and writer each have a share kept from the start, so that whatever the panel spends, they can finish with what
there is, and so have as many seats as it suffices for: every draft comes before anyone's research. A call that does
not fit beside all that waits as long as others under way may give something back. Then no new work starts: who has a
share has a last turn without tools, who has none ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal

from fusion_graph.money import decimal_of, exact
from fusion_graph.receipt import Degradation, Limits, Receipt
from fusion_graph.usage import Usage

SURROUNDING: ContextVar[Ledger | None] = ContextVar("fusion_ledger", default=None)
"""The ledger of the calling model inside whose turn a fusion runs."""
_WATCHED: ContextVar[list[Ledger] | None] = ContextVar("fusion_watched_ledgers", default=None)
REACHED = "budget_reached"
PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Amount:
    """What a call may use at most, or has used: US dollars and tokens, in and out together."""

    usd: Decimal = Decimal(0)
    tokens: int = 0

    def __add__(self, other: Amount) -> Amount:
        """Add both."""
        return Amount(self.usd + other.usd, self.tokens + other.tokens)

    def or_more(self, other: Amount) -> Amount:
        """Return the larger of each."""
        return Amount(max(self.usd, other.usd), max(self.tokens, other.tokens))

    @classmethod
    def of(cls, usage: Usage) -> Amount:
        """Read what is known of a usage."""
        dollars = sum((decimal_of(one) for one in (usage.cost_usd, usage.fees_usd) if one is not None), Decimal(0))
        return cls(dollars, (usage.input_tokens or 0) + (usage.output_tokens or 0))


NOTHING = Amount()


@dataclass(slots=True, eq=False)
class Ticket:
    """A call that is under way, and what is set aside for it.

    Attributes:
        part: Seat id, `judge`, `writer` or `caller`.
        most: What it may use.
        share: The part's kept share, if this call draws on it.
    """

    part: str
    most: Amount
    share: Amount | None = None


@dataclass(slots=True)
class Ledger:
    """What one run has spent, has under way and keeps for later, against its limits.

    Attributes:
        max_cost_usd: US dollars, model calls and search fees together; no limit when unset.
        max_total_tokens: Tokens of all model calls; no limit when unset.
        unpriced: Models for which the limit in dollars cannot be enforced before a call.
        stopped: The parts that a limit cut short.
        dearest: What the dearest call of each model cost, of those that said so.
        looked_back: Whether it was already looked up what an earlier process had spent.
        opening: Held while that is looked up.
    """

    max_cost_usd: float | None = None
    max_total_tokens: int | None = None
    unpriced: list[str] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    dearest: dict[str, Decimal] = field(default_factory=dict)
    looked_back: bool = False
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _spent: dict[str, Amount] = field(default_factory=dict)
    _kept: dict[str, Amount] = field(default_factory=dict)
    _open: list[Ticket] = field(default_factory=list)
    _seats: set[str] = field(default_factory=set)
    _crossed: set[str] = field(default_factory=set)
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Be seen by who watches."""
        watched = _WATCHED.get()
        if watched is not None:
            watched.append(self)

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self.max_cost_usd is not None or self.max_total_tokens is not None

    @property
    def spent(self) -> Amount:
        """What has been used; a call that reported nothing counts with the most it can have used."""
        return sum(self._spent.values(), NOTHING)

    def keep(self, part: str, share: Amount) -> None:
        """Keep a share for one call of a part, unless that part has begun."""
        if part not in self._spent:
            self._kept[part] = share

    def keep_if_it_fits(self, seat: str, share: Amount) -> None:
        """Keep a share for a seat beside all others, if there is room for it."""
        if seat not in self._spent and self.fits(share):
            self._kept[seat] = share
            self._seats.add(seat)

    def adopt(self, part: str, usage: Usage) -> None:
        """Count what a part spent in an earlier process, unless it is counted."""
        if part not in self._spent:
            self._spent[part] = Amount.of(usage)

    def committed(self, part: str = "") -> Amount:
        """Add up what is spent, under way, and kept for others than a part."""
        kept = sum((share for name, share in self._kept.items() if name != part), NOTHING)
        return self.spent + kept + sum((ticket.most for ticket in self._open), NOTHING)

    def fits(self, want: Amount, part: str = "") -> bool:
        """Whether so much is left beside what is spent, under way and kept for other parts."""
        return self._within(want + self.committed(part))

    async def reserve(self, part: str, most: Amount, then: Amount = NOTHING, *, last: bool = False) -> Ticket | None:
        """Set aside what a call may use; wait for calls under way where their end may make room.

        Args:
            part: Who calls.
            most: What the call may use.
            then: What the part's last turn after it may use: kept for it from now on.
            last: Whether this is the last turn. What was kept for it lets it pass even where others have exceeded
                the limit; not so a seat that did so itself, which has had its one call too many.

        Returns:
            The ticket, to be settled once the call has ended; `None` if it does not fit and no call under way can
            change that.
        """
        share = self._kept.get(part)
        kept = then if share is None else then.or_more(share)
        while not (self._may_finish(part, most) if last else self.fits(most + kept, part)):
            if not self._may_change(part):
                return None
            await self._settled.wait()
        if last:
            self.done(part)
        elif kept != NOTHING:
            self._kept[part] = kept
            self._seats.add(part)
        ticket = Ticket(part, most, share if last else None)
        self._open.append(ticket)
        return ticket

    def settle(self, ticket: Ticket, used: Amount) -> None:
        """Replace what was set aside by what was used; a share of which nothing was used is kept again."""
        self._open.remove(ticket)
        if ticket.share is not None and used == NOTHING:
            self._kept[ticket.part] = ticket.share
        self.charge(ticket.part, used)
        if self.overshot() and ticket.most.or_more(used) != ticket.most:
            self._crossed.add(ticket.part)

    def charge(self, part: str, used: Amount) -> None:
        """Count what was used without a ticket, such as a search fee, and wake those who wait."""
        self._spent[part] = self._spent.get(part, NOTHING) + used
        self._wake()

    def stop(self, part: str) -> None:
        """Note that a limit cut a part short."""
        self.stopped.add(part)

    def done(self, part: str) -> None:
        """Let go of a share that its part did not need."""
        self._kept.pop(part, None)
        self._seats.discard(part)
        self._wake()

    def _may_finish(self, part: str, most: Amount) -> bool:
        return self.fits(most, part) or (part in self._kept and part not in self._crossed)

    def _may_change(self, part: str) -> bool:
        """Whether waiting helps: a call under way may cost less, or a seat may end that keeps a share.

        Who keeps one waits for calls only: two that waited for each other's end would wait for ever.
        """
        return bool(self._open) or (part not in self._kept and bool(self._seats))

    def _wake(self) -> None:
        self._settled.set()
        self._settled = asyncio.Event()

    def words(self) -> str:
        """Name the limits, as in `max_cost_usd=1.5`."""
        limits = {"max_cost_usd": self.max_cost_usd, "max_total_tokens": self.max_total_tokens}
        return ", ".join(f"{name}={value:g}" for name, value in limits.items() if value is not None)

    def entry(self) -> Limits | None:
        """Return what the receipt says of the limits, if there are any."""
        if not self.limited:
            return None
        spent = self.spent
        return Limits(
            max_cost_usd=self.max_cost_usd,
            max_total_tokens=self.max_total_tokens,
            counted_usd=exact(spent.usd),
            counted_tokens=spent.tokens,
            unpriced=self.unpriced,
        )

    def _within(self, amount: Amount) -> bool:
        dear = self.max_cost_usd is not None and amount.usd > decimal_of(self.max_cost_usd)
        long = self.max_total_tokens is not None and amount.tokens > self.max_total_tokens
        return not (dear or long)

    def overshot(self) -> bool:
        """Whether more was used than the limits allow."""
        return not self._within(self.spent)


@contextmanager
def surrounding(ledger: Ledger) -> Iterator[None]:
    """Let a fusion that is started inside the block be paid from this ledger."""
    before = SURROUNDING.set(ledger)
    try:
        yield
    finally:
        SURROUNDING.reset(before)


def watch() -> list[Ledger]:
    """Collect the ledgers of the runs that are started from here on: what a run that is broken off has cost.

    Returns:
        A list that fills as runs start in this context and in what is started from it.
    """
    watched: list[Ledger] = []
    _WATCHED.set(watched)
    return watched


def marks(
    ledger: Ledger, receipt: Receipt, part: str | None = None, *, partial: bool = False, final: bool = False
) -> list[Degradation]:
    """List what the limits did to a run.

    Args:
        ledger: The run's ledger.
        receipt: The receipt so far; a run is marked as partial once.
        part: The part that has just ended.
        partial: Whether the limits cut a seat short.
        final: Whether the run ends here, so that an overshoot is told.

    Returns:
        Entries for the receipt.
    """
    if not ledger.limited:
        return []
    counted = f"{ledger.words()}; {exact(ledger.spent.usd):g} USD and {ledger.spent.tokens} tokens are counted"
    found: list[Degradation] = []
    stopped = part is not None and part in ledger.stopped
    if (stopped or partial) and ("run", PARTIAL) not in [(entry.part, entry.reason) for entry in receipt.degraded]:
        found.append(Degradation(part="run", reason=PARTIAL, detail=f"the budget was reached: {counted}"))
    if stopped and part is not None:
        found.append(Degradation(part=part, reason=REACHED, detail=counted))
    if final and ledger.overshot():
        found.append(Degradation(part="run", reason="budget_exceeded", detail=counted))
    return found

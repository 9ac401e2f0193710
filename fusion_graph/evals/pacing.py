"""How fast and how far: stages at once per provider, and the money cap that each stage is held against first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from fusion_graph.errors import FusionError
from fusion_graph.evals.stages.parts import Cost
from fusion_graph.evals.store import StageKind
from fusion_graph.money import exact
from fusion_graph.terminal.amounts import dollars

GATEWAY = "gateway"
"""What stands for the provider of `author/model` names."""
CAPPED = "the cap of "
"""How a stop for lack of money begins."""
MOST_FAILURES = 25
"""Stages that fail one after another, none between them succeeding, before a run gives up."""


class StoppedError(FusionError):
    """No further stage is begun; what is under way is finished."""


def provider_of(model: str) -> str:
    """Return the provider that a model's stages are counted against: `openai` of `openai:gpt-5.5`, else `gateway`."""
    provider, colon, _ = model.partition(":")
    return provider if colon and "/" not in provider else GATEWAY


class Lanes:
    """Stages at once, per provider.

    Args:
        each: For a provider that is not named.
        named: For single providers.
    """

    def __init__(self, each: int, named: Mapping[str, int]) -> None:
        self._each, self._named = each, dict(named)
        self._lanes: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def lane(self, model: str) -> AsyncIterator[None]:
        """Wait for a place at a model's provider, and hold it."""
        provider = provider_of(model)
        if provider not in self._lanes:
            self._lanes[provider] = asyncio.Semaphore(self._named.get(provider, self._each))
        async with self._lanes[provider]:
            yield


class Purse:
    """What an experiment has spent, has under way, and may spend.

    A stage is begun if what was spent, what is under way and what this stage may take fit the cap together. What it
    may take is the most that a stage of its kind and model has cost so far; before the first, what `expect` was told.
    So the cap can be overshot, by what stages under way take beyond that. A stage of unknown price is not held back,
    and its cost is counted afterwards if it is reported.

    Args:
        cap: US dollars in all; no cap when unset.
        spent: What was spent before, in this store.
        at_least: Whether that is a lower bound.
        dearest: The most that stages have cost, by kind and model.
    """

    def __init__(
        self,
        cap: float | None,
        *,
        spent: float = 0.0,
        at_least: bool = False,
        dearest: Mapping[tuple[str, str], float] | None = None,
    ) -> None:
        self.cap, self.spent, self.at_least = cap, spent, at_least
        self._dearest = dict(dearest or {})
        self._expected: dict[tuple[str, str], float] = {}
        self._under_way = 0.0

    @property
    def said(self) -> str:
        """What was spent, in words; what is unknown is never called nothing."""
        if not self.spent:
            return "an unknown sum" if self.at_least else "nothing"
        return f"{'at least ' if self.at_least else ''}{dollars(self.spent)}"

    def expect(self, costs: Mapping[tuple[str, str], float]) -> None:
        """Say what the first stage of each kind and model may cost, in US dollars."""
        self._expected = dict(costs)

    def likely(self, kind: StageKind, model: str) -> float:
        """Return what the next stage of a kind and model may take, in US dollars; 0 where nothing is known."""
        return self._dearest.get((kind, model), self._expected.get((kind, model), 0.0))

    def take(self, kind: StageKind, model: str) -> float | None:
        """Set money aside for a stage.

        Returns:
            How much; `None` if the cap leaves no room for it.
        """
        amount = self.likely(kind, model)
        if self.cap is not None and (self.spent >= self.cap or self.spent + self._under_way + amount > self.cap):
            return None
        self._under_way += amount
        return amount

    def give_back(self, amount: float) -> None:
        """Let go of what was set aside."""
        self._under_way = max(0.0, self._under_way - amount)

    def pay(self, kind: StageKind, model: str, cost: Cost) -> None:
        """Count what a stage really cost."""
        self.at_least = self.at_least or cost.at_least
        if cost.usd is not None:
            self.spent = exact(self.spent + cost.usd)
            self._dearest[kind, model] = max(cost.usd, self._dearest.get((kind, model), 0.0))


class Pace:
    """Decides when a stage may begin, and whether any may.

    Args:
        lanes: Places at providers.
        purse: The money.
        on_change: Called after each stage, for whoever watches.
    """

    def __init__(self, lanes: Lanes, purse: Purse, on_change: Callable[[], None] = lambda: None) -> None:
        self.lanes, self.purse, self.on_change = lanes, purse, on_change
        self.under_way = 0
        self.why_stopped = ""
        self._failures = 0

    def stop(self, why: str) -> None:
        """Begin no further stage.

        Args:
            why: The reason, for people; the first one counts.
        """
        self.why_stopped = self.why_stopped or why

    @asynccontextmanager
    async def stage(self, kind: StageKind, model: str) -> AsyncIterator[None]:
        """Wait until a stage may begin, and count it while it works.

        Raises:
            StoppedError: No stage begins any more.
        """
        self._check()
        async with self.lanes.lane(model):
            self._check()
            amount = self.purse.take(kind, model)
            if amount is None:
                self.stop(f"{CAPPED}${self.purse.cap:g} leaves no room for the next stage ({kind}, {model})")
                raise StoppedError(self.why_stopped)
            self.under_way += 1
            try:
                yield
            finally:
                self.under_way -= 1
                self.purse.give_back(amount)
                self.on_change()

    def ended(self, kind: StageKind, model: str, cost: Cost, *, ok: bool, said: str = "") -> None:
        """Count what a stage cost, and give up where nothing succeeds any more.

        Args:
            kind: Which stage.
            model: Its model.
            cost: What it cost.
            ok: Whether it succeeded.
            said: What a failure said.
        """
        self.purse.pay(kind, model, cost)
        self._failures = 0 if ok else self._failures + 1
        if self._failures >= MOST_FAILURES:
            self.stop(
                f"the last {self._failures} stages failed, one after another; the last one said: {said.rstrip('.')}"
            )

    def _check(self) -> None:
        if self.why_stopped:
            raise StoppedError(self.why_stopped)

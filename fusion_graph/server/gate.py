"""Who may enter, and how much at once: keys, rates, spending limits and room for runs."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.requests import HTTPConnection

from fusion_graph.config import Mode
from fusion_graph.errors import FusionError
from fusion_graph.estimate import estimate
from fusion_graph.money import exact
from fusion_graph.resources import Resources
from fusion_graph.server.errors import ApiError
from fusion_graph.server.keys import Key, Keys
from fusion_graph.server.plan import GraphName, RunPlan
from fusion_graph.server.principal import Principal
from fusion_graph.server.settings import ServerSettings
from fusion_graph.server.visitors import from_foreign_page, from_this_machine

RETRY_SECONDS = 5.0
"""When to come back to a server that has no room; runs take seconds to minutes."""
_MODES: dict[GraphName, Mode] = {"fusion": "fuse", "deliberation": "analyze", "fusion_agent": "auto"}


@dataclass(slots=True)
class Slot:
    """Room for one run.

    Attributes:
        plan: The plan, with what is left of the key's spending limit as its own limit.
        receipt: What the run cost, once it has ended.
        counted: What was counted against the limit of a run that was broken off, in US dollars.
    """

    plan: RunPlan
    receipt: dict[str, Any] | None = None
    counted: float | None = None

    def settle(self, receipt: dict[str, Any] | None) -> None:
        """Hand in the run's receipt, so that its cost is booked on the key."""
        self.receipt = receipt

    def break_off(self, usd: float) -> None:
        """Say that the run ends without a receipt, and what is counted against its limit in US dollars."""
        self.counted = usd


class Gate:
    """The one door of every endpoint.

    Args:
        settings: The operator's settings.
        keys: The keys.
        resources: The operator's side of the graphs, for estimates.
    """

    def __init__(self, settings: ServerSettings, keys: Keys, resources: Resources) -> None:
        self._settings = settings
        self._keys = keys
        self._resources = resources
        self._locked = False
        self._rates = MovingWindowRateLimiter(MemoryStorage())
        self._running: Counter[str] = Counter()
        self._reserved: dict[str, float] = {}

    @property
    def running(self) -> int:
        """Runs under way."""
        return self._running.total()

    async def ready(self) -> None:
        """Return if the keys can be read; SQLAlchemy's error otherwise."""
        await self._keys.any()

    async def principal(self, connection: HTTPConnection) -> Principal:
        """Say who sends a request.

        Args:
            connection: The request.

        Returns:
            The key's owner; `anonymous` for this machine's own programs while no key was ever made.

        Raises:
            ApiError: 401 without a valid key, 403 for a foreign page, 429 above the key's rate.
        """
        key = await self._key(connection)
        if key is None:
            return self._anonymous(connection)
        await self._within_rate(key)
        return key.principal

    async def _key(self, connection: HTTPConnection) -> Key | None:
        secret = _secret(connection)
        if not await self._keys_exist():
            return None
        if secret is None:
            raise ApiError(401, "no key was sent; send it as 'Authorization: Bearer fg-...'", code="missing_api_key")
        key = await self._keys.find(secret)
        if key is None:
            raise ApiError(401, "the key is not known here, or was revoked", code="invalid_api_key")
        return key

    async def _keys_exist(self) -> bool:
        self._locked = self._locked or await self._keys.any()
        return self._locked

    def _anonymous(self, connection: HTTPConnection) -> Principal:
        if not from_this_machine(connection):
            raise ApiError(
                401,
                "this server has no keys yet and serves its own machine alone; make one with "
                "`fusion keys add NAME` and send it as 'Authorization: Bearer fg-...'",
                code="missing_api_key",
            )
        if from_foreign_page(connection, self._settings.cors_origins):
            origin = connection.headers.get("origin")
            raise ApiError(
                403,
                f"a page of {origin!r} may not call this server; its operator can allow it (--cors-origin)",
                code="origin_not_allowed",
            )
        return Principal()

    async def _within_rate(self, key: Key) -> None:
        if key.per_minute is None:
            return
        rate = RateLimitItemPerMinute(key.per_minute)
        if await self._rates.hit(rate, key.id):
            return
        window = await self._rates.get_window_stats(rate, key.id)
        raise ApiError(
            429,
            f"the key {key.name!r} may send {key.per_minute} requests a minute",
            code="rate_limit_exceeded",
            retry_after=max(1.0, math.ceil(window.reset_time - time.time())),
        )

    @asynccontextmanager
    async def slot(self, principal: Principal, plan: RunPlan) -> AsyncIterator[Slot]:
        """Hold room for a run, and book what it cost at the end.

        Args:
            principal: Whose run.
            plan: What will run.

        Yields:
            The slot; run its `plan`, and settle it with the receipt.

        Raises:
            ApiError: 503 where the server has no room, 429 where the key has none, 402 where its limit is spent.
        """
        self._room_for(principal)
        self._running[principal.id] += 1
        held = 0.0
        try:
            plan, held = await self._funded(principal, plan)
            slot = Slot(plan)
            try:
                yield slot
            finally:
                await self._booked(principal, slot)
        finally:
            self._release(principal, held)

    def _room_for(self, principal: Principal) -> None:
        if self.running >= self._settings.max_runs:
            raise ApiError(
                503,
                f"the server has {self.running} runs under way, as many as it takes at once; try again soon",
                code="overloaded",
                retry_after=RETRY_SECONDS,
            )
        if self._running[principal.id] >= self._settings.max_runs_per_key:
            raise ApiError(
                429,
                f"{principal.name!r} has {self._running[principal.id]} runs under way, as many as one key may have; "
                "try again when one has ended",
                code="too_many_runs",
                retry_after=RETRY_SECONDS,
            )

    def _release(self, principal: Principal, held: float) -> None:
        self._running[principal.id] -= 1
        if not self._running[principal.id]:
            del self._running[principal.id]
        left = exact(self._reserved.get(principal.id, 0.0) - held)
        if left > 0:
            self._reserved[principal.id] = left
        else:
            self._reserved.pop(principal.id, None)

    async def _funded(self, principal: Principal, plan: RunPlan) -> tuple[RunPlan, float]:
        """Reserve what the run may cost, so that runs side by side do not spend the same dollar twice."""
        key = await self._keys.by_id(principal.id)
        if key is None or key.limit_usd is None:
            return plan, 0.0
        wanted = plan.config.max_cost_usd or await self._outlook(plan)
        spent = await self._keys.spent(key)
        left = exact(key.limit_usd - spent - self._reserved.get(key.id, 0.0))
        if left <= 0:
            under_way = self._reserved.get(key.id, 0.0)
            raise ApiError(
                402,
                f"the key {key.name!r} may spend {key.limit_usd} US dollars ({key.period}); {spent:.6f} are spent"
                + (f", and {under_way:.6f} are held for runs under way" if under_way else ""),
                code="spending_limit_reached",
            )
        held = left if wanted is None else min(left, wanted)
        self._reserved[key.id] = exact(self._reserved.get(key.id, 0.0) + held)
        return replace(plan, config=plan.config.model_copy(update={"max_cost_usd": held})), held

    async def _outlook(self, plan: RunPlan) -> float | None:
        """The most that the run may cost; `None` where nobody knows, so that all that is left is held."""
        try:
            outlook = await estimate(plan.config, plan.messages, self._resources, mode=_MODES[plan.graph])
        except (FusionError, ValueError):  # a plan that cannot run says why when it runs
            return None
        known = outlook.cost_usd is not None and outlook.fees_known and not outlook.unpriced
        return outlook.cost_usd.high if known and outlook.cost_usd and outlook.cost_usd.high > 0 else None

    async def _booked(self, principal: Principal, slot: Slot) -> None:
        if slot.receipt is None:
            if slot.counted:
                await self._keys.book(principal.id, slot.counted, at_least=True)
            return
        usage = slot.receipt["totals"]["usage"]
        known = [amount for amount in (usage["cost_usd"], usage["fees_usd"]) if amount is not None]
        unknown = None in (usage["cost_usd"], usage["fees_usd"])
        at_least = unknown or usage["cost_at_least"] or usage["fees_at_least"]
        if known or at_least:
            await self._keys.book(principal.id, exact(sum(known)), at_least=at_least)


def _secret(connection: HTTPConnection) -> str | None:
    """Read the key: as OpenAI's clients send it, or as Anthropic's do."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return connection.headers.get("x-api-key") or None

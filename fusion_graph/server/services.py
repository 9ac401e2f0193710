"""What the routes work with; made as the app starts, and found on `app.state.services`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from langchain_core.messages import AnyMessage
from starlette.requests import HTTPConnection

from fusion_graph.kit import Kit
from fusion_graph.resources import Resources
from fusion_graph.server.engine import Engine
from fusion_graph.server.errors import ApiError
from fusion_graph.server.metrics import Metrics
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.planning.plans import ResponsesPlan
from fusion_graph.server.principal import Principal
from fusion_graph.server.settings import ServerSettings

if TYPE_CHECKING:
    from fusion_graph.server.keeps import Keeps


class Slot(Protocol):
    """Room for one run."""

    plan: RunPlan

    def settle(self, receipt: dict[str, Any] | None) -> None:
        """Hand in the run's receipt."""

    def break_off(self, usd: float) -> None:
        """Say that the run ends without a receipt, and what is counted against its limit in US dollars."""


class Gate(Protocol):
    """Who may enter, and how much at once."""

    @property
    def running(self) -> int:
        """Runs under way."""

    async def ready(self) -> None:
        """Return if it can do its work, or raise."""

    async def principal(self, connection: HTTPConnection) -> Principal:
        """Say who sends a request, or raise `ApiError`."""

    def slot(self, principal: Principal, plan: RunPlan) -> AbstractAsyncContextManager[Slot]:
        """Hold room for a run, or raise `ApiError` at once."""


class KeptResponse(Protocol):
    """A Response that is stored while its client waits for it."""

    @property
    def thread_id(self) -> str | None:
        """Where its run is saved; nowhere when `None`."""

    async def begin(self) -> None:
        """Keep that it has begun, or raise `ApiError`."""

    async def end(self, response: dict[str, Any]) -> None:
        """Keep how it ended."""

    async def close(self, error: BaseException | None) -> None:
        """Close it, however its request ended; `error` is what ended the run, if something did."""


class Records(Protocol):
    """Keeps what is asked for later; every read takes the owner."""

    def response(self, asked: ResponsesPlan, body: dict[str, Any], *, response_id: str, created: int) -> KeptResponse:
        """Keep a Response whose client waits for it, if it is to be.

        Args:
            asked: What is asked; its plan names the owner.
            body: The request's body.
            response_id: `resp_...`.
            created: Unix time in seconds.
        """

    async def put_generation(self, owner: str, generation: dict[str, Any]) -> None:
        """Keep what `GET /v1/generation` tells of a run.

        Args:
            owner: Whose run it was.
            generation: The record; see `fusion_graph.server.render.generation`.
        """


class Background(Protocol):
    """Runs that go on without their client."""

    async def start(
        self, asked: ResponsesPlan, body: dict[str, Any], principal: Principal, claim: tuple[str, str] | None = None
    ) -> dict[str, Any]:
        """Start a run and return its Response, which is `queued`; raise `ApiError` where there is no room."""

    def subscribe(
        self, response_id: str, owner: str, starting_after: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[dict[str, Any]]]:
        """Follow its events from a sequence number on; the iterator ends with the stream."""


class Continuity(Protocol):
    """What a Responses request goes on from."""

    async def earlier(self, body: dict[str, Any], principal: Principal) -> list[AnyMessage]:
        """Return the messages of `previous_response_id` or `conversation`; 404 for what is not the principal's."""


@dataclass(slots=True)
class OpenGate:
    """A gate that lets everybody in: for tests, and for an app behind another door."""

    @dataclass(slots=True)
    class Room:
        """Room without an end."""

        plan: RunPlan
        receipt: dict[str, Any] | None = None

        def settle(self, receipt: dict[str, Any] | None) -> None:
            """Keep the receipt."""
            self.receipt = receipt

        def break_off(self, usd: float) -> None:
            """Keep nothing: nobody pays."""

    running: int = 0

    async def ready(self) -> None:
        """Return: there is nothing that could be missing."""

    async def principal(self, connection: HTTPConnection) -> Principal:  # noqa: ARG002 - as every gate
        """Let in."""
        return Principal()

    @asynccontextmanager
    async def slot(self, principal: Principal, plan: RunPlan) -> AsyncIterator[Slot]:  # noqa: ARG002 - as every gate
        """Hold room."""
        self.running += 1
        try:
            yield OpenGate.Room(plan)
        finally:
            self.running -= 1


@dataclass(slots=True)
class Services:
    """All of it.

    Attributes:
        settings: The operator's settings of the app.
        resources: The operator's side of the graphs.
        kit: Presets and models, for planning.
        engine: Runs plans.
        gate: Who may enter.
        metrics: What is counted.
        records: Where responses are kept; nothing is where unset.
        background: Runs that go on without their client; there are none where unset.
        continuity: Earlier responses and conversations; there are none where unset.
        keeps: All that is stored; nothing is where unset.
    """

    settings: ServerSettings
    resources: Resources
    kit: Kit
    engine: Engine
    gate: Gate
    metrics: Metrics
    records: Records | None = None
    background: Background | None = None
    continuity: Continuity | None = None
    keeps: Keeps | None = None


def services(connection: HTTPConnection) -> Services:
    """Return the services of the app that got a request."""
    return cast("Services", connection.app.state.services)


def keeping(held: Services) -> Keeps:
    """Return what is stored.

    Raises:
        ApiError: 400: this server stores nothing.
    """
    if held.keeps is None:
        raise ApiError(400, "this server keeps no responses", code="not_supported")
    return held.keeps

"""The two ways to the MCP server: standard input and output, and streamable HTTP at `/mcp` of the HTTP app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from mcp.server.fastmcp import FastMCP
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from fusion_graph.http import close_http_client
from fusion_graph.kit import Kit
from fusion_graph.resources import Resources
from fusion_graph.server.engine import LocalEngine
from fusion_graph.server.error_responses import error_response
from fusion_graph.server.errors import ApiError
from fusion_graph.server.mcp_tool import build_mcp
from fusion_graph.server.metrics import Metrics
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.planning import plan_chat
from fusion_graph.server.principal import Principal
from fusion_graph.server.routes.planned import planned
from fusion_graph.server.run_events import RunEvent
from fusion_graph.server.running import Start, running
from fusion_graph.server.services import OpenGate, Services
from fusion_graph.server.settings import ServerSettings

PATH = "/mcp"


async def serve_stdio(resources: Resources) -> None:
    """Serve one client on standard input and output, until it goes away.

    Args:
        resources: The operator's side of the graphs; who starts the process is the operator.
    """
    settings = ServerSettings(allowed_models=("*",))
    held = Services(settings, resources, Kit(resources=resources), LocalEngine(resources), OpenGate(), Metrics())
    try:
        await _mcp(held).run_stdio_async()
    finally:
        await close_http_client()


class McpOverHttp:
    """`/mcp` of the HTTP app: each request on its own, so that any replica can answer it.

    Args:
        held: The app's services.
    """

    def __init__(self, held: Services) -> None:
        # Hosts and origins are the gate's business: it knows the keys, and refuses foreign pages without one.
        security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self._held = held
        self._mcp = _mcp(held, stateless_http=True, streamable_http_path=PATH, transport_security=security)
        self._app: ASGIApp = self._mcp.streamable_http_app()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[McpOverHttp]:
        """Serve for the time of the block."""
        async with self._mcp.session_manager.run():
            yield self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, if the gate lets it in."""
        request = Request(scope, receive)
        try:
            scope["fusion_principal"] = await self._held.gate.principal(request)
        except ApiError as error:
            await error_response(error, request)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class McpRoute:
    """Hands requests to the app's MCP server, which is there once the app has started."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await scope["app"].state.mcp(scope, receive, send)


def _mcp(held: Services, **settings: Any) -> FastMCP[None]:
    async def consult(body: dict[str, Any], request: Request | None) -> AsyncIterator[tuple[RunPlan, RunEvent]]:
        principal: Principal = request.scope["fusion_principal"] if request is not None else Principal()
        asked = await planned(held, lambda: plan_chat(body, principal, held.settings, held.kit))
        async with running(Start(held, principal, asked.plan, f"mcp-{uuid4().hex}", streamed=True)) as run:
            async for event in run.events():
                yield run.plan, event

    return build_mcp(consult, **settings)

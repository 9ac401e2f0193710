"""The ASGI app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from fusion_graph.http import close_http_client
from fusion_graph.kit import Kit
from fusion_graph.resources import Resources
from fusion_graph.server.database import opened
from fusion_graph.server.engine import Engine, LocalEngine
from fusion_graph.server.error_responses import handle_errors
from fusion_graph.server.gate import Gate as KeyGate
from fusion_graph.server.keys import Keys
from fusion_graph.server.mcp_serving import PATH, McpOverHttp, McpRoute
from fusion_graph.server.metrics import Metrics
from fusion_graph.server.openapi import install_openapi
from fusion_graph.server.routes import chat, estimate, health, messages, models, responses_create
from fusion_graph.server.services import Gate, Services
from fusion_graph.server.settings import ServerSettings


def create_app(
    settings: ServerSettings | None = None,
    resources: Resources | None = None,
    *,
    engine: Engine | None = None,
    gate: Gate | None = None,
    mcp: bool = True,
) -> FastAPI:
    """Make the app.

    Args:
        settings: The operator's settings of the app; from `FUSION_SERVER_...` variables when unset.
        resources: The operator's side of the graphs; from `FUSION_...` variables when unset.
        engine: Runs plans; the graphs in this process when unset.
        gate: Who may enter; keys of the database when unset.
        mcp: Whether to serve MCP at `/mcp`; LangGraph Server has its own there.

    Returns:
        A FastAPI app, to be run by an ASGI server or inside LangGraph Server.
    """
    chosen = settings or ServerSettings.from_env()
    own = resources if resources is not None else Resources.from_env()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _services(chosen, own, engine, gate) as held, AsyncExitStack() as stack:
            app.state.services = held
            if mcp:
                over_http = McpOverHttp(held)
                app.state.mcp = await stack.enter_async_context(over_http.open())
            yield

    app = FastAPI(title="fusion-graph", lifespan=lifespan, docs_url=None, redoc_url=None)
    handle_errors(app)
    for routes in (chat, responses_create, messages, models, estimate, health):
        app.include_router(routes.router)
    if mcp:
        app.router.routes.append(Route(PATH, McpRoute(), include_in_schema=False))
    install_openapi(app)
    if chosen.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=chosen.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=["x-generation-id", "x-request-id", "retry-after"],
        )
    return app


@asynccontextmanager
async def _services(
    settings: ServerSettings, resources: Resources, engine: Engine | None, gate: Gate | None
) -> AsyncIterator[Services]:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(close_http_client)
        if gate is None:
            database = await stack.enter_async_context(opened(settings))
            gate = KeyGate(settings, Keys(database), resources)
        yield Services(
            settings=settings,
            resources=resources,
            kit=Kit(resources=resources),
            engine=engine or LocalEngine(resources),
            gate=gate,
            metrics=Metrics(),
        )

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
from fusion_graph.server.checkpoints import checkpoints
from fusion_graph.server.continuity import StoredContinuity
from fusion_graph.server.database import Database, opened
from fusion_graph.server.engine import Engine, LocalEngine
from fusion_graph.server.error_responses import handle_errors, until_answered
from fusion_graph.server.gate import Gate as KeyGate
from fusion_graph.server.keeps import keeps
from fusion_graph.server.keys import Keys
from fusion_graph.server.mcp_serving import PATH, McpOverHttp, McpRoute
from fusion_graph.server.metrics import Metrics
from fusion_graph.server.openapi import install_openapi
from fusion_graph.server.routes import (
    chat,
    conversations,
    estimate,
    generation,
    health,
    messages,
    models,
    page,
    responses_create,
    responses_retry,
    responses_stored,
)
from fusion_graph.server.services import Gate, Services
from fusion_graph.server.settings import ServerSettings
from fusion_graph.server.threads import LocalThreads, ServedRuns, Threads


def create_app(
    settings: ServerSettings | None = None,
    resources: Resources | None = None,
    *,
    engine: Engine | None = None,
    gate: Gate | None = None,
    mcp: bool = True,
    keep: bool | None = None,
) -> FastAPI:
    """Make the app.

    Args:
        settings: The operator's settings of the app; from `FUSION_SERVER_...` variables when unset.
        resources: The operator's side of the graphs; from `FUSION_...` variables when unset.
        engine: Runs plans; the graphs in this process when unset.
        gate: Who may enter; keys of the database when unset.
        keep: Whether responses, conversations and background runs are stored; when unset they are, unless a gate is
            given.
        mcp: Whether to serve MCP at `/mcp`; LangGraph Server has its own there.

    Returns:
        A FastAPI app, to be run by an ASGI server or inside LangGraph Server.
    """
    chosen = settings or ServerSettings.from_env()
    own = resources if resources is not None else Resources.from_env()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stored = gate is None if keep is None else keep
        async with _services(chosen, own, engine, gate, keep=stored) as held, AsyncExitStack() as stack:
            app.state.services = held
            if mcp:
                over_http = McpOverHttp(held)
                app.state.mcp = await stack.enter_async_context(over_http.open())
            try:
                yield
            finally:
                await until_answered(app)

    app = FastAPI(title="fusion-graph", lifespan=lifespan, docs_url=None, redoc_url=None)
    handle_errors(app)
    for routes in (chat, responses_create, messages, models, estimate, health, page):
        app.include_router(routes.router)
    for routes in (responses_stored, responses_retry, conversations, generation):
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
    settings: ServerSettings, resources: Resources, engine: Engine | None, gate: Gate | None, *, keep: bool
) -> AsyncIterator[Services]:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(close_http_client)
        database = await stack.enter_async_context(opened(settings)) if keep or gate is None else None
        held = Services(
            settings=settings,
            resources=resources,
            kit=Kit(resources=resources),
            engine=engine or LocalEngine(resources),
            gate=gate or KeyGate(settings, Keys(_there(database)), resources),
            metrics=Metrics(),
        )
        if keep:
            await _keep(stack, held, _there(database), own_engine=engine is None)
        yield held


async def _keep(stack: AsyncExitStack, held: Services, database: Database, *, own_engine: bool) -> None:
    """Let an app store what it is asked to."""
    threads: Threads
    if isinstance(held.engine, ServedRuns):
        threads = held.engine.threads
    else:
        saver = await stack.enter_async_context(checkpoints(held.settings))
        held.engine = LocalEngine(held.resources, saver) if own_engine else held.engine
        threads = LocalThreads(saver)
    opening = keeps(held.settings, database, held.engine, threads, held.gate, held.metrics)
    held.keeps = held.records = kept = await stack.enter_async_context(opening)
    held.background, held.continuity = kept.runs, StoredContinuity(kept.store)


def _there(database: Database | None) -> Database:
    if database is None:
        raise RuntimeError("no database was opened")
    return database

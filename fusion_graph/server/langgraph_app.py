"""The HTTP app as LangGraph Server loads it: `langgraph.json` names `app` in here.

LangGraph Server takes the app for its own outermost one: it adds its routes, middleware and error handlers to it. So
`app` has nothing but paths, and what answers them is `served`, the very app that runs alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fusion_graph.resources import Resources
from fusion_graph.server.app import create_app
from fusion_graph.server.engine import LocalEngine
from fusion_graph.server.langgraph_engine import ServedEngine
from fusion_graph.server.langgraph_settings import langgraph_settings

OWN_PATHS = ("/", "/healthz", "/readyz")
OWN_FOLDERS = ("/v1/", "/assets/")
"""What is ours; the rest is LangGraph Server's, `/metrics`, `/mcp` and `/docs` among it."""
_OUTER = ("app", "router", "route", "endpoint", "path_params")
"""What the outer app has written into a request's scope; the inner one finds its own."""

_resources = Resources.from_env()
served = create_app(langgraph_settings(), _resources, engine=ServedEngine(LocalEngine(_resources)), mcp=False)


def is_own(path: str) -> bool:
    """Say whether a path is ours.

    Args:
        path: A request's path, as its ASGI scope has it.
    """
    return path in OWN_PATHS or path.startswith(OWN_FOLDERS)


class Served:
    """Hands a request to `served`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it."""
        await served({name: value for name, value in scope.items() if name not in _OUTER}, receive, send)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with served.router.lifespan_context(served):
        yield


app = FastAPI(
    lifespan=_lifespan,
    openapi_url=None,
    routes=[Route(path, Served()) for path in (*OWN_PATHS, *(f"{folder}{{path:path}}" for folder in OWN_FOLDERS))],
)
app.openapi = served.openapi  # type: ignore[method-assign]  # LangGraph Server adds it to its own document

"""`/healthz`, `/readyz` and `/metrics`: for load balancers and Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fusion_graph.server.metrics import CONTENT_TYPE
from fusion_graph.server.services import services

router = APIRouter()


@router.get("/healthz", include_in_schema=False)
async def healthz() -> dict[str, str]:
    """Say that the process answers; nothing else is looked at."""
    return {"status": "ok"}


@router.get("/readyz", include_in_schema=False)
async def readyz(request: Request) -> Response:
    """Say whether requests can be served: the database answers."""
    try:
        await services(request).gate.ready()
    except SQLAlchemyError as error:
        return JSONResponse({"status": "unavailable", "database": type(error).__name__}, 503)
    return JSONResponse({"status": "ok"})


@router.get("/metrics", include_in_schema=False)
@router.get("/v1/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Show the counters; inside LangGraph Server, which has a `/metrics` of its own, under `/v1/metrics`."""
    held = services(request)
    if not held.settings.public_metrics:
        await held.gate.principal(request)
    held.metrics.running(held.gate.running)
    return Response(held.metrics.text(), media_type=CONTENT_TYPE)

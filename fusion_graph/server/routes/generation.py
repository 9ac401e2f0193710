"""`GET /v1/generation?id=`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request

from fusion_graph.server.routes.listing import ERRORS
from fusion_graph.server.services import keeping, services

router = APIRouter()


@router.get("/v1/generation", responses=ERRORS)
async def get_generation(
    request: Request, generation_id: Annotated[str, Query(alias="id", min_length=1, max_length=200)]
) -> dict[str, Any]:
    """Tell tokens, cost and receipt of a run by its id."""
    held = services(request)
    principal = await held.gate.principal(request)
    return {"data": await keeping(held).store.generations.get(generation_id, principal.id)}

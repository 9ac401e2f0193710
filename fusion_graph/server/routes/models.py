"""`GET /v1/models` and `GET /v1/models/{id}`."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from fusion_graph.server.model_list import ModelList
from fusion_graph.server.services import services

router = APIRouter()


@router.get("/v1/models", include_in_schema=False)
async def list_models(request: Request) -> dict[str, Any]:
    """List the slugs, and the models that the client may name."""
    listed = await _list(request)
    data = await asyncio.to_thread(listed.entries)
    return {"object": "list", "data": data, "total_count": len(data), "links": {"next": None}}


@router.get("/v1/models/{model:path}", include_in_schema=False)
async def get_model(request: Request, model: str) -> dict[str, Any]:
    """Tell of one."""
    listed = await _list(request)
    return await asyncio.to_thread(listed.entry, model)


async def _list(request: Request) -> ModelList:
    held = services(request)
    return ModelList(await held.gate.principal(request), held.settings, held.kit)

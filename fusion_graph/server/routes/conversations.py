"""`/v1/conversations`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from fusion_graph.server.bodies import read_object
from fusion_graph.server.errors import ApiError
from fusion_graph.server.input_items import input_items
from fusion_graph.server.principal import Principal
from fusion_graph.server.records.conversations import Conversations, no_item
from fusion_graph.server.requests.faults import checked
from fusion_graph.server.requests.plain import plain
from fusion_graph.server.requests.stored import ConversationChange, ConversationRequest, ItemsRequest
from fusion_graph.server.routes.listing import ERRORS, After, Limit, Order, body_of, page_of
from fusion_graph.server.services import keeping, services

router = APIRouter(prefix="/v1/conversations", responses=ERRORS)


async def _own(request: Request) -> tuple[Conversations, Principal]:
    held = services(request)
    principal = await held.gate.principal(request)
    return keeping(held).store.conversations, principal


async def _body(request: Request) -> dict[str, Any]:
    return plain(await read_object(request, services(request).settings.max_body_bytes))


@router.post("", openapi_extra=body_of("ConversationRequest", required=False))
async def create_conversation(request: Request) -> dict[str, Any]:
    """Make a conversation."""
    kept, principal = await _own(request)
    body = await _body(request)
    asked = checked(ConversationRequest, body)
    return await kept.create(principal.id, asked.metadata or {}, input_items(body.get("items") or []))


@router.get("/{conversation_id}")
async def get_conversation(request: Request, conversation_id: str) -> dict[str, Any]:
    """Tell of one."""
    kept, principal = await _own(request)
    return await kept.get(conversation_id, principal.id)


@router.post("/{conversation_id}", openapi_extra=body_of("ConversationChange"))
async def update_conversation(request: Request, conversation_id: str) -> dict[str, Any]:
    """Give it other metadata."""
    kept, principal = await _own(request)
    asked = checked(ConversationChange, await _body(request))
    return await kept.change(conversation_id, principal.id, asked.metadata)


@router.delete("/{conversation_id}")
async def delete_conversation(request: Request, conversation_id: str) -> dict[str, Any]:
    """Delete it with its items."""
    kept, principal = await _own(request)
    await kept.delete(conversation_id, principal.id)
    return {"id": conversation_id, "object": "conversation.deleted", "deleted": True}


@router.get("/{conversation_id}/items")
async def list_items(
    request: Request, conversation_id: str, limit: Limit = 20, after: After = None, order: Order = "desc"
) -> dict[str, Any]:
    """List its items."""
    kept, principal = await _own(request)
    return page_of(await kept.items(conversation_id, principal.id), limit, after, order)


@router.post("/{conversation_id}/items", openapi_extra=body_of("ItemsRequest"))
async def add_items(request: Request, conversation_id: str) -> dict[str, Any]:
    """Add items to its end."""
    kept, principal = await _own(request)
    body = await _body(request)
    checked(ItemsRequest, body)
    items = input_items(body["items"])
    await _check_new(kept, conversation_id, principal, items)
    await kept.add(conversation_id, principal.id, items)
    return page_of(items, len(items), None, "asc")


async def _check_new(kept: Conversations, conversation: str, principal: Principal, items: list[dict[str, Any]]) -> None:
    held = {item["id"] for item in await kept.items(conversation, principal.id)}
    for at, item in enumerate(items):
        if item["id"] in held:
            told = f"items[{at}].id: the conversation has an item {item['id']!r} already; leave the id out"
            raise ApiError(400, told, code="invalid_value", param=f"items[{at}].id")
        held.add(item["id"])


@router.get("/{conversation_id}/items/{item_id}")
async def get_item(request: Request, conversation_id: str, item_id: str) -> dict[str, Any]:
    """Return an item."""
    kept, principal = await _own(request)
    for item in await kept.items(conversation_id, principal.id):
        if item["id"] == item_id:
            return item
    raise no_item(item_id)


@router.delete("/{conversation_id}/items/{item_id}")
async def delete_item(request: Request, conversation_id: str, item_id: str) -> dict[str, Any]:
    """Remove an item; returns the conversation."""
    kept, principal = await _own(request)
    return await kept.remove(conversation_id, principal.id, item_id)

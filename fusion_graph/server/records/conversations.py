"""Conversations: items in the order in which they were said."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fusion_graph.server.database import Database
from fusion_graph.server.errors import ApiError
from fusion_graph.server.records.tables import CONVERSATIONS, ITEMS, packed, unpacked

MOST_ITEMS = 100
"""Items that one request adds or reads."""


class Conversations:
    """The conversations in a database.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, owner: str, metadata: dict[str, Any], items: list[dict[str, Any]]) -> dict[str, Any]:
        """Make one with its first items.

        Returns:
            The conversation as the API shows it.
        """
        now = time.time()
        row = {"id": f"conv_{uuid4().hex}", "owner": owner, "created_at": now, "updated_at": now}
        async with self._database.write() as connection:
            await connection.execute(insert(CONVERSATIONS).values(**row, metadata=packed(metadata)))
            await add_items(connection, str(row["id"]), items)
        return _shown(str(row["id"]), now, metadata)

    async def get(self, conversation: str, owner: str) -> dict[str, Any]:
        """Return one.

        Raises:
            ApiError: 404: there is none of this owner's.
        """
        async with self._database.read() as connection:
            return await _own(connection, conversation, owner)

    async def change(self, conversation: str, owner: str, metadata: dict[str, Any]) -> dict[str, Any]:
        """Give it other metadata.

        Raises:
            ApiError: 404: there is none of this owner's.
        """
        async with self._database.write() as connection:
            await connection.execute(
                update(CONVERSATIONS)
                .where(CONVERSATIONS.c.id == conversation, CONVERSATIONS.c.owner == owner)
                .values(metadata=packed(metadata), updated_at=time.time())
            )
            return await _own(connection, conversation, owner)

    async def delete(self, conversation: str, owner: str) -> None:
        """Delete it with its items; responses that were made in it stay.

        Raises:
            ApiError: 404: there is none of this owner's.
        """
        mine = (CONVERSATIONS.c.id == conversation, CONVERSATIONS.c.owner == owner)
        async with self._database.write() as connection:
            done = await connection.execute(delete(CONVERSATIONS).where(*mine))
            if not done.rowcount:
                raise _missing(conversation)
            await connection.execute(delete(ITEMS).where(ITEMS.c.conversation == conversation))

    async def add(self, conversation: str, owner: str, items: list[dict[str, Any]]) -> None:
        """Append items.

        Raises:
            ApiError: 404: there is none of this owner's.
        """
        mine = (CONVERSATIONS.c.id == conversation, CONVERSATIONS.c.owner == owner)
        async with self._database.write() as connection:
            done = await connection.execute(update(CONVERSATIONS).where(*mine).values(updated_at=time.time()))
            if not done.rowcount:
                raise _missing(conversation)
            await add_items(connection, conversation, items)

    async def items(self, conversation: str, owner: str) -> list[dict[str, Any]]:
        """Return all its items, the oldest first.

        Raises:
            ApiError: 404: there is none of this owner's.
        """
        query = select(ITEMS.c.item).where(ITEMS.c.conversation == conversation).order_by(ITEMS.c.at)
        async with self._database.read() as connection:
            await _own(connection, conversation, owner)
            return [unpacked(row) for row in await connection.scalars(query)]

    async def remove(self, conversation: str, owner: str, item_id: str) -> dict[str, Any]:
        """Remove an item.

        Returns:
            The conversation.

        Raises:
            ApiError: 404: there is no such conversation of this owner's, or no such item in it.
        """
        async with self._database.write() as connection:
            found = await _own(connection, conversation, owner)
            done = await connection.execute(
                delete(ITEMS).where(ITEMS.c.conversation == conversation, ITEMS.c.id == item_id)
            )
            if not done.rowcount:
                raise no_item(item_id)
            return found

    async def sweep(self, before: float) -> None:
        """Delete those that nobody has used since a Unix time."""
        old = select(CONVERSATIONS.c.id).where(CONVERSATIONS.c.updated_at < before)
        async with self._database.write() as connection:
            await connection.execute(delete(ITEMS).where(ITEMS.c.conversation.in_(old)))
            await connection.execute(delete(CONVERSATIONS).where(CONVERSATIONS.c.updated_at < before))


def no_item(item_id: str) -> ApiError:
    """Say that there is no such item."""
    return ApiError(404, f"item_id: there is no item {item_id[:100]!r}", code="not_found", param="item_id")


def _missing(conversation: str) -> ApiError:
    told = f"conversation: there is no conversation {conversation[:100]!r}"
    return ApiError(404, told, code="not_found", param="conversation")


async def _own(connection: AsyncConnection, conversation: str, owner: str) -> dict[str, Any]:
    query = select(CONVERSATIONS).where(CONVERSATIONS.c.id == conversation, CONVERSATIONS.c.owner == owner)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise _missing(conversation)
    return _shown(row["id"], row["created_at"], unpacked(row["metadata"]))


async def add_items(connection: AsyncConnection, conversation: str, items: list[dict[str, Any]]) -> None:
    """Append items in an open transaction, each id once; none where the conversation was deleted meanwhile."""
    if await connection.scalar(select(CONVERSATIONS.c.id).where(CONVERSATIONS.c.id == conversation)) is None:
        return
    if items:
        ids = [item["id"] for item in items]
        await connection.execute(delete(ITEMS).where(ITEMS.c.conversation == conversation, ITEMS.c.id.in_(ids)))
        rows = [{"conversation": conversation, "id": item["id"], "item": packed(item)} for item in items]
        await connection.execute(insert(ITEMS), rows)


def _shown(conversation: str, created_at: float, metadata: dict[str, Any]) -> dict[str, Any]:
    return {"id": conversation, "object": "conversation", "created_at": int(created_at), "metadata": metadata}

"""What a request goes on from: an earlier Response, or a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AnyMessage
from pydantic import TypeAdapter

from fusion_graph.server.errors import ApiError
from fusion_graph.server.messages.responses import from_input
from fusion_graph.server.planning import continues
from fusion_graph.server.principal import Principal
from fusion_graph.server.records.response_rows import ANSWERED, StoredResponse
from fusion_graph.server.records.store import Store
from fusion_graph.server.requests.response_items import InputItem

_ITEMS: TypeAdapter[list[Any]] = TypeAdapter(list[InputItem])


class StoredContinuity:
    """Reads it from the records.

    Args:
        store: The records.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def earlier(self, body: dict[str, Any], principal: Principal) -> list[AnyMessage]:
        """Return the messages that a request goes on from.

        Args:
            body: The request's body.
            principal: Who asks.

        Returns:
            Question, calls and their results, answers; instructions of earlier turns are not among them.

        Raises:
            ApiError: 404: there is no such Response or conversation of theirs; 409: it cannot be gone on from.
        """
        previous, conversation = continues(body)
        if previous is not None:
            kept = await self._previous(previous, principal)
            told = kept.plan.messages[1:] if kept.plan.echo.get("instructions") else kept.plan.messages
            return [*told, *messages_of(kept.response["output"])]
        if conversation is not None:
            return messages_of(await self._store.conversations.items(conversation, principal.id))
        return []

    async def _previous(self, response_id: str, principal: Principal) -> StoredResponse:
        try:
            kept = await self._store.responses.get(response_id, principal.id)
        except ApiError as error:
            field = "previous_response_id"
            raise ApiError(
                404,
                f"{field}: no response {response_id[:100]!r} is kept here",
                code="previous_response_not_found",
                param=field,
            ) from error
        if kept.status not in ANSWERED:
            why = "is still under way" if kept.under_way else f"has no answer: it is {kept.status}"
            raise ApiError(
                409,
                f"previous_response_id: {response_id!r} {why}",
                code="previous_response_not_ready",
                param="previous_response_id",
            )
        return kept


def messages_of(items: Sequence[dict[str, Any]]) -> list[AnyMessage]:
    """Read stored items as messages."""
    return from_input(_ITEMS.validate_python(list(items)))

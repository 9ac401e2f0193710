"""Lists as OpenAI's API pages through them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query

from fusion_graph.server.errors import ApiError

Limit = Annotated[int, Query(ge=1, le=100)]
After = Annotated[str | None, Query(max_length=220)]
Order = Literal["asc", "desc"]
ERRORS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "An error that names the field and the fix.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
}


def body_of(model: str, *, required: bool = True) -> dict[str, Any]:
    """Describe a route's body, which the route reads itself."""
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def listed(data: list[dict[str, Any]], *, more: bool) -> dict[str, Any]:
    """Return a page.

    Args:
        data: Its entries.
        more: Whether there are more behind it.
    """
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": more,
    }


def page_of(items: list[dict[str, Any]], limit: int, after: str | None, order: Order) -> dict[str, Any]:
    """Return a page of items that are all there.

    Args:
        items: All of them, the oldest first.
        limit: How many at most.
        after: The id of the last one of the page before.
        order: `asc` for the oldest first.

    Raises:
        ApiError: 404: `after` is none of them.
    """
    ordered = items if order == "asc" else items[::-1]
    if after is not None:
        at = next((at for at, item in enumerate(ordered) if item["id"] == after), None)
        if at is None:
            raise ApiError(404, f"after: there is no item {after!r}", code="not_found", param="after")
        ordered = ordered[at + 1 :]
    return listed(ordered[:limit], more=len(ordered) > limit)

"""The page at `/` and its files under `/assets/`: static, small, and locked down."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from fusion_graph.server.errors import ApiError

router = APIRouter()
FOLDER = Path(__file__).resolve().parents[2] / "page"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
"""What is served; anything else in the folder is not."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types dompurify",
    )
)
"""The page's Content-Security-Policy: its own files and its own API, nothing that stands in a document."""
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent.

    Attributes:
        body: Its bytes.
        kind: Its media type.
        tag: Its entity tag, the hash of the bytes.
    """

    body: bytes
    kind: str
    tag: str


@cache
def assets() -> dict[str, Asset]:
    """Read the page's files, once.

    Returns:
        Each by its path in the folder, such as `app/main.js`.
    """
    files = [path for path in sorted(FOLDER.rglob("*")) if path.is_file() and path.suffix in _TYPES]
    return {path.relative_to(FOLDER).as_posix(): _asset(path) for path in files}


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(body, _TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:32]}"')


@router.get("/", include_in_schema=False)
async def page(request: Request) -> Response:
    """Send the page."""
    return await _sent(request, "index.html")


@router.get("/assets/{path:path}", include_in_schema=False)
async def asset(request: Request, path: str) -> Response:
    """Send one of its files.

    Raises:
        ApiError: 404.
    """
    return await _sent(request, path)


async def _sent(request: Request, path: str) -> Response:
    found = (await asyncio.to_thread(assets)).get(path)
    if found is None:
        raise ApiError(404, "the page has no such file", code="not_found")
    headers = {**_HEADERS, "etag": found.tag}
    if found.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=found.kind, headers=headers)

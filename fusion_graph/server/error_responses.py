"""Errors as every endpoint sends them: OpenAI's shape, and Anthropic's on `/v1/messages`."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import traceback
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fusion_graph.redaction import redact_data
from fusion_graph.server.disconnects import ClientGoneError
from fusion_graph.server.discreet import keep_contents_out_of_the_log
from fusion_graph.server.errors import ApiError
from fusion_graph.server.render.anthropic_errors import anthropic_type

logger = logging.getLogger("fusion_graph.server")
OUR_PATHS = "/v1/"
MESSAGES_PATH = "/v1/messages"
CLIENT_GONE = 499
"""What proxies log for a client that left; nobody receives it."""
ANSWERED_SECONDS = 5.0
"""How long requests that were cancelled have to end."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_SAID = {404: "there is nothing at {path}", 405: "{method} is not served at {path}"}


def handle_errors(app: FastAPI) -> None:
    """Give an app its error responses and request ids, and a log without contents.

    Args:
        app: The app, whose own endpoints lie below `/v1/`; errors of others keep Starlette's `detail` beside ours.
    """
    keep_contents_out_of_the_log()
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ClientGoneError, _gone)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.state.under_way = set()
    app.add_middleware(Requests)


async def until_answered(app: FastAPI) -> None:
    """Wait for requests that the end of the server has cancelled: they tell their clients, and close their books.

    Args:
        app: The app; after `ANSWERED_SECONDS` it is waited for no longer.
    """
    if app.state.under_way:
        await asyncio.wait(set(app.state.under_way), timeout=ANSWERED_SECONDS)


def error_response(error: ApiError, request: Request) -> JSONResponse:
    """Make the response.

    Args:
        error: What is wrong.
        request: The request it answers.
    """
    wait = {} if error.retry_after is None else {"retry-after": str(max(1, math.ceil(error.retry_after)))}
    return JSONResponse(error_body(error, request), error.status, headers=wait)


def error_body(error: ApiError, request: Request) -> dict[str, Any]:
    """Make its body, without secrets, in the shape of the endpoint's API."""
    told = redact_data(error.as_error())
    if not request.url.path.startswith(MESSAGES_PATH):
        return {"error": told}
    own = {**told, "type": anthropic_type(error.status)}
    return {"type": "error", "error": own, "request_id": request.scope.get("request_id")}


def log_failure(error: BaseException, request_id: str | None) -> None:
    """Log a fault of ours by its type and where it happened: its message may quote a prompt or a key.

    Args:
        error: What was raised.
        request_id: The request's id.
    """
    places = "".join(traceback.format_tb(error.__traceback__))
    logger.error("request %s failed: %s\n%s", request_id, type(error).__name__, places)


def internal_error() -> ApiError:
    """Return what a client is told of a fault of ours: nothing."""
    return ApiError(500, "the server failed; its log says more", code="internal_error")


def _ending() -> ApiError:
    """Return what a client is told whose request a server that ends has waited for long enough."""
    return ApiError(503, "the server is ending; send the request again", code="server_ended", retry_after=1)


async def _api_error(request: Request, error: Exception) -> Response:
    return error_response(error if isinstance(error, ApiError) else internal_error(), request)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    path, headers = request.url.path, dict(getattr(error, "headers", None) or {})
    said = _SAID.get(status, "{detail}") if path.startswith(OUR_PATHS) else "{detail}"
    message = said.format(path=path, method=request.method, detail=detail)
    codes = {404: "not_found", 405: "method_not_allowed"}
    body = error_body(ApiError(status, message, code=codes.get(status)), request)
    if not path.startswith(OUR_PATHS):
        body["detail"] = detail
    return JSONResponse(body, status, headers=headers)


async def _invalid(request: Request, error: Exception) -> Response:
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": "invalid"}
    field = ".".join(str(part) for part in first["loc"][1:])
    return error_response(ApiError(400, f"{field}: {first['msg']}", code="invalid_value", param=field or None), request)


async def _gone(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    return Response(status_code=CLIENT_GONE)


class Requests:
    """Names every request, and answers what nothing else caught.

    Args:
        app: The app inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or not scope["path"].startswith(OUR_PATHS):
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["request_id"] = request_id
        begun = False

        async def named(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                _count(scope, message["status"])
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        under_way, task = scope["app"].state.under_way, asyncio.current_task()
        under_way.add(task)
        try:
            await self._app(scope, receive, named)
        except asyncio.CancelledError:
            if begun:
                raise
            await error_response(_ending(), Request(scope, receive))(scope, receive, named)
        except Exception as error:  # noqa: BLE001 - the boundary: a client hears of no internals
            log_failure(error, request_id)
            if not begun:
                await error_response(internal_error(), Request(scope, receive))(scope, receive, named)
        finally:
            under_way.discard(task)


def _count(scope: Scope, status: int) -> None:
    """Count a request by the pattern of its route: a path itself can hold anything."""
    held = getattr(scope["app"].state, "services", None)
    if held is not None:
        held.metrics.request(getattr(scope.get("route"), "path", "none"), status)


def _request_id(scope: Scope) -> str:
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
    return given if _REQUEST_ID.fullmatch(given) else f"req_{uuid4().hex}"

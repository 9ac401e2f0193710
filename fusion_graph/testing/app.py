"""The scripted server's HTTP endpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from fusion_graph.testing.calls import CallLog, ReceivedCall, redacted
from fusion_graph.testing.faults import Fault
from fusion_graph.testing.playback import Playback
from fusion_graph.testing.script import Script


def application(scripts: Mapping[str, Script], log: CallLog) -> Starlette:
    """Build the ASGI application.

    Args:
        scripts: The scripts by model; read anew on every request.
        log: Where calls are recorded.

    Returns:
        The application: `/v1/chat/completions` and `/v1/models`.
    """

    async def chat(request: Request) -> Playback | JSONResponse:
        body = _chat_body(await request.body())
        return body if isinstance(body, JSONResponse) else _playback(body, request, scripts, log)

    async def models(_request: Request) -> JSONResponse:
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "script"} for name in list(scripts)]
        return JSONResponse({"object": "list", "data": data})

    return Starlette(
        routes=[Route("/v1/chat/completions", chat, methods=["POST"]), Route("/v1/models", models)],
        exception_handlers={HTTPException: _unknown_endpoint},
    )


def _playback(body: Mapping[str, Any], request: Request, scripts: Mapping[str, Script], log: CallLog) -> Playback:
    script = scripts.get(body["model"])
    call = ReceivedCall(
        model=body["model"],
        body=body,
        headers=redacted(request.headers),
        ignored=script.ignores if script else frozenset(),
    )
    return Playback(call, script or _unscripted(call.model, scripts), log)


def _chat_body(raw: bytes) -> dict[str, Any] | JSONResponse:
    try:
        body = json.loads(raw)
    except ValueError:
        return _error(Fault(400, "The request body is not JSON."))
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return _error(Fault(400, "The request names no model.", param="model"))
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        return _error(Fault(400, "The request holds no messages.", param="messages"))
    return body


def _unscripted(model: str, scripts: Mapping[str, Script]) -> Fault:
    known = ", ".join(repr(name) for name in sorted(scripts)) or "none"
    return Fault(404, f"The model {model!r} is not scripted; scripted are: {known}.", code="model_not_found")


def _unknown_endpoint(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = f"{request.method} {request.url.path} is not part of this scripted server."
    return _error(Fault(status, message, code="unknown_endpoint"))


def _error(fault: Fault) -> JSONResponse:
    return JSONResponse({"error": fault.error()}, fault.status)

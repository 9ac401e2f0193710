"""The OpenAPI document: what is really accepted, from the models that check it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from fusion_graph.estimate import Estimate
from fusion_graph.server.openapi_examples import CHAT, ESTIMATE, MESSAGES, RESPONSES
from fusion_graph.server.requests.anthropic import MessagesRequest
from fusion_graph.server.requests.chat import ChatRequest
from fusion_graph.server.requests.responses import ResponsesRequest

ABOUT = (
    "An OpenAI-compatible API over fusion graphs: a panel of models researches a question, a judge compares their "
    "drafts, a writer answers. Fields that have no effect, or pass only with a harmless value, say so."
)
_REF = "#/components/schemas/{model}"
_JSON = "application/json"


class ErrorDetail(BaseModel):
    """What is wrong."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None
    failure_reason: str | None = None


class Error(BaseModel):
    """An error, in OpenAI's shape."""

    error: ErrorDetail


_MODELS: list[type[BaseModel]] = [ChatRequest, ResponsesRequest, MessagesRequest, Estimate, Error]


def install_openapi(app: FastAPI) -> None:
    """Make an app serve this document at `/openapi.json`.

    Args:
        app: The app, with all of its routes.
    """
    app.openapi = _once(lambda: document(app))  # type: ignore[method-assign]  # FastAPI's own way


def document(app: FastAPI) -> dict[str, Any]:
    """Make the document.

    Args:
        app: The app; routes that read their bodies themselves are described here.

    Returns:
        OpenAPI 3.1, JSON-plain.
    """
    described = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
    paths = {path: methods for path, methods in _paths().items() if path in _served(app)}
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    described["components"].setdefault("securitySchemes", {})["bearer"] = {"type": "http", "scheme": "bearer"}
    described["security"] = [{"bearer": []}, {}]
    _, own = models_json_schema([(model, "validation") for model in _MODELS], ref_template=_REF)
    schemas.update(own["$defs"])
    for path, methods in paths.items():
        described["paths"].setdefault(path, {}).update(methods)
    return described


def _once(make: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    held: list[dict[str, Any]] = []

    def openapi() -> dict[str, Any]:
        if not held:
            held.append(make())
        return held[0]

    return openapi


def _served(app: FastAPI) -> set[str]:
    return {str(route.path).replace(":path}", "}") for route in iter_route_contexts(app.routes)}


def _paths() -> dict[str, dict[str, Any]]:
    either = {"anyOf": [_ref("ChatRequest"), _ref("ResponsesRequest")]}
    stream = "The answer; with `stream: true` server-sent events."
    models = {"get": _operation("list_models", "The slugs, and the models that you may name.", None, "The list.")}
    model = {"get": _operation("get_model", "One of them.", None, "It.")}
    named = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
    model["get"]["parameters"] = [named]
    chat = _body(_ref("ChatRequest"), CHAT)
    responses = _body(_ref("ResponsesRequest"), RESPONSES)
    messages = _body(_ref("MessagesRequest"), MESSAGES)
    told = _operation("estimate", "What a request would take.", _body(either, ESTIMATE), "The estimate.")
    told["responses"]["200"]["content"][_JSON]["schema"] = {"type": "object", "allOf": [_ref("Estimate")]}
    return {
        "/v1/chat/completions": {"post": _operation("create_chat_completion", "A chat completion.", chat, stream)},
        "/v1/responses": {"post": _operation("create_response", "A response.", responses, stream)},
        "/v1/messages": {"post": _operation("create_message", "A message, in Anthropic's shape.", messages, stream)},
        "/v1/models": models,
        "/v1/models/{model}": model,
        "/v1/estimate": {"post": told},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}


def _body(schema: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    shown = {name: {"value": value} for name, value in examples.items()}
    return {"required": True, "content": {_JSON: {"schema": schema, "examples": shown}}}


def _operation(name: str, summary: str, body: dict[str, Any] | None, done: str) -> dict[str, Any]:
    content: dict[str, Any] = {_JSON: {"schema": {"type": "object"}}}
    if done.endswith("events."):
        content["text/event-stream"] = {"schema": {"type": "string"}}
    failed = {
        "description": "An error that names the field and the fix.",
        "content": {_JSON: {"schema": _ref("Error")}},
    }
    answers = {"200": {"description": done, "content": content}, "default": failed}
    told: dict[str, Any] = {"operationId": name, "summary": summary, "responses": answers}
    return told if body is None else {**told, "requestBody": body}

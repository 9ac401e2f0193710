"""The OpenAPI document: what is really accepted, from the models that check it, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from fusion_graph.estimate import Estimate
from fusion_graph.server.openapi_answers import ANSWERS, EVENT, OF, STREAMED
from fusion_graph.server.openapi_examples import CHAT, ESTIMATE, MESSAGES, RESPONSES
from fusion_graph.server.requests.anthropic import MessagesRequest
from fusion_graph.server.requests.chat import ChatRequest
from fusion_graph.server.requests.responses import ResponsesRequest
from fusion_graph.server.requests.stored import ConversationChange, ConversationRequest, ItemsRequest, RetryRequest

ABOUT = (
    "An OpenAI-compatible API over fusion graphs: a panel of models researches a question, a judge compares their "
    "drafts, a writer answers. Fields that have no effect, or pass only with a harmless value, say so. Text with "
    "U+0000, integers beyond 64 bits and more than 64 levels of nesting are refused everywhere."
)
_REF = "#/components/schemas/{model}"
_JSON = "application/json"
_REQUESTS: tuple[type[BaseModel], ...] = (
    ChatRequest,
    ResponsesRequest,
    MessagesRequest,
    Estimate,
    ConversationRequest,
    ConversationChange,
    ItemsRequest,
    RetryRequest,
)
_MESSAGES = "/v1/messages"
_READING = {
    "400": "The request cannot be served; the error names the field, the value and the fix.",
    "401": "There is no key, or it is not known here.",
    "403": "The key, or the page that sends this, may not do it.",
    "404": "There is no such thing of yours.",
    "429": "Too much at once; `Retry-After` says when to come back.",
    "500": "A fault of the server; its log says more.",
}
_WRITING = {
    **_READING,
    "409": "Something else is under way with it.",
    "413": "The body is too large.",
}
_RUNNING = {
    **_WRITING,
    "402": "The key's spending limit, or the credit at a provider, is used up.",
    "422": "The `Idempotency-Key` was used for another request.",
    "502": "The run gave no answer; `failure_reason` says why.",
    "503": "The server has no room; `Retry-After` says when to come back.",
}
_RUNS = ("/v1/chat/completions", "/v1/responses", _MESSAGES, "/v1/responses/{response_id}/retry")


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
    components = described.setdefault("components", {})
    components.setdefault("securitySchemes", {})["bearer"] = {"type": "http", "scheme": "bearer"}
    described["security"] = [{"bearer": []}, {}]
    _, own = models_json_schema([(model, "validation") for model in (*_REQUESTS, *ANSWERS)], ref_template=_REF)
    components["schemas"] = own["$defs"]
    served = _served(app)
    for path, methods in _paths().items():
        if path in served:
            described["paths"].setdefault(path, {}).update(methods)
    for method, path, operation in _operations(described):
        operation["responses"] = _answers(method, path, operation)
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


def _operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _answers(method: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    """Say what an operation answers, refusals too; what FastAPI supposes of them does not hold here."""
    told = dict(operation["responses"]["200"])
    if (method, path) in OF:
        told["content"] = {_JSON: {"schema": _ref(OF[method, path].__name__)}}
    if (method, path) in STREAMED:
        told["content"]["text/event-stream"] = {"itemSchema": EVENT}
    runs = method == "post" and path in _RUNS
    refusals = _RUNNING if runs else _READING if method == "get" else _WRITING
    shape = {_JSON: {"schema": _ref("MessagesError" if path == _MESSAGES else "Error")}}
    return {"200": told} | {
        status: {"description": description, "content": shape} for status, description in sorted(refusals.items())
    }


def _paths() -> dict[str, dict[str, Any]]:
    either = {"anyOf": [_ref("ChatRequest"), _ref("ResponsesRequest")]}
    stream = "The answer; with `stream: true` server-sent events."
    told = _operation("estimate", "What a request would take.", "The estimate.", _body(either, ESTIMATE))
    told["responses"]["200"]["content"] = {_JSON: {"schema": {"type": "object", "allOf": [_ref("Estimate")]}}}
    model = _operation("get_model", "One of them.", "It.")
    model["parameters"] = [{"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}]
    chat, responses, messages = (
        _body(_ref("ChatRequest"), CHAT),
        _body(_ref("ResponsesRequest"), RESPONSES),
        _body(_ref("MessagesRequest"), MESSAGES),
    )
    return {
        "/v1/chat/completions": {"post": _operation("create_chat_completion", "A chat completion.", stream, chat)},
        "/v1/responses": {"post": _operation("create_response", "A response.", stream, responses)},
        _MESSAGES: {"post": _operation("create_message", "A message, in Anthropic's shape.", stream, messages)},
        "/v1/models": {"get": _operation("list_models", "The slugs, and the models that you may name.", "The list.")},
        "/v1/models/{model}": {"get": model},
        "/v1/estimate": {"post": told},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}


def _body(schema: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    shown = {name: {"value": value} for name, value in examples.items()}
    return {"required": True, "content": {_JSON: {"schema": schema, "examples": shown}}}


def _operation(name: str, summary: str, done: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"operationId": name, "summary": summary, "responses": {"200": {"description": done}}}
    return told if body is None else {**told, "requestBody": body}

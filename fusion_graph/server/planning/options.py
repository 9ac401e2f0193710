"""How the writer samples, from what a request says in its own words."""

from __future__ import annotations

from typing import Any

from fusion_graph.server.requests.chat import ChatRequest, JsonSchemaFormat
from fusion_graph.server.requests.faults import bad
from fusion_graph.server.requests.responses import FlatSchema, ResponsesRequest
from fusion_graph.server.requests.sampling import Written

_SAME = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "parallel_tool_calls")


def chat_options(request: ChatRequest) -> dict[str, Any]:
    """Read the options of a chat completion.

    Returns:
        Fields of `WriterOptions`, those that were given.

    Raises:
        ApiError: 400: two names of one thing disagree.
    """
    shape = request.response_format
    return given(
        **_common(request),
        max_completion_tokens=_one(request, "max_completion_tokens", "max_tokens"),
        stop=stops(request.stop),
        seed=request.seed,
        verbosity=request.verbosity,
        reasoning=reasoning(request.reasoning, request.reasoning_effort),
        response_format=_schema(shape.json_schema) if isinstance(shape, JsonSchemaFormat) else _plain(shape),
    )


def responses_options(request: ResponsesRequest) -> dict[str, Any]:
    """Read the options of a response; see `chat_options`."""
    shape = request.text.format if request.text else None
    return given(
        **_common(request),
        max_completion_tokens=request.max_output_tokens,
        stop=stops(request.stop),
        verbosity=request.text.verbosity if request.text else None,
        reasoning=reasoning(request.reasoning, None),
        response_format=_schema(shape) if isinstance(shape, FlatSchema) else _plain(shape),
    )


def given(**values: Any) -> dict[str, Any]:
    """Return the values that are not `None`."""
    return {name: value for name, value in values.items() if value is not None}


def stops(stop: str | list[str] | None) -> list[str] | None:
    """Return texts before which the answer ends; none for an empty list."""
    return [stop] if isinstance(stop, str) else stop or None


def reasoning(said: Any, effort: str | None) -> dict[str, Any] | None:
    """Read how hard the writer thinks.

    Args:
        said: The request's `reasoning`.
        effort: Its `reasoning_effort`.

    Returns:
        Fields of `Reasoning`.

    Raises:
        ApiError: 400: the two disagree.
    """
    fields = {} if said is None else given(effort=said.effort, max_tokens=said.max_tokens)
    if said is not None and said.enabled is False:
        if fields.get("effort", "none") != "none":
            raise bad("reasoning.enabled: false contradicts reasoning.effort; leave one out", "reasoning.enabled")
        fields["effort"] = "none"
    if effort is not None and fields.get("effort", effort) != effort:
        raise bad("reasoning_effort and reasoning.effort say different things; give one of them", "reasoning_effort")
    return {**fields, **given(effort=effort)} or None


def _common(request: Written) -> dict[str, Any]:
    return {name: getattr(request, name) for name in _SAME}


def _one(request: ChatRequest, name: str, older: str) -> Any:
    first, second = getattr(request, name), getattr(request, older)
    if first is not None and second is not None and first != second:
        raise bad(f"{older}: it is the older name of {name}, and says something else; give one of them", older)
    return second if first is None else first


def _plain(shape: Any) -> dict[str, Any] | None:
    return None if shape is None or shape.type == "text" else {"type": shape.type}


def _schema(named: Any) -> dict[str, Any]:
    schema = given(name=named.name, schema=named.schema_, description=named.description, strict=named.strict)
    return {"type": "json_schema", "json_schema": schema}

"""From what a provider raised to one typed failure: what it was, whether it can heal, how long to wait."""

from __future__ import annotations

import asyncio
import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx
import httpx2
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from pydantic import BaseModel, ConfigDict

from fusion_graph.errors import BudgetReachedError, FusionDepthError
from fusion_graph.redaction import redact
from fusion_graph.well_formed import well_formed

FailureKind = Literal[
    "rate_limited",
    "timeout",
    "connection",
    "upstream",
    "authentication",
    "insufficient_credits",
    "invalid_model",
    "invalid_request",
    "context_overflow",
    "content_filter",
    "empty",
    "fusion_depth",
    "straggler",
    "deadline",
    "budget",
    "cancelled",
    "unexpected_error",
]
HEALABLE: frozenset[FailureKind] = frozenset({"rate_limited", "timeout", "connection", "upstream"})
MESSAGE_LIMIT = 600

_BY_TYPE: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], FailureKind], ...] = (
    (ContextOverflowError, "context_overflow"),
    (ModelRateLimitError, "rate_limited"),
    ((ModelTimeoutError, httpx2.TimeoutException, httpx.TimeoutException, TimeoutError), "timeout"),
    ((ModelConnectionError, httpx2.TransportError, httpx.TransportError, ConnectionError), "connection"),
    (ModelNotFoundError, "invalid_model"),
    ((ModelAuthenticationError, ModelPermissionDeniedError), "authentication"),
    (ModelAPIError, "upstream"),
    (FusionDepthError, "fusion_depth"),
    (BudgetReachedError, "budget"),
    (asyncio.CancelledError, "cancelled"),
)
_BY_STATUS: dict[int, FailureKind] = {
    401: "authentication",
    402: "insufficient_credits",
    403: "authentication",
    404: "invalid_model",
    408: "timeout",
    429: "rate_limited",
}
_BY_WORDS: tuple[tuple[tuple[str, ...], FailureKind], ...] = (
    (
        ("insufficient_quota", "insufficient credits", "insufficient balance", "billing_hard_limit", "credit balance"),
        "insufficient_credits",
    ),
    (
        (
            "context_length_exceeded",
            "maximum context length",
            "exceeds the context window",
            "prompt is too long",
            "exceed_context_size",
            "exceed context limit",
            "exceeds the available context size",
            "exceeds the maximum number of tokens",
            "input length exceeds",
        ),
        "context_overflow",
    ),
    (("content_filter", "content management policy", "responsibleaipolicy", "input was flagged"), "content_filter"),
    (
        ("no endpoints found that support", "does not support tools", "not supported with this model"),
        "invalid_request",
    ),
    (
        ("null value for", "missing 'choices' key", "unexpected response type", "no generation chunks were returned"),
        "upstream",
    ),
)
"""Words that say more than type or status: a provider's 404 for a missing feature, its 429 for an empty purse."""


class Failure(BaseModel):
    """Why a call did not give what it should.

    Attributes:
        kind: What it was.
        message: The provider's words, without secrets, cut to 600 characters.
        status_code: The HTTP status, where there was one.
        retry_after: Seconds the provider asked to wait, where it did.
    """

    model_config = ConfigDict(frozen=True)

    kind: FailureKind
    message: str
    status_code: int | None = None
    retry_after: float | None = None

    @property
    def healable(self) -> bool:
        """Whether the same call may succeed later."""
        return self.kind in HEALABLE


def classify(error: BaseException) -> Failure:
    """Type an exception that a model call raised.

    Telling words in the message come first, then LangChain's typed model errors, then the HTTP status.

    Args:
        error: What was raised.

    Returns:
        The failure; `unexpected_error` for what nobody knows.
    """
    text = well_formed(redact(str(error) or type(error).__name__))
    status = _status(error)
    words = f"{text} {getattr(error, 'code', '') or ''}".lower()  # SDKs keep the provider's code out of the message
    return Failure(
        kind=_kind(error, status, words),
        message=text[:MESSAGE_LIMIT],
        status_code=status,
        retry_after=_retry_after(error),
    )


def _kind(error: BaseException, status: int | None, text: str) -> FailureKind:
    if status == 402:
        return "insufficient_credits"
    by_words = next((kind for words, kind in _BY_WORDS if any(word in text for word in words)), None)
    by_type = next((kind for types, kind in _BY_TYPE if isinstance(error, types)), None)
    if by_words or by_type:
        return by_words or by_type or "unexpected_error"
    if status is not None:
        return _BY_STATUS.get(status, "upstream" if status >= 500 else "invalid_request")
    return "invalid_request" if isinstance(error, ModelInvalidRequestError) else _by_name(error)


def _by_name(error: BaseException) -> FailureKind:
    """Recognise SDK errors without importing their SDKs: a stream that broke, a body that was no JSON."""
    names = {cls.__name__ for cls in type(error).__mro__}
    if names & {"StreamChunkTimeoutError", "APITimeoutError", "ReadTimeout"}:
        return "timeout"
    if names & {"APIConnectionError", "RemoteProtocolError", "IncompleteRead"}:
        return "connection"
    if names & {"APIError", "APIResponseValidationError", "JSONDecodeError", "UnreadableAnswerError"}:
        return "upstream"
    return "unexpected_error"


def _status(error: BaseException) -> int | None:
    told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    codes = (
        getattr(error, "status_code", None),
        getattr(getattr(error, "response", None), "status_code", None),
        getattr(error, "code", None),  # gateways that fail within a stream put the status there
        told.get("code"),  # and LangChain raises the error object of an answer with status 200
    )
    for code in codes:
        if re.fullmatch("[45][0-9][0-9]", str(code)):  # a 200 whose body was no answer is not told by its status
            return int(str(code))
    return None


def _retry_after(error: BaseException) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    if headers is None:
        return None
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    return seconds if seconds is not None or value is None else _seconds_until(value)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _seconds_until(http_date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())

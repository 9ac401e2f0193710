from __future__ import annotations

import asyncio
import json
import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import httpx2
import openai
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
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

from fusion_graph.errors import FusionDepthError
from fusion_graph.failures import HEALABLE, MESSAGE_LIMIT, Failure, classify

REQUEST = httpx.Request("POST", "https://models.example/v1/chat/completions")


def openai_error(
    status: int, message: str = "boom", *, body: dict[str, Any] | None = None, headers: Any = None
) -> openai.APIStatusError:
    """An SDK error as the SDK itself makes it."""
    response = httpx.Response(status, request=REQUEST, headers=headers, json={"error": body or {"message": message}})
    return openai.OpenAI(api_key="unused")._make_status_error_from_response(response)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ContextOverflowError("full"), "context_overflow"),
        (ModelRateLimitError("slow down"), "rate_limited"),
        (ModelTimeoutError("late"), "timeout"),
        (ModelConnectionError("gone"), "connection"),
        (ModelNotFoundError("who?"), "invalid_model"),
        (ModelAuthenticationError("no"), "authentication"),
        (ModelPermissionDeniedError("no"), "authentication"),
        (ModelAPIError("oops"), "upstream"),
        (ModelInvalidRequestError("bad"), "invalid_request"),
        (httpx.ReadTimeout("late"), "timeout"),
        (httpx.ConnectTimeout(""), "timeout"),
        (httpx.PoolTimeout(""), "timeout"),
        (httpx.ConnectError("refused"), "connection"),
        (httpx.RemoteProtocolError("peer closed connection"), "connection"),
        (httpx.ReadError(""), "connection"),
        (httpx2.ReadTimeout("late"), "timeout"),
        (httpx2.ConnectError("refused"), "connection"),
        (httpx2.RemoteProtocolError("peer closed connection"), "connection"),
        (TimeoutError(), "timeout"),
        (ConnectionResetError(104, "reset"), "connection"),
        (BrokenPipeError(), "connection"),
        (FusionDepthError("inside"), "fusion_depth"),
        (asyncio.CancelledError(), "cancelled"),
        (openai.APITimeoutError(REQUEST), "timeout"),
        (openai.APIConnectionError(request=REQUEST), "connection"),
        (openai.APIError("the stream broke", REQUEST, body=None), "upstream"),
        (json.JSONDecodeError("Expecting value", "<html>", 0), "upstream"),
        (KeyError("Response missing 'choices' key: dict_keys(['id'])"), "upstream"),
        (TypeError("Received response with null value for 'choices'."), "upstream"),
        (ValueError("Unexpected response type from OpenAI-compatible endpoint."), "upstream"),
        (RuntimeError("what?"), "unexpected_error"),
        (ZeroDivisionError(), "unexpected_error"),
    ],
)
def test_errors_are_told_by_their_type(error, kind):
    assert classify(error).kind == kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request"),
        (401, "authentication"),
        (402, "insufficient_credits"),
        (403, "authentication"),
        (404, "invalid_model"),
        (408, "timeout"),
        (409, "invalid_request"),
        (413, "invalid_request"),
        (422, "invalid_request"),
        (429, "rate_limited"),
        (500, "upstream"),
        (502, "upstream"),
        (503, "upstream"),
        (504, "upstream"),
        (529, "upstream"),
    ],
)
def test_http_statuses_are_told_whoever_raised_them(status, kind):
    response = httpx.Response(status, request=REQUEST)
    by_httpx = classify(httpx.HTTPStatusError("boom", request=REQUEST, response=response))
    by_openai = classify(openai_error(status))
    assert (by_httpx.kind, by_httpx.status_code) == (kind, status)
    assert (by_openai.kind, by_openai.status_code) == (kind, status)


@pytest.mark.parametrize("kind", ["rate_limited", "timeout", "connection", "upstream"])
def test_only_what_time_can_heal_is_healable(kind):
    assert kind in HEALABLE
    assert Failure(kind=kind, message="").healable


@pytest.mark.parametrize(
    "kind",
    ["authentication", "insufficient_credits", "invalid_model", "invalid_request", "context_overflow", "cancelled"],
)
def test_what_time_cannot_heal_is_not_healable(kind):
    assert not Failure(kind=kind, message="").healable


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (400, "This model's maximum context length is 8192 tokens, but 9000 were requested.", None),
        (400, "Please shorten it.", "context_length_exceeded"),
        (400, "Your input exceeds the context window of this model.", None),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", None),
        (400, "input length and `max_tokens` exceed context limit: 1 + 2 > 2", None),
        (400, "the request exceeds the available context size, try increasing it", "exceed_context_size_error"),
        (400, "The input token count (9) exceeds the maximum number of tokens allowed (8).", None),
        (500, "the input length exceeds the context length", None),
        (413, "x" * (MESSAGE_LIMIT + 100) + " maximum context length", None),
    ],
)
def test_a_full_context_is_told_by_words_or_code_whatever_the_status(status, message, code):
    assert classify(openai_error(status, body={"message": message, "code": code})).kind == "context_overflow"


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (429, "You exceeded your current quota.", "insufficient_quota"),
        (402, "This request requires more credits.", None),
        (400, "Your credit balance is too low to access the API.", None),
        (403, "Insufficient credits", None),
        (400, "Billing hard limit", "billing_hard_limit_reached"),
        (402, "Insufficient Balance", None),
    ],
)
def test_an_empty_purse_is_not_taken_for_a_rate_limit(status, message, code):
    failure = classify(openai_error(status, body={"message": message, "code": code}))
    assert failure.kind == "insufficient_credits"
    assert not failure.healable


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (400, "The response was filtered.", "content_filter"),
        (400, "triggered Azure OpenAI's content management policy", None),
        (400, "ResponsibleAIPolicyViolation", None),
        (403, "Your chosen model requires moderation and your input was flagged for 'violence'.", None),
    ],
)
def test_a_content_filter_is_told_by_its_words(status, message, code):
    assert classify(openai_error(status, body={"message": message, "code": code})).kind == "content_filter"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "No endpoints found that support tool use."),
        (400, "registry.example/model does not support tools"),
        (400, "Unsupported parameter: 'response_format' is not supported with this model."),
    ],
)
def test_a_missing_feature_is_an_invalid_request_even_where_it_comes_as_not_found(status, message):
    assert classify(openai_error(status, message)).kind == "invalid_request"


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (openai.APIError("no money", REQUEST, body={"code": 402, "message": "no money"}), "insufficient_credits", 402),
        (openai.APIError("slow", REQUEST, body={"code": "429", "message": "slow"}), "rate_limited", 429),
        (ValueError({"message": "Provider returned error", "code": 502}), "upstream", 502),
        (ValueError({"message": "No auth", "code": 401}), "authentication", 401),
    ],
)
def test_an_error_inside_an_answer_with_status_200_is_told_by_its_code(error, kind, status):
    failure = classify(error)
    assert (failure.kind, failure.status_code) == (kind, status)


def test_a_status_of_success_is_no_reason():
    response = httpx.Response(200, request=REQUEST, text="<html>")
    failure = classify(openai.APIResponseValidationError(response, body=None))
    assert (failure.kind, failure.status_code) == ("upstream", None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"Retry-After": " 3 "}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500.5", "retry-after": "9"}, 1.5005),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after-ms": b"\xb2", "retry-after": "9"}, 9.0),
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "Wed, 21 Oct 99999999999 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 99 Foo 2026 99:99:99 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_what_the_provider_asks_to_wait_is_read_in_seconds(headers, seconds):
    assert classify(openai_error(429, headers=headers)).retry_after == seconds


@pytest.mark.parametrize("usegmt", [True, False])
def test_a_date_to_wait_for_is_read_as_the_seconds_until_then(usegmt):
    then = datetime.now(UTC) + timedelta(seconds=30)
    failure = classify(openai_error(429, headers={"retry-after": format_datetime(then, usegmt=usegmt)}))
    assert failure.retry_after == pytest.approx(30, abs=2)


@given(st.binary(max_size=40).filter(lambda raw: b"\r" not in raw and b"\n" not in raw and b"\0" not in raw))
@example(b"Mon, 01 Jan 0000 00:00:00 GMT")
@example(b"99999999999999999999999999 Jan 2026 00:00:00")
@settings(deadline=None)
def test_no_retry_after_header_makes_it_fail(raw):
    response = httpx.Response(429, request=REQUEST, headers=[(b"retry-after", raw), (b"retry-after-ms", raw)])
    waits = classify(httpx.HTTPStatusError("boom", request=REQUEST, response=response)).retry_after
    assert waits is None or (math.isfinite(waits) and waits >= 0)


@given(st.text(st.characters(exclude_categories=()), max_size=2_000))
@settings(deadline=None)
def test_any_message_gives_a_failure_that_is_bounded_and_can_be_saved(message):
    failure = classify(RuntimeError(message))
    assert len(failure.message) <= MESSAGE_LIMIT
    assert Failure.model_validate_json(failure.model_dump_json()) == failure


def test_a_message_without_words_is_named_by_its_type():
    assert classify(ZeroDivisionError()).message == "ZeroDivisionError"


def test_secrets_in_messages_are_redacted_before_they_are_cut(monkeypatch):
    monkeypatch.setenv("VENDOR_API_KEY", "0123456789abcdef")
    padding = "x" * (MESSAGE_LIMIT - 8)
    message = classify(RuntimeError(f"{padding}0123456789abcdef sk-proj-ABCDEFGH12345678")).message
    assert "01234567" not in message
    assert "ABCDEFGH" not in message
    assert len(message) <= MESSAGE_LIMIT

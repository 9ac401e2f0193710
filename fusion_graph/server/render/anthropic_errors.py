"""Anthropic's names of errors."""

from __future__ import annotations

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def anthropic_type(status: int) -> str:
    """Return Anthropic's name of an error, by its HTTP status."""
    return _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")

"""What a client is told when a request cannot be served."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A refusal in the shape of OpenAI's errors.

    Args:
        status: The HTTP status.
        message: A sentence that names the field, the value and the fix; secrets are cleaned out before it is sent.
        code: A short code, such as `invalid_value` or `rate_limit_exceeded`.
        param: The field, as a path such as `plugins[0].max_tool_calls`.
        type_: OpenAI's error type; by the status when unset.
        retry_after: Seconds after which to try again.
        extra: More fields of the error object, such as `failure_reason`.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        type_: str | None = None,
        retry_after: float | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.type = type_ or _type_of(status)
        self.retry_after = retry_after
        self.extra = extra or {}

    def as_error(self) -> dict[str, Any]:
        """Return the error object that stands under `error`."""
        return {"message": self.message, "type": self.type, "param": self.param, "code": self.code, **self.extra}


def _type_of(status: int) -> str:
    if status == 401:
        return "authentication_error"
    if status == 402:
        return "insufficient_quota"
    if status == 403:
        return "permission_error"
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"

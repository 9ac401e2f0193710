"""HTTP errors a scripted model answers with, in OpenAI's shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from fusion_graph.testing.replies import Reply

_KNOWN: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request is not valid."),
    401: ("authentication_error", "invalid_api_key", "Incorrect API key provided."),
    402: ("insufficient_quota", "insufficient_credits", "Insufficient credits: add more and try again."),
    403: ("permission_error", "permission_denied", "The key has no permission for this request."),
    404: (
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you have no access to it.",
    ),
    408: ("timeout_error", "timeout", "The request took too long."),
    429: ("rate_limit_error", "rate_limit_exceeded", "Rate limit reached: try again later."),
    503: ("server_error", "overloaded", "The model is overloaded: try again later."),
}
_OTHER = ("server_error", None, "The server had an error while processing the request.")


@dataclass(frozen=True)
class Fault(Reply):
    """An HTTP error: `Fault(401)`, `Fault(429, retry_after=0.1)`, `Fault(500)`.

    Attributes:
        status: The HTTP status.
        message: The error's message; one that fits the status when None.
        code: The error's code; one that fits the status when None.
        kind: The error's `type`; one that fits the status when None.
        param: The request field the error is about.
        retry_after: Seconds sent in the `Retry-After` header; no header when None.
    """

    status: int
    message: str | None = None
    code: str | None = field(default=None, kw_only=True)
    kind: str | None = field(default=None, kw_only=True)
    param: str | None = field(default=None, kw_only=True)
    retry_after: float | None = field(default=None, kw_only=True)

    @classmethod
    def context_length(cls, limit: int = 8192, requested: int = 9000) -> Self:
        """Build the error for a prompt that does not fit.

        Args:
            limit: The model's window in tokens.
            requested: The tokens that were sent.

        Returns:
            A 400 with the code `context_length_exceeded`.
        """
        message = f"This model's maximum context length is {limit} tokens, but {requested} tokens were requested."
        return cls(400, message, code="context_length_exceeded", param="messages")

    @classmethod
    def unsupported(cls, param: str) -> Self:
        """Build the error for a request field that the model does not know.

        Args:
            param: The field.

        Returns:
            A 400 that names the field, with the code `unsupported_parameter`.
        """
        message = f"Unsupported parameter: {param!r} is not supported with this model."
        return cls(400, message, code="unsupported_parameter", param=param)

    def error(self) -> dict[str, Any]:
        """Return the error object: message, type, param and code."""
        kind, code, message = _KNOWN.get(self.status, _OTHER)
        return {
            "message": self.message or message,
            "type": self.kind or kind,
            "param": self.param,
            "code": self.code or code,
        }

    def headers(self) -> dict[str, str]:
        """Return the headers that go with the error."""
        return {} if self.retry_after is None else {"retry-after": f"{self.retry_after:g}"}

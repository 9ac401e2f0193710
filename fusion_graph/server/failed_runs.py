"""From a run that could not start or gave no answer to the error that a client gets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fusion_graph.errors import FusionError, LimitTooLowError, MissingKeyError, MissingPackageError, RunError
from fusion_graph.redaction import redact
from fusion_graph.server.errors import ApiError
from fusion_graph.server.render.extension import fusion_field
from fusion_graph.server.render.result import Result

STATUS_OF = {"insufficient_credits": 402, "rate_limited": 429, "invalid_model": 400}
"""HTTP status by failure reason; any other is a 502: the fault lies behind this server."""
_WORDS = {
    "insufficient_credits": "no panelist could answer: an account at a model provider is out of credits",
    "rate_limited": "no panelist could answer: a model provider limits the rate; try again later",
    "invalid_model": "no model of that name answers at its provider",
    "all_panels_failed": "no panelist could answer; `failed_models` says why",
    "cancelled": "the run was cancelled",
    "unexpected_error": "the calling model could not answer",
}
_FIELD = re.compile(r"^(?:seat '[^']*': )?([a-z_]+(?:\.[a-z_]+|\[\d+\])*)(?= |:)")
_CODES: tuple[tuple[type[FusionError], str], ...] = (
    (MissingKeyError, "model_not_available"),
    (MissingPackageError, "model_not_available"),
    (LimitTooLowError, "limit_too_low"),
)


def refused(error: FusionError) -> ApiError:
    """Turn what the graph raised before it called any model into a client's error.

    Args:
        error: What was raised.

    Returns:
        A 400 that names the field where the message does; a 409 for a saved run that cannot be taken up.
    """
    message = redact(str(error))
    if isinstance(error, RunError):
        return ApiError(409, message, code="run_conflict")
    found = _FIELD.match(message)
    field = found and ("panel" if found[1] == "model" else found[1])
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "invalid_value")
    return ApiError(400, message, code=code, param=field)


def failed(result: Result) -> ApiError:
    """Turn a run without an answer into an error.

    Args:
        result: The finished run, whose status is `error`.

    Returns:
        The error, with `failure_reason`, `failed_models` and the field `fusion`.
    """
    reason = str(result.output["failure_reason"] or "unexpected_error")
    return ApiError(
        STATUS_OF.get(reason, 502),
        _message(reason, result.output),
        code=reason,
        retry_after=_retry_after(result.receipt) if reason == "rate_limited" else None,
        extra={
            "failure_reason": reason,
            "failed_models": result.output["failed_models"],
            "fusion": fusion_field(result),
        },
    )


def _message(reason: str, output: Mapping[str, Any]) -> str:
    said = [f"{entry['model']}: {entry['error']}" for entry in output["failed_models"]]
    writer = output["receipt"]["writer"]
    if not said and writer and writer["failure"]:
        said = [f"{writer['requested_model']}: {writer['failure']['message']}"]
    words = _WORDS.get(reason, reason)
    return redact(f"{words} ({'; '.join(said)})" if said else words)


def _retry_after(receipt: Mapping[str, Any]) -> float | None:
    parts = [*receipt["seats"], *([receipt["writer"]] if receipt["writer"] else [])]
    waits = [part["failure"]["retry_after"] for part in parts if part["failure"]]
    known = [wait for wait in waits if wait is not None]
    return min(known) if known else None

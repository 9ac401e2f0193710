"""When a criterion has no verdict: never silently, and never as a verdict."""

from __future__ import annotations

from typing import Literal

from fusion_graph.errors import FusionError
from fusion_graph.failures import Failure
from fusion_graph.usage import Usage

NoVerdict = Literal["upstream", "refused", "cut", "unreadable"]
"""Whether the provider failed, the model would not judge, its reply was cut off, or holds no verdict."""


class GradingError(FusionError):
    """A criterion could not be judged; what the attempt cost is known all the same.

    Attributes:
        reason: What stood in the way.
        failure: What the provider raised, if that was it.
        usage: What the attempt used.
        calls: How many model calls it made.
    """

    def __init__(self, message: str, reason: NoVerdict, failure: Failure | None, usage: Usage, calls: int) -> None:
        super().__init__(message)
        self.reason = reason
        self.failure = failure
        self.usage = usage
        self.calls = calls

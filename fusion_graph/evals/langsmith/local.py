"""LangSmith's evaluation without LangSmith: nothing leaves the process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from langsmith import Client, aevaluate
from langsmith.schemas import Example

if TYPE_CHECKING:
    from langsmith.evaluation._arunner import AsyncExperimentResults

_NOWHERE = "http://127.0.0.1:9"
"""The discard port of this machine: whatever should get past the sampling still goes nowhere."""


async def evaluate_locally(target: Any, data: Iterable[Example], **options: Any) -> AsyncExperimentResults:
    """Run `langsmith.aevaluate` and send nothing.

    `aevaluate(upload_results=False)` alone posts every run of the target to LangSmith all the same, whatever
    `LANGSMITH_TRACING` says (langsmith 0.15.0); a client that samples nothing does not.

    Args:
        target: As for `aevaluate`.
        data: The examples themselves: a dataset's name would have to be fetched.
        **options: More for `aevaluate`, such as `evaluators` and `max_concurrency`.

    Returns:
        Its results; rows, scores and `to_pandas()` work as ever.

    Raises:
        ValueError: An option would send something.
    """
    for option in ("client", "upload_results", "experiment"):
        if option in options:
            raise ValueError(f"{option}: a local evaluation has no LangSmith to use it with; call langsmith.aevaluate")
    client = Client(api_url=_NOWHERE, api_key="none", tracing_sampling_rate=0.0, auto_batch_tracing=True)
    return await aevaluate(target, data=list(data), client=client, upload_results=False, **options)

"""Try again what can heal, as long as the provider asks, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from fusion_graph.failures import classify

T = TypeVar("T")

ATTEMPTS = 3
LONGEST_WAIT = 60.0
"""Seconds; a provider that asks for more is not waited for."""
_BACKOFF = wait_random_exponential(multiplier=0.5, max=20.0)


async def with_retries(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call up to three times.

    A rate limit is waited out as long as its `Retry-After` says, if that is at most a minute; timeouts, 5xx and
    dropped connections are tried again after a random, growing pause. Everything else is raised at once.

    Args:
        call: Makes the call anew each time.

    Returns:
        What the first good attempt returned.

    Raises:
        Exception: What the last attempt raised.
    """
    try:
        return await call()
    except Exception as error:
        if not _worth_it(error):
            raise
        failed = [error]
    attempts = AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS), wait=_wait, retry=retry_if_exception(_worth_it), reraise=True
    )

    async def attempt() -> T:
        if failed:
            raise failed.pop()  # the first attempt, made above: nearly all calls need no bookkeeping
        return await call()

    return await attempts(attempt)


def _worth_it(error: BaseException) -> bool:
    failure = classify(error)
    return failure.healable and (failure.retry_after or 0.0) <= LONGEST_WAIT


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = classify(error).retry_after if error else None
    return asked if asked is not None else _BACKOFF(state)


class Retry(AgentMiddleware[Any, Any]):
    """Gives an agent's model calls the same retries; LangChain's own middleware knows no `Retry-After`."""

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Call the model, again where that can help."""
        return await with_retries(lambda: handler(request))

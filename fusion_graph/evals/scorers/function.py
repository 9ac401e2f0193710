"""The scorer `python:module:function`: a function of the user's own.

It is called with the `Task` and the answer's text, and returns a number from 0 to 100 or a `Score`. It may be async;
one that is not runs in a thread.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fusion_graph.errors import ConfigError
from fusion_graph.evals.results import Score
from fusion_graph.evals.schema import Task
from fusion_graph.evals.scorers.errors import ScoringError
from fusion_graph.redaction import redact

Function = Callable[[Task, str], Any]


def load_function(name: str) -> Function:
    """Import a scoring function; modules in the current folder are found too.

    Args:
        name: `module:function`, where the module may be dotted.

    Returns:
        The function.

    Raises:
        ConfigError: There is no such module or function, the module fails when imported, or the function does not take
            a task and an answer.
    """
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name.isidentifier():
        raise ConfigError(f"scorer.function: {name!r} is no function; write module:function")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever the user's module raises
        raise ConfigError(f"scorer.function: {module_name!r} cannot be imported: {redact(str(error))}") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ConfigError(f"scorer.function: {module_name!r} has no function {function_name!r}")
    try:
        inspect.signature(function).bind("task", "answer")
    except TypeError as error:
        raise ConfigError(f"scorer.function: {name!r} must take a task and an answer: {error}") from error
    except ValueError:  # a built-in that does not tell
        pass
    return function  # type: ignore[no-any-return]


async def score_function(function: Function, task: Task, answer: str) -> Score:
    """Score an answer by a function of the user's.

    Args:
        function: The function.
        task: The task.
        answer: The answer's text.

    Returns:
        The score.

    Raises:
        ScoringError: The function raised, or returned neither a number from 0 to 100 nor a `Score` with such a value.
    """
    name = getattr(function, "__qualname__", repr(function))
    try:
        found = function(task, answer) if _is_async(function) else await asyncio.to_thread(function, task, answer)
        if inspect.isawaitable(found):
            found = await found
    except Exception as error:
        reason = f"{type(error).__name__}: {redact(str(error))}"
        raise ScoringError(f"task {task.id!r}: the scorer {name} raised {reason}") from error
    value = found.value if isinstance(found, Score) else found
    if isinstance(value, bool) or not isinstance(value, int | float) or not _in_range(float(value)):
        raise ScoringError(
            f"task {task.id!r}: the scorer {name} returned {found!r}; return a number from 0 to 100, or a Score"
        )
    return found if isinstance(found, Score) else Score(run=0, raw=float(value), value=float(value))


def _is_async(function: Function) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 - an object's own async call


def _in_range(value: float) -> bool:
    return math.isfinite(value) and 0 <= value <= 100

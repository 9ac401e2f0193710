"""What fusion-graph raises before or instead of a run; what models do ends as a typed outcome instead.

FusionError
  ConfigError           a field, a value or a combination of them that cannot work
    MissingKeyError     a model or engine was asked for whose API key is not set
    MissingPackageError an optional package is not installed
  RunError              a saved run cannot be taken up as it was asked
    LimitTooLowError    a limit that leaves no room even for the least a run needs
  FusionDepthError      a fusion was started from inside a fusion
  BudgetReachedError    a call was not made because it might have exceeded a limit; inside a run it becomes a failure
  UnreadableAnswerError what a gateway answered is no chat completion; inside a run it becomes a failure
"""

from __future__ import annotations


class FusionError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigError(FusionError, ValueError):
    """A configuration that cannot run; the message names the field, the value and the fix."""


class MissingKeyError(ConfigError):
    """A model or search engine needs an API key that the environment does not hold."""


class MissingPackageError(ConfigError, ImportError):
    """An optional package is needed; the message holds the install command."""


class RunError(FusionError):
    """A saved run cannot be retried or forked as it was asked; the message says why."""


class LimitTooLowError(ConfigError):
    """A limit in dollars or tokens that leaves no room even for the least a run needs."""


class FusionDepthError(FusionError):
    """A fusion was started from inside another one: depth is 1."""


class BudgetReachedError(FusionError):
    """A model call was not made, because it might have exceeded a limit of the run."""


class UnreadableAnswerError(FusionError, ValueError):
    """What a gateway answered cannot be read as a chat completion, or says itself that the call failed."""


def missing_package(package: str, extra: str, used_for: str) -> MissingPackageError:
    """Build the error for an optional package that is not installed.

    Args:
        package: The distribution's name.
        extra: The extra of fusion-graph that brings it.
        used_for: What needs it, as a phrase ("the Exa search engine").

    Returns:
        The error, ready to be raised from the `ImportError`.
    """
    return MissingPackageError(f"{used_for} needs the package {package!r}: pip install 'fusion-graph[{extra}]'")

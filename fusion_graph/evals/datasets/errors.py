"""What is wrong with a dataset, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fusion_graph.errors import ConfigError

_SHOWN = 20
_LONGEST_VALUE = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in one line of a file.

    Attributes:
        line: The line's number, from 1.
        field: The field, as a path such as `rubric.sections.0.criteria.2.weight`; empty for the line as a whole.
        problem: What is wrong and how to put it right.
        value: What stood there.
    """

    line: int
    field: str
    problem: str
    value: Any = None

    def __str__(self) -> str:
        place = f"line {self.line}" + (f", {self.field}" if self.field else "")
        shown = "" if self.value is None else f" (found {_short(self.value)})"
        return f"{place}: {self.problem}{shown}"


class DatasetError(ConfigError):
    """A dataset that cannot be used; nothing of it was loaded.

    Attributes:
        faults: Every fault of its lines, in their order; empty where the file as a whole is at fault.
    """

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = list(faults)

    @classmethod
    def of(cls, file: str, faults: Sequence[Fault]) -> DatasetError:
        """Report all faults of a file at once; the message shows the first 20.

        Args:
            file: The file, as the user named it.
            faults: Its faults; at least one.

        Returns:
            The error.
        """
        lines = len({fault.line for fault in faults})
        shown = [f"  {fault}" for fault in faults[:_SHOWN]]
        more = [f"  and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        head = f"dataset {file!r}: {len(faults)} faults in {lines} lines; nothing was loaded"
        return cls("\n".join([head, *shown, *more]), faults)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."

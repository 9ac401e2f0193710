"""The sums of an evaluation's rows: what the command prints at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from fusion_graph.evals.results import Configuration, Row
from fusion_graph.money import exact


@dataclass(slots=True)
class Line:
    """One configuration's sums.

    Attributes:
        configuration: The configuration.
        outcomes: Rows by how they ended.
        contaminated: Rows left out because the answer key was seen.
        scores: Number of scores in the mean.
        total: Their sum.
        cost: US dollars of the rows whose cost is known.
        costs: How many those are.
        cost_at_least: Whether some cost is a lower bound or unknown.
        seconds: Seconds of all answers.
        timed: How many those are.
    """

    configuration: Configuration
    outcomes: Counter[str] = field(default_factory=Counter)
    contaminated: int = 0
    scores: int = 0
    total: float = 0.0
    cost: float = 0.0
    costs: int = 0
    cost_at_least: bool = False
    seconds: float = 0.0
    timed: int = 0

    def add(self, row: Row) -> None:
        """Add a row."""
        self.outcomes[row.outcome] += 1
        if row.contaminated:
            self.contaminated += 1
        elif row.score is not None:
            self.scores += 1
            self.total += row.score
        if row.cost_usd is not None:
            self.cost = exact(self.cost + row.cost_usd)
            self.costs += 1
        self.cost_at_least = self.cost_at_least or row.cost_at_least
        if row.seconds is not None and row.outcome != "failed":
            self.seconds += row.seconds
            self.timed += 1

    @property
    def score(self) -> float | None:
        """The mean score of clean, graded answers; refused and failed ones are not in it."""
        return self.total / self.scores if self.scores else None

    @property
    def cost_per_row(self) -> float | None:
        """US dollars per row; `None` if unknown."""
        return self.cost / self.costs if self.costs else None

    @property
    def seconds_per_row(self) -> float | None:
        """Mean seconds per answer; `None` if unknown."""
        return self.seconds / self.timed if self.timed else None


class Summary:
    """Sums by configuration.

    Args:
        configurations: What was measured.
    """

    def __init__(self, configurations: Sequence[Configuration]) -> None:
        self.lines = {one.name: Line(one) for one in configurations}

    def add(self, row: Row) -> None:
        """Add a row."""
        self.lines[row.configuration].add(row)

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(sum(line.outcomes.values()) for line in self.lines.values())

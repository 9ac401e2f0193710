"""How much of what was to be measured was measured, and whose work the answers rest on."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_graph.evals.results import Row
from fusion_graph.evals.statistics.intervals import Record


class Counts(Record):
    """A configuration's rows by how they ended.

    Attributes:
        rows: Rows there are: tasks times generations that were tried.
        tasks: Tasks among them.
        wanted: Tasks that were to be answered.
        ok: Answered and fully graded.
        incomplete: Answered, but verdicts are missing.
        refused: Refused to answer.
        failed: No answer.
        contaminated: Rows of any outcome that saw the answer key, left out of every score.
        coverage: Share of the wanted verdicts that are there, over rows that say; `None` if none does.
        missing_seats: How often each seat gave no draft.
    """

    rows: int
    tasks: int
    wanted: int
    ok: int
    incomplete: int
    refused: int
    failed: int
    contaminated: int
    coverage: float | None
    missing_seats: dict[str, int]

    @property
    def untried(self) -> int:
        """Tasks without a row."""
        return max(0, self.wanted - self.tasks)


class SeatUse(Record):
    """What the writer took from one seat.

    Attributes:
        seat: The seat's id.
        citations: How often answers cite sources that it found.
        share: Of all such citations of the configuration.
        answers: Share of answers that cite at least one of its sources.
        echoed: Mean share of an answer's wording that stands in its draft too; `None` if no row says.
    """

    seat: str
    citations: int
    share: float | None
    answers: float
    echoed: float | None = None


def count_rows(rows: Sequence[Row], wanted: int) -> Counts:
    """Count one configuration's rows.

    Args:
        rows: Its rows.
        wanted: Tasks that were to be answered.

    Returns:
        The counts.
    """
    covered = [row.coverage for row in rows if row.coverage is not None]
    missing: dict[str, int] = {}
    for row in rows:
        for seat in row.missing_seats:
            missing[seat] = missing.get(seat, 0) + 1
    outcomes = [row.outcome for row in rows]
    return Counts(
        rows=len(rows),
        tasks=len({row.task_id for row in rows}),
        wanted=wanted,
        ok=outcomes.count("ok"),
        incomplete=outcomes.count("incomplete"),
        refused=outcomes.count("refused"),
        failed=outcomes.count("failed"),
        contaminated=sum(bool(row.contaminated) for row in rows),
        coverage=sum(covered) / len(covered) if covered else None,
        missing_seats=missing,
    )


def seat_use(rows: Sequence[Row]) -> list[SeatUse]:
    """Say which seats the writer really used.

    Args:
        rows: One configuration's rows; those without an answer are left out.

    Returns:
        One for each seat that any row names, most cited first; empty if no row says.
    """
    answered = [row for row in rows if row.outcome in {"ok", "incomplete"}]
    citations: dict[str, int] = {}
    answers: dict[str, int] = {}
    for row in answered:
        for seat, cited in row.seats_used.items():
            citations[seat] = citations.get(seat, 0) + cited
            answers[seat] = answers.get(seat, 0) + (cited > 0)
    total = sum(citations.values())
    used = [
        SeatUse(
            seat=seat,
            citations=cited,
            share=cited / total if total else None,
            answers=answers[seat] / len(answered),
            echoed=_mean([row.seats_echoed[seat] for row in answered if seat in row.seats_echoed]),
        )
        for seat, cited in citations.items()
    ]
    return sorted(used, key=lambda use: (-use.citations, -(use.echoed or 0.0)))


def _mean(shares: Sequence[float]) -> float | None:
    return sum(shares) / len(shares) if shares else None

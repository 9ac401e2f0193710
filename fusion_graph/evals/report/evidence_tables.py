"""Tables of what the results rest on: noise, seats, judges, what was obtained and what is left out."""

from __future__ import annotations

from fusion_graph.evals.report import words
from fusion_graph.evals.report.table import Table
from fusion_graph.evals.statistics.findings import Findings
from fusion_graph.terminal.clean import one_line


def noise(findings: Findings, named: dict[str, str]) -> Table:
    """Make the table of where the spread comes from."""
    rows = [
        [
            named[s.configuration.name],
            words.number(s.score.se, 2),
            words.number(s.variance.task_sd),
            words.number(s.variance.generation_sd),
            words.number(s.variance.judge_sd),
        ]
        for s in findings.ranked()
    ]
    agreement = findings.judge_agreement
    notes = ["Standard deviations in points; unknown where there was one answer per task, or one judge run per answer."]
    if agreement.n:
        notes.append(
            f"The judge against itself, run by run: {words.percent(agreement.agree)} of {agreement.n:,} pairs of "
            f"verdicts equal, kappa {words.number(agreement.kappa, 2)}."
        )
    head = ["configuration", "standard error", "between tasks", "between answers", "between judge runs"]
    return Table("Noise", head, rows, notes)


def seats(findings: Findings, named: dict[str, str]) -> Table | None:
    """Make the table of whose wording and whose sources the answers have."""
    rows = [
        [
            named[s.configuration.name],
            words.seat(s.configuration, use.seat),
            words.percent(use.echoed),
            str(use.citations),
            words.percent(use.share),
            words.percent(use.answers),
        ]
        for s in findings.ranked()
        for use in s.seats
    ]
    notes = [
        "wording: share of an answer's runs of five words that stand in the seat's draft too, mean over answers.",
        "citations: of sources that the seat found, in all answers. What several seats have counts for each of them.",
    ]
    head = ["configuration", "seat", "wording", "citations", "share of citations", "answers citing it"]
    return Table("Which seats the writer used", head, rows, notes, frozenset({0, 1})) if rows else None


def sensitivity(findings: Findings, named: dict[str, str]) -> Table | None:
    """Make the table of what another judge would have said."""
    found = findings.sensitivity
    if found is None:
        return None
    rows = [
        [
            named[shift.name],
            words.number(shift.first),
            words.number(shift.second),
            words.signed(shift.shift.mean),
            words.span(shift.shift, sign=True),
            str(shift.shift.n),
        ]
        for shift in found.shifts
    ]
    first, second = (
        one_line((grading.judge if grading else None) or words.UNKNOWN, 60)
        for grading in (findings.grading, found.regrading)
    )
    notes = [
        f"First judge: {first}; second: {second}. Over the answers that both graded.",
        (
            f"Ranking: Kendall's tau {words.number(found.tau, 2)}. Level: {words.signed(found.shift.mean)} points "
            f"({words.span(found.shift, sign=True)})."
        ),
        (
            f"Verdicts: {words.percent(found.verdicts.agree)} of {found.verdicts.n:,} equal, kappa "
            f"{words.number(found.verdicts.kappa, 2)}."
        ),
    ]
    head = ["configuration", "first judge", "second judge", "shift", "interval", "tasks"]
    return Table("Judge sensitivity", head, rows, notes)


def outcomes(findings: Findings, named: dict[str, str]) -> Table:
    """Make the table of what was obtained."""
    rows = []
    for s in findings.ranked():
        c = s.counts
        shown = [c.rows, c.ok, c.incomplete, c.refused, c.failed, c.untried, c.contaminated]
        rows.append([named[s.configuration.name], *map(str, shown), words.percent(c.coverage)])
    counted = ["rows", "graded", "incomplete", "refused", "failed", "not tried", "contaminated"]
    notes = ["verdicts: share of the wanted ones that are there, over the rows that say."]
    return Table("What was obtained", ["configuration", *counted, "verdicts"], rows, notes)


def missing_seats(findings: Findings, named: dict[str, str]) -> Table | None:
    """Make the table of seats that gave no draft."""
    rows = [
        [named[s.configuration.name], words.seat(s.configuration, seat), str(times), str(s.counts.rows)]
        for s in findings.ranked()
        for seat, times in s.counts.missing_seats.items()
    ]
    head = ["configuration", "seat", "without a draft", "of answers"]
    return Table("Missing seats", head, rows, words=frozenset({0, 1})) if rows else None


def contaminated(findings: Findings, named: dict[str, str]) -> Table | None:
    """Make the list of the rows that are left out."""
    rows = [
        [
            named[row.configuration],
            one_line(row.task_id, 60),
            str(row.generation),
            one_line("; ".join(row.contaminated)),
        ]
        for row in findings.contaminated
    ]
    notes = ["Left out of every score above."]
    head = ["configuration", "task", "answer", "what was seen"]
    return Table("Contaminated rows", head, rows, notes, frozenset({0, 1, 3})) if rows else None

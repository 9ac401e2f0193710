"""All tables of a report."""

from __future__ import annotations

from fusion_graph.evals.report import evidence_tables as evidence
from fusion_graph.evals.report import result_tables as results
from fusion_graph.evals.report import words
from fusion_graph.evals.report.table import Table
from fusion_graph.evals.statistics.findings import Findings


def tables(findings: Findings) -> list[Table]:
    """Make all tables that the findings have something for.

    Args:
        findings: What was found.

    Returns:
        The tables, in reading order.
    """
    named = words.labels(findings)
    made = [
        results.scores(findings, named),
        results.spending(findings, named),
        results.axes(findings, named),
        results.pairs(findings, named),
        results.ablation(findings),
        results.domains(findings, named),
        evidence.noise(findings, named),
        evidence.seats(findings, named),
        evidence.sensitivity(findings, named),
        evidence.outcomes(findings, named),
        evidence.missing_seats(findings, named),
        evidence.contaminated(findings, named),
    ]
    return [table for table in made if table is not None and table.rows]

"""The first lines of a report: what was measured, how it was graded, and what is missing."""

from __future__ import annotations

from fusion_graph.evals.report import words
from fusion_graph.evals.statistics.findings import Findings
from fusion_graph.terminal.clean import one_line

_COUNTED = {
    "contaminated rows, left out": "contaminated",
    "refused answers, counted 0": "refused",
    "failed answers, counted 0": "failed",
    "answers not fully graded": "incomplete",
    "tasks not tried": "untried",
}


def summary(findings: Findings) -> list[tuple[str, str]]:
    """Say what the numbers below rest on.

    Args:
        findings: What was found.

    Returns:
        Lines, each a word and what there is to say of it; the last one is what is missing.
    """
    return [
        ("experiment", one_line(findings.name)),
        ("dataset", _dataset(findings)),
        ("grading", _grading(findings)),
        ("measured", f"{len(findings.standings)} configurations on {findings.tasks} tasks"),
        ("intervals", _intervals(findings)),
        ("missing", "; ".join(missing(findings)) or "nothing"),
    ]


def missing(findings: Findings) -> list[str]:
    """List what was not obtained.

    Args:
        findings: What was found.

    Returns:
        Phrases, most serious first; empty if all there was to obtain is there.
    """
    named = words.labels(findings)
    said = []
    for phrase, counts in _COUNTED.items():
        each = [(named[s.configuration.name], getattr(s.counts, counts)) for s in findings.standings]
        if any(n for _, n in each):
            said.append(f"{phrase}: {', '.join(f'{name} {n}' for name, n in each if n)}")
    seats = {named[s.configuration.name]: sum(s.counts.missing_seats.values()) for s in findings.standings}
    if any(seats.values()):
        said.append(f"drafts of seats: {', '.join(f'{name} {n}' for name, n in seats.items() if n)}")
    return said + _unknown(findings, named)


def _unknown(findings: Findings, named: dict[str, str]) -> list[str]:
    everything = len(findings.standings)
    costless = [named[s.configuration.name] for s in findings.standings if s.cost.mean is None]
    bounded = [named[s.configuration.name] for s in findings.standings if s.cost.mean is not None and s.cost.at_least]
    timeless = [named[s.configuration.name] for s in findings.standings if s.seconds.mean is None]
    said = []
    if costless:
        said.append("no cost is known" + (f" of {', '.join(costless)}" if len(costless) < everything else ""))
    if bounded:
        said.append(f"the cost of {', '.join(bounded)} is only a lower bound")
    if timeless:
        said.append("no time is known" + (f" of {', '.join(timeless)}" if len(timeless) < everything else ""))
    return said


def _dataset(findings: Findings) -> str:
    revision = f"revision {one_line(findings.revision)}" if findings.revision else "no revision"
    return f"{one_line(findings.dataset)}, {revision}, sha256 {one_line(findings.sha256)}"


def _grading(findings: Findings) -> str:
    grading = findings.grading
    if grading.judge is None and grading.scorer != "rubric":
        return f"{one_line(grading.scorer)}, without a judge"
    parts = [
        one_line(grading.scorer),
        f"protocol {one_line(grading.protocol or words.UNKNOWN)}",
        f"judge {one_line(grading.judge or words.UNKNOWN)}",
        f"{grading.runs} {'run' if grading.runs == 1 else 'runs'}",
        f"temperature {'the default' if grading.temperature is None else grading.temperature}",
        f"effort {one_line(grading.effort or 'the default')}",
    ]
    return ", ".join(parts)


def _intervals(findings: Findings) -> str:
    kind = "BCa" if findings.method == "bca" else "percentile"
    drawn = "tasks within their domain" if findings.by_domain else "tasks"
    return f"{findings.level:.0%} over {drawn}, {findings.resamples:,} resamples, {kind}, seed {findings.seed}".replace(
        "%", " %", 1
    )

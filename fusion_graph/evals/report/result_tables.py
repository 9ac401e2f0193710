"""Tables of what was found: scores, cost and time, axes, pairs, parts of fusion, domains."""

from __future__ import annotations

from fusion_graph.evals.report import words
from fusion_graph.evals.report.table import Table
from fusion_graph.evals.statistics.findings import Findings, Standing
from fusion_graph.terminal.clean import one_line


def scores(findings: Findings, named: dict[str, str]) -> Table:
    """Make the table of scores, both ways of counting failures side by side."""
    level = f"{findings.level:.0%}".replace("%", " %")
    head = ["configuration", "kind", "score", f"{level} interval", "tasks", "common tasks only", level, "pass rate"]
    rows = [
        [
            named[s.configuration.name],
            words.KINDS[s.configuration.kind],
            words.number(s.score.mean),
            words.span(s.score),
            str(s.score.n),
            words.number(s.common.mean),
            words.span(s.common),
            words.number(s.pass_rate.mean),
        ]
        for s in findings.ranked()
    ]
    notes = [
        (
            "score: of 100; refused and failed answers count 0; contaminated rows, missing gradings and tasks not "
            "tried are left out, so look at the number of tasks."
        ),
        f"common tasks only: the {findings.common_tasks} tasks that every configuration has a graded answer to.",
        (
            "pass rate: percent of criteria as they should be, over graded answers; an empty answer passes every "
            "criterion that describes an error."
        ),
    ]
    return Table("Scores", head, rows, notes, frozenset({0, 1}))


def spending(findings: Findings, named: dict[str, str]) -> Table:
    """Make the table of what answers took."""
    head = [
        "configuration",
        "$ per task",
        "interval",
        "on frontier",
        "grading, $ per task",
        "median time",
        "9 in 10 within",
    ]
    rows = [
        [
            named[s.configuration.name],
            words.cost(s.cost),
            words.cost_span(s.cost),
            words.percent(s.frontier),
            words.cost(s.judging),
            words.seconds(s.seconds.median),
            words.seconds(s.seconds.p90),
        ]
        for s in findings.ranked()
    ]
    notes = [
        (
            "$ per task: US dollars for answering alone, without grading; ≥ marks a lower bound: some answer's cost is "
            "not fully known."
        ),
        (
            "on frontier: probability that no other configuration is both as good and as cheap, and better in one; "
            "only configurations whose cost is fully known are compared."
        ),
    ]
    return Table("Cost and time", head, rows, notes)


def axes(findings: Findings, named: dict[str, str]) -> Table | None:
    """Make the table of the rubric's sections."""
    names = list(dict.fromkeys(axis for s in findings.standings for axis in s.axes))
    if not names:
        return None
    rows = [
        [named[s.configuration.name], *(f"{words.number(s.axes[a].mean)} ({words.span(s.axes[a])})" for a in names)]
        for s in findings.ranked()
    ]
    notes = ["Each axis has its own sum of weights: axes do not add up to the score."]
    return Table("Axes", ["configuration", *(one_line(name, 40).replace("-", " ") for name in names)], rows, notes)


def pairs(findings: Findings, named: dict[str, str]) -> Table | None:
    """Make the table of all pairs, the better one first."""
    rank = {s.configuration.name: i for i, s in enumerate(findings.ranked())}
    rows = []
    for pair in findings.pairs:
        turned = pair.turned() if rank[pair.a] > rank[pair.b] else pair
        rows.append((rank[turned.a], rank[turned.b], turned))
    cells = [
        [
            named[p.a],
            named[p.b],
            words.signed(p.difference),
            words.span(p, sign=True),
            str(p.n),
            words.percent(p.above),
            words.p_value(p.p_holm),
            words.number(p.detectable),
        ]
        for _, _, p in sorted(rows, key=lambda row: row[:2])
    ]
    head = ["A", "B", "A minus B", "interval", "tasks", "P(A > B)", "p (Holm)", "detectable"]
    notes = [
        (
            "Paired bootstrap over the tasks both were scored on, one draw of tasks for all configurations; p is "
            "corrected for all pairs in this table."
        ),
        "detectable: the smallest true difference that this many tasks would show with 80 % power.",
    ]
    return Table("Every pair", head, cells, notes, frozenset({0, 1})) if cells else None


def ablation(findings: Findings) -> Table | None:
    """Make the table of what the parts of fusion contribute."""
    found = findings.ablation
    if found is None:
        return None
    rows = []
    for contribution in found.contributions:
        single = contribution.contrasts if len(contribution.contrasts) > 1 else []
        for part, pair in [(contribution.part, contribution.pair), *(("", contrast) for contrast in single)]:
            contrast = f"{pair.a} minus {pair.b}" if part == "" or not single else "mean of the two below"
            shown = [words.signed(pair.difference), words.span(pair, sign=True), str(pair.n), words.percent(pair.above)]
            rows.append([part, contrast, *shown])
    arms = "; ".join(f"{arm} is {one_line(name, 60)}" for arm, name in found.arms.items())
    notes = [f"Over the tasks that all arms were scored on. {arms}."]
    notes += [f"Incomplete: {found.problem}."] if found.problem else []
    if not rows:
        rows = [["", "no two arms to compare", words.UNKNOWN, words.UNKNOWN, "0", words.UNKNOWN]]
    return Table(
        "What the parts of fusion contribute",
        ["part", "contrast", "points", "interval", "tasks", "P(> 0)"],
        rows,
        notes,
        frozenset({0, 1}),
    )


def domains(findings: Findings, named: dict[str, str]) -> Table | None:
    """Make the table of domains."""
    names = sorted({domain for s in findings.standings for domain in s.domains})
    if not names:
        return None
    most = {name: max(s.domains[name].n for s in findings.standings if name in s.domains) for name in names}

    def cell(standing: Standing, name: str) -> str:
        found = standing.domains[name]
        return words.number(found.mean) + (f" (n {found.n})" if found.n != most[name] else "")

    rows = [[named[s.configuration.name], *(cell(s, name) for name in names)] for s in findings.ranked()]
    notes = ["In brackets: tasks. Descriptive: too few tasks each to rank configurations by."]
    return Table("Domains", ["configuration", *(f"{one_line(name, 40)} ({most[name]})" for name in names)], rows, notes)

"""All pictures of a report."""

from __future__ import annotations

from fusion_graph.evals.report.pictures.frontier import draw_frontier
from fusion_graph.evals.report.pictures.grids import draw_domains, draw_pairs
from fusion_graph.evals.report.pictures.scores import draw_axes, draw_scores, draw_spending
from fusion_graph.evals.report.pictures.style import Picture, finish, settings
from fusion_graph.evals.statistics.findings import Findings

_DRAWN = (
    ("scores", "Score of each configuration with its interval", draw_scores),
    ("frontier", "Score against cost per task, with the frontier", draw_frontier),
    ("spending", "Cost and time per task", draw_spending),
    ("axes", "Score on each axis", draw_axes),
    ("pairs", "Difference of every pair", draw_pairs),
    ("domains", "Mean score in each domain", draw_domains),
)


def draw_all(findings: Findings) -> list[Picture]:
    """Draw every picture that the findings have something for.

    Args:
        findings: What was found.

    Returns:
        The pictures, in reading order.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    if not findings.standings:
        return []
    pictures = []
    with settings():
        for name, title, draw in _DRAWN:
            figure = draw(findings)
            if figure is not None:
                pictures.append(finish(figure, name, title))
    return pictures

"""The report as one HTML file that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from fusion_graph.errors import missing_package
from fusion_graph.evals.report.pictures.style import Picture
from fusion_graph.evals.report.summary import summary
from fusion_graph.evals.report.tables import tables
from fusion_graph.evals.statistics.findings import Findings
from fusion_graph.terminal.clean import one_line


def to_html(findings: Findings, pictures: Sequence[Picture] = ()) -> str:
    """Write the report as a page.

    Args:
        findings: What was found.
        pictures: Drawn from the same findings.

    Returns:
        The page; every text from outside is escaped. It follows the reader's light or dark theme.

    Raises:
        MissingPackageError: Jinja is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - the extra `evals`
        from markupsafe import Markup  # noqa: PLC0415
    except ImportError as error:
        raise missing_package("jinja2", "evals", "a report in HTML") from error
    template = files("fusion_graph.evals.report").joinpath("report.html.jinja").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    drawn = [(p.name, p.title, Markup(p.inline())) for p in pictures]  # noqa: S704 - matplotlib escapes what it writes
    return environment.from_string(template).render(
        title=one_line(findings.name) or "Evaluation",
        summary=summary(findings),
        pictures=drawn,
        tables=tables(findings),
    )

"""The report's files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from fusion_graph.evals.report.html import to_html
from fusion_graph.evals.report.markdown import to_markdown
from fusion_graph.evals.report.pictures.gallery import draw_all
from fusion_graph.evals.report.pictures.style import Picture
from fusion_graph.evals.statistics.findings import Findings

FileFormat = Literal["markdown", "html", "json"]
Format = Literal["terminal"] | FileFormat
FILES: dict[FileFormat, str] = {"markdown": "report.md", "html": "report.html", "json": "report.json"}
"""What each form's file is called."""


def to_text(findings: Findings, form: FileFormat) -> str:
    """Write the report as one text.

    Args:
        findings: What was found.
        form: In which form; only HTML holds the pictures.

    Returns:
        The text.

    Raises:
        MissingPackageError: HTML is wanted, and matplotlib or Jinja is not installed.
    """
    if form == "html":
        return to_html(findings, draw_all(findings))
    return to_markdown(findings) if form == "markdown" else findings.model_dump_json(indent=2) + "\n"


def write_report(findings: Findings, folder: Path, forms: Sequence[FileFormat]) -> list[Path]:
    """Write the report's files; files of the same names are replaced.

    Args:
        findings: What was found.
        folder: Where; it is made if it is not there.
        forms: Which forms; Markdown and HTML bring the pictures as SVG and PNG files.

    Returns:
        The files.

    Raises:
        MissingPackageError: matplotlib or Jinja is wanted and not installed.
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures: list[Picture] = draw_all(findings) if {"markdown", "html"} & set(forms) else []
    made: dict[FileFormat, Callable[[], str]] = {
        "json": lambda: findings.model_dump_json(indent=2) + "\n",
        "markdown": lambda: to_markdown(findings, [(p.title, f"{p.name}.svg") for p in pictures]),
        "html": lambda: to_html(findings, pictures),
    }
    written = []
    for form in forms:
        written.append(folder / FILES[form])
        written[-1].write_text(made[form](), encoding="utf-8")
    for picture in pictures:
        written += [folder / f"{picture.name}.svg", folder / f"{picture.name}.png"]
        written[-2].write_text(picture.svg, encoding="utf-8")
        written[-1].write_bytes(picture.png)
    return written

"""`fusion report`: what evaluations found, as tables and pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fusion_graph.errors import ConfigError, missing_package
from fusion_graph.terminal.exits import BAD_INPUT

if TYPE_CHECKING:
    from fusion_graph.evals.report.writing import Format
    from fusion_graph.evals.statistics.findings import Findings
    from fusion_graph.terminal.consoles import Screen


Results = Annotated[
    list[Path], typer.Argument(metavar="RESULTS...", help="Results folders, or experiment files, of one dataset.")
]
Form = Annotated[
    Literal["terminal", "markdown", "html", "json"] | None,
    typer.Option("--format", help="Which form. Unset: the terminal's and, with --out, all files."),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write files and pictures into DIR.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Of the bootstrap; the same seed, the same report.")]
Resamples = Annotated[int, typer.Option("--resamples", min=100, max=1_000_000, help="Of the bootstrap.")]
ByDomain = Annotated[bool, typer.Option("--by-domain", help="Draw tasks within their domain.")]
Method = Annotated[Literal["percentile", "bca"], typer.Option("--intervals", help="How intervals are made.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Print without colours.")]


def report(
    results: Results,
    form: Form = None,
    out: Out = None,
    seed: Seed = None,
    resamples: Resamples = 10_000,
    by_domain: ByDomain = False,
    method: Method = "percentile",
    no_color: NoColor = False,
) -> None:
    """Show what evaluations found: scores with intervals, every pair, and score against cost.

    Several results are put into one report if their dataset and grading are the same.
    """
    from fusion_graph.terminal.consoles import Screen, tolerate_narrow_encodings  # noqa: PLC0415 - rich is slow

    tolerate_narrow_encodings()
    screen = Screen.open(color=not no_color)
    try:
        findings = _findings(results, seed, resamples, by_domain=by_domain, method=method)
        if out is not None:
            _write(findings, form, out, screen)
        _print(findings, form, screen, files=out is not None)
    except ConfigError as error:
        screen.error(str(error))
        raise typer.Exit(BAD_INPUT) from error


def _findings(
    results: list[Path], seed: int | None, resamples: int, *, by_domain: bool, method: Literal["percentile", "bca"]
) -> Findings:
    try:
        from fusion_graph.evals.report.load import load_experiment, merge  # noqa: PLC0415 - numpy is slow
        from fusion_graph.evals.statistics.findings import find  # noqa: PLC0415
        from fusion_graph.evals.statistics.resampling import SEED, Resampling  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise missing_package(error.name or "numpy", "evals", "a report") from error
    chosen = SEED if seed is None else seed
    experiment = merge([load_experiment(path) for path in results])
    return find(experiment, Resampling(count=resamples, seed=chosen, by_domain=by_domain, method=method))


def _write(findings: Findings, form: Format | None, out: Path, screen: Screen) -> None:
    from fusion_graph.evals.report.writing import FILES, write_report  # noqa: PLC0415

    try:
        files = write_report(findings, out, list(FILES) if form is None or form == "terminal" else [form])
    except OSError as error:
        raise ConfigError(f"--out: {out} cannot be written ({error.strerror or error}): give another folder") from error
    for file in files:
        screen.err.print(str(file), soft_wrap=True)


def _print(findings: Findings, form: Format | None, screen: Screen, *, files: bool) -> None:
    from fusion_graph.evals.report.terminal import show  # noqa: PLC0415
    from fusion_graph.evals.report.writing import to_text  # noqa: PLC0415

    if form is None or form == "terminal":
        show(screen.out, findings)
    elif not files:
        sys.stdout.write(to_text(findings, form))

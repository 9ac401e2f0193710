"""`fusion report`: from files to files, and errors that name what is wrong."""

import json
import subprocess
import sys

import pytest
from synthetic_experiments import GRADING, TWELVE, experiment, row, simulated
from typer.testing import CliRunner

from fusion_graph.cli import app
from fusion_graph.errors import ConfigError
from fusion_graph.evals.report.load import load_experiment, merge
from fusion_graph.evals.results import Grading


def _run(*arguments):
    return CliRunner().invoke(app, ["report", *map(str, arguments), "--resamples", "200"])


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "experiment.json").write_text(simulated(TWELVE[:3], tasks=12).model_dump_json())
    return folder


def test_a_results_folder_gives_a_report_in_the_terminal(results):
    done = _run(results)
    assert done.exit_code == 0
    assert "Scores" in done.stdout
    assert "Every pair" in done.stdout


def test_a_folder_of_results_folders_names_what_is_in_it(results):
    done = _run(results.parent)
    assert done.exit_code == 2
    assert f"give one or more of {results}" in " ".join(done.output.split())


def test_with_out_all_files_are_written_and_named(results, tmp_path):
    done = _run(results / "experiment.json", "--out", tmp_path / "made" / "here")
    assert done.exit_code == 0
    names = {file.name for file in (tmp_path / "made" / "here").iterdir()}
    pictures = {
        f"{p}.{k}" for p in ("scores", "frontier", "spending", "axes", "pairs", "domains") for k in ("svg", "png")
    }
    assert names == {"report.md", "report.html", "report.json"} | pictures
    assert "report.html" in done.stderr
    assert "![Score against cost" in (tmp_path / "made" / "here" / "report.md").read_text()


@pytest.mark.parametrize(("form", "start"), [("markdown", "# synthetic"), ("html", "<!doctype html>"), ("json", "{")])
def test_a_format_goes_to_standard_output_or_alone_into_the_folder(results, tmp_path, form, start):
    assert _run(results, "--format", form).stdout.startswith(start)
    done = _run(results, "--format", form, "--out", tmp_path / form)
    assert done.stdout == ""
    assert len([f for f in (tmp_path / form).iterdir() if f.name.startswith("report.")]) == 1


def test_the_same_seed_gives_the_same_json(results):
    first, second = (_run(results, "--format", "json", "--seed", 4).stdout for _ in "12")
    assert first == second
    assert json.loads(first)["seed"] == 4


def test_intervals_by_domain_and_bca_are_said_in_the_report(results):
    assert "tasks within their domain, 200 resamples, BCa" in _run(results, "--by-domain", "--intervals", "bca").stdout


def test_several_experiments_of_one_dataset_and_grading_make_one_report(tmp_path):
    for i in (0, 1):
        (tmp_path / f"{i}.json").write_text(simulated(TWELVE[2 * i : 2 * i + 2], tasks=8).model_dump_json())
    done = _run(tmp_path / "0.json", tmp_path / "1.json", "--format", "json")
    assert len(json.loads(done.stdout)["standings"]) == 4


def test_experiments_of_different_datasets_are_refused(tmp_path):
    given = simulated(TWELVE[:1], tasks=3)
    (tmp_path / "0.json").write_text(given.model_dump_json())
    (tmp_path / "1.json").write_text(given.model_copy(update={"sha256": "f" * 64}).model_dump_json())
    done = _run(tmp_path / "0.json", tmp_path / "1.json")
    assert done.exit_code == 2
    assert "not of the same dataset" in done.stderr


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"judge": "another"}, "judge"),
        ({"protocol": "draco-paper"}, "protocol"),
        ({"runs": 3}, "runs"),
        ({"effort": "low"}, "effort"),
    ],
)
def test_experiments_graded_differently_are_refused_by_the_field(change, field):
    given = simulated(TWELVE[:1], tasks=3)
    other = given.model_copy(update={"grading": GRADING.model_copy(update=change)})
    with pytest.raises(ConfigError, match=rf"grading\.{field}"):
        merge([given, other])


def test_experiments_regraded_by_different_judges_are_refused():
    again = {"regraded": [row("a", "t1", 4.0)]}
    first, second = (
        experiment([row("a", "t1", 5.0)], **again, regrading=Grading(scorer="rubric", judge=judge)) for judge in "xy"
    )
    with pytest.raises(ConfigError, match="regrading"):
        merge([first, second])


def test_a_name_that_two_experiments_use_stays_two_configurations():
    first, second = (experiment([row("a", "t1", score)], name=name) for name, score in (("x", 1.0), ("y", 2.0)))
    merged = merge([first, second])
    assert [c.name for c in merged.configurations] == ["a (x 1)", "a (y 2)"]
    assert [(r.configuration, r.score) for r in merged.rows] == [("a (x 1)", 1.0), ("a (y 2)", 2.0)]


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "cannot be read"), ("not json", "is no experiment"), ('{"name": "x"}', "dataset: Field required")],
)
def test_files_that_are_no_experiment_are_refused_by_name(tmp_path, text, said):
    file = tmp_path / "experiment.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_experiment(tmp_path)
    done = _run(tmp_path)
    assert done.exit_code == 2
    assert "experiment.json" in done.stderr


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_printed(results):
    done = _run(results, "--out", results / "experiment.json" / "below")
    assert done.exit_code == 2
    assert "--out" in done.stderr
    assert done.stdout == ""


def test_rows_that_cannot_each_be_counted_once_are_refused(tmp_path):
    (tmp_path / "experiment.json").write_text(experiment([row("a", "t", 1.0), row("a", "t", 2.0)]).model_dump_json())
    done = _run(tmp_path)
    assert done.exit_code == 2
    assert "two rows of configuration 'a'" in done.stderr


@pytest.mark.parametrize("package", ["matplotlib", "jinja2"])
def test_a_missing_package_is_named_with_its_install_command(results, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    done = _run(results, "--format", "html")
    assert done.exit_code == 2
    assert f"needs the package '{package}': pip install 'fusion-graph[evals]'" in done.stderr
    assert _run(results).exit_code == 0


def test_importing_the_command_imports_nothing_heavy():
    code = "import sys, fusion_graph.cli; print(sorted({'numpy', 'matplotlib', 'jinja2', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

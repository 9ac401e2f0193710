"""Reports in Markdown, HTML, JSON and for terminals: what was measured comes first, and nothing outside marks it up."""

import io
import json
from html.parser import HTMLParser

import pytest
from rich.console import Console
from synthetic_experiments import TWELVE, experiment, row, simulated

from fusion_graph.evals.report import words
from fusion_graph.evals.report.html import to_html
from fusion_graph.evals.report.markdown import to_markdown
from fusion_graph.evals.report.pictures.gallery import draw_all
from fusion_graph.evals.report.summary import missing, summary
from fusion_graph.evals.report.tables import tables
from fusion_graph.evals.report.terminal import show
from fusion_graph.evals.results import Configuration, Grading
from fusion_graph.evals.statistics import Findings, Resampling, find
from fusion_graph.evals.statistics.spending import Cost

QUICK = Resampling(count=200)
HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>|`**[a](http://b)'


def _terminal(found, width=100):
    stream = io.StringIO()
    show(Console(file=stream, width=width, markup=False, emoji=False, highlight=False), found)
    return stream.getvalue()


def _table(found, title):
    return next(table for table in tables(found) if table.title == title)


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.addresses, self.text, self.handlers = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in {"src", "href", "xlink:href", "action"}]
        self.handlers += [name for name, _ in attributes if name.startswith("on")]

    def handle_data(self, data):
        self.text.append(data)


def _page(found):
    page = _Page()
    page.feed(to_html(found, draw_all(found)))
    return page


def _hostile():
    rows = [
        row(HOSTILE, f"t{i}", 50.0 + i, cost_usd=1.0, domain=HOSTILE, seats_used={HOSTILE: 2}, missing_seats=[HOSTILE])
        for i in range(4)
    ]
    rows.append(row(HOSTILE, HOSTILE, 99.0, contaminated=[HOSTILE], answer=HOSTILE))
    configurations = [Configuration(name=HOSTILE, kind="panel", label=HOSTILE)]
    grading = Grading(scorer="rubric", protocol=HOSTILE, judge=HOSTILE)
    return find(
        experiment(
            rows, configurations=configurations, name=HOSTILE, dataset=HOSTILE, revision=HOSTILE, grading=grading
        ),
        QUICK,
    )


def test_texts_from_outside_are_only_text_in_a_page():
    page = _page(_hostile())
    assert not {"script", "img", "iframe", "link", "object"} & set(page.tags)
    assert page.handlers == []
    assert '<script>alert("x")</script>' in "".join(page.text)


def test_a_page_needs_nothing_from_anywhere():
    page = _page(find(simulated(TWELVE[:3]), QUICK))
    assert "svg" in page.tags
    assert all(address.startswith("#") for address in page.addresses)
    assert "@import" not in "".join(page.text)
    assert "prefers-color-scheme: dark" in "".join(page.text)


def test_texts_from_outside_mark_up_nothing_in_markdown_or_a_terminal():
    found = _hostile()
    assert "<script" not in to_markdown(found).replace("\\<", "")
    assert "\\|" in to_markdown(found)
    hidden = simulated((("\x1b[31mred\u202e\n\nname", "solo", 50.0, 1.0),), tasks=3)
    assert "\x1b" not in _terminal(find(hidden, QUICK))
    assert "\u202e" not in to_markdown(find(hidden, QUICK))


def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_head():
    lines = to_markdown(_hostile()).replace("\\|", "").splitlines()
    table = [line for line in lines if line.startswith("| ")]
    assert table
    counts = [line.count("|") for line in table]
    heads = [i for i, line in enumerate(table) if set(line) <= set("|-: ")]
    assert all(counts[i - 1] == counts[i] for i in heads)


def test_the_first_lines_say_what_was_measured_and_what_is_missing():
    rows = [row("a", "t1", 50.0), row("a", "t2", outcome="refused"), row("a", "t3", 99.0, contaminated=["seen"])]
    found = find(experiment(rows, tasks=5, revision="ce07674", missing_seats=[]), QUICK)
    said = dict(summary(found))
    assert said["dataset"] == f"synthetic, revision ce07674, sha256 {'0' * 64}"
    assert said["grading"] == (
        "rubric, protocol openrouter, judge synthetic/judge, 1 run, temperature 0.2, effort the default"
    )
    assert said["measured"] == "1 configurations on 5 tasks"
    assert missing(found) == [
        "contaminated rows, left out: a 1",
        "refused answers, counted 0: a 1",
        "tasks not tried: a 2",
        "no cost is known",
        "no time is known",
    ]
    assert to_markdown(found).splitlines()[3].startswith("- **dataset**: synthetic, revision ce07674")
    assert _terminal(found).splitlines()[1].startswith("dataset    synthetic, revision ce07674, sha256")


def test_a_local_dataset_and_a_scorer_without_a_judge_are_said():
    found = find(experiment([row("a", "t1", 5.0)], grading=Grading(scorer="exact")), QUICK)
    assert dict(summary(found))["grading"] == "exact, without a judge"
    assert "no revision" in dict(summary(found))["dataset"]


def test_what_is_unknown_is_called_unknown_and_never_0():
    found = find(experiment([row("a", "t1", outcome="incomplete"), row("b", "t1", 50.0)]), QUICK)
    by_name = {cells[0]: cells for cells in _table(found, "Scores").rows}
    assert by_name["a"][2:4] == ["unknown", "unknown"]
    spent = {cells[0]: cells for cells in _table(found, "Cost and time").rows}
    assert set(spent["b"][1:]) == {"unknown"}
    assert "unknown" in _terminal(found)


def test_both_ways_of_counting_failures_stand_side_by_side():
    rows = [row("a", "t1", 80.0), row("a", "t2", outcome="refused"), row("b", "t1", 50.0), row("b", "t2", 30.0)]
    table = _table(find(experiment(rows), QUICK), "Scores")
    cells = {r[0]: r for r in table.rows}
    assert [cells["a"][i] for i in (2, 5)] == ["40.0", "80.0"]
    assert [cells["b"][i] for i in (2, 5)] == ["40.0", "50.0"]


def test_contaminated_rows_are_listed_with_what_was_seen():
    rows = [row("a", "t1", 50.0), row("a", "t2", 9.0, contaminated=["marker 'x' at http://h/p"])]
    assert _table(find(experiment(rows), QUICK), "Contaminated rows").rows == [
        ["a", "t2", "0", "marker 'x' at http://h/p"]
    ]


def test_the_better_one_of_a_pair_stands_first():
    found = find(simulated(TWELVE[:5][::-1]), QUICK)
    pairs = _table(found, "Every pair")
    assert len(pairs.rows) == 10
    assert not any(cells[2].startswith("-") for cells in pairs.rows)


def test_configurations_with_the_same_label_are_told_apart():
    configurations = [Configuration(name=name, kind="solo", label="same") for name in ("x", "y")]
    rows = [row(name, "t1", 5.0) for name in ("x", "y")]
    named = words.labels(find(experiment(rows, configurations=configurations), QUICK))
    assert named == {"x": "x (#1)", "y": "y (#2)"}


def test_a_terminal_too_narrow_for_a_table_gets_it_in_parts_without_breaking_numbers():
    found = find(simulated(), QUICK)
    for width in (80, 100):
        text = _terminal(found, width)
        assert all(len(line) <= width or line.startswith("dataset") for line in text.splitlines() if "…" in line)
    assert "continued" in _terminal(found, 80)
    for standing in found.standings:
        assert words.span(standing.score) in _terminal(found, 80)


def test_seats_are_named_with_their_models_and_what_the_writer_took_of_them():
    panel = Configuration(name="p", kind="panel", seats=["a/b", "c/d"])
    took = {"seats_used": {"seat-1": 0, "seat-2": 3, "own": 1}, "seats_echoed": {"seat-1": 0.5, "seat-2": 0.25}}
    rows = [row("p", "t1", 5.0, **took), row("p", "t2", 5.0, missing_seats=["seat-1"])]
    found = find(experiment(rows, configurations=[panel]), QUICK)
    assert _table(found, "Which seats the writer used").rows == [
        ["p", "seat-2: c/d", "25 %", "3", "75 %", "50 %"],
        ["p", "own", "unknown", "1", "25 %", "50 %"],
        ["p", "seat-1: a/b", "50 %", "0", "0 %", "0 %"],
    ]
    assert _table(found, "Missing seats").rows == [["p", "seat-1: a/b", "1", "2"]]


def test_json_holds_all_findings_and_can_be_read_back():
    found = find(simulated(TWELVE[:3], runs=2), QUICK)
    text = found.model_dump_json()
    assert "NaN" not in text
    assert Findings.model_validate_json(text) == found
    assert len(json.loads(text)["pairs"]) == 3


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (words.dollars(0.0), "$0"),
        (words.dollars(0.058512), "$0.0585"),
        (words.dollars(0.00000123), "$0.00000123"),
        (words.dollars(0.5), "$0.50"),
        (words.dollars(1234.5), "$1,234.50"),
        (words.dollars(None), "unknown"),
        (words.cost(Cost(mean=0.2, at_least=True, known=3, n=4)), "≥ $0.20 (3/4 known)"),
        (words.seconds(3.04), "3.0 s"),
        (words.seconds(59.7), "1 min"),
        (words.seconds(119.6), "2 min"),
        (words.seconds(125), "2 min 05 s"),
        (words.percent(0.001), "<1 %"),
        (words.percent(0.9999), ">99 %"),
        (words.percent(1.0), "100 %"),
        (words.number(-0.04), "0.0"),
        (words.signed(0.04), "0.0"),
        (words.signed(2.345), "+2.3"),
        (words.signed(-2.0), "-2.0"),
        (words.p_value(0.00001), "<0.001"),
    ],
)
def test_numbers_are_shown_as_people_read_them(shown, wanted):
    assert shown == wanted

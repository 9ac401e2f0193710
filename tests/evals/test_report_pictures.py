"""Pictures: nothing overlaps, nothing from outside marks anything up, and what is unknown is not drawn."""

import re
from itertools import combinations

import pytest
from matplotlib.image import imread
from matplotlib.text import Text
from recorded_verdicts import needs_recorded, recorded_experiment
from synthetic_experiments import TWELVE, experiment, row, simulated

from fusion_graph.evals.report.pictures.frontier import draw_frontier
from fusion_graph.evals.report.pictures.gallery import draw_all
from fusion_graph.evals.report.pictures.scores import draw_scores
from fusion_graph.evals.report.pictures.style import VARIABLES, settings
from fusion_graph.evals.statistics import Resampling, find

QUICK = Resampling(count=200)
CROWDED = tuple((f"configuration number {i} of a crowd", "panel", 65 + i % 3, 1.0 + 0.02 * i) for i in range(12))


@pytest.fixture(scope="module")
def three():
    """Findings with costs, and all pictures of them."""
    found = find(simulated(TWELVE[:3]), QUICK)
    return found, draw_all(found)


def _drawn(draw, found):
    figure = draw(found)
    figure.canvas.draw()
    return figure, figure.canvas.get_renderer()


@pytest.mark.parametrize("specifications", [TWELVE, CROWDED], ids=["spread", "crowded"])
def test_twelve_labels_on_the_score_cost_picture_do_not_overlap_and_stay_inside(specifications):
    with settings():
        figure, renderer = _drawn(draw_frontier, find(simulated(specifications), QUICK))
        labels = [t for t in figure.axes[0].texts if t.get_gid() == "label"]
        boxes = [Text.get_window_extent(t, renderer) for t in labels]
        edge = figure.axes[0].get_window_extent(renderer)
    assert len(boxes) == 12
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert all(edge.x0 <= b.x0 and b.x1 <= edge.x1 and edge.y0 <= b.y0 and b.y1 <= edge.y1 for b in boxes)


def test_the_labels_of_twelve_rows_of_scores_do_not_overlap_and_stay_on_the_picture():
    with settings():
        figure, renderer = _drawn(draw_scores, find(simulated(), QUICK))
        axes = figure.axes[0]
        texts = [
            *axes.texts,
            *axes.get_yticklabels(),
            *axes.get_xticklabels(),
            axes.xaxis.label,
            *figure.legends[0].get_texts(),
        ]
        boxes = [t.get_window_extent(renderer) for t in texts if t.get_text().strip()]
    assert len(boxes) > 24
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert all(b.x0 >= 0 and b.x1 <= figure.bbox.x1 and b.y0 >= 0 and b.y1 <= figure.bbox.y1 for b in boxes)


def test_a_report_with_costs_has_all_six_pictures_as_svg_and_png(three, tmp_path):
    _, pictures = three
    assert [p.name for p in pictures] == ["scores", "frontier", "spending", "axes", "pairs", "domains"]
    for picture in pictures:
        assert picture.svg.rstrip().endswith("</svg>")
        (tmp_path / "p.png").write_bytes(picture.png)
        assert imread(tmp_path / "p.png").ndim == 3


def test_without_costs_there_is_no_score_cost_picture():
    free = tuple((label, kind, mean, None) for label, kind, mean, _ in TWELVE[:3])
    with settings():
        assert draw_frontier(find(simulated(free), QUICK)) is None


def test_configurations_without_a_known_cost_are_named_below_the_picture():
    rows = [row("paid", f"t{i}", 50.0 + i, cost_usd=1.0) for i in range(3)] + [
        row("unpaid", f"t{i}", 9.0) for i in range(3)
    ]
    with settings():
        figure = draw_frontier(find(experiment(rows), QUICK))
    assert "Not shown, cost or score unknown: unpaid" in figure.axes[0].get_xlabel()


def test_lower_bounds_are_drawn_as_such_and_get_no_probability():
    rows = [row("a", f"t{i}", 50.0, cost_usd=1.0, cost_at_least=True) for i in range(3)]
    with settings():
        figure = draw_frontier(find(experiment(rows), QUICK))
    (label,) = [t.get_text() for t in figure.axes[0].texts if t.get_gid() == "label"]
    assert label == "a\ncosts at least $1.00"


def test_an_answer_that_costs_nothing_has_its_place():
    rows = [row(name, f"t{i}", 50.0, cost_usd=cost) for name, cost in (("free", 0.0), ("paid", 1.0)) for i in range(3)]
    with settings():
        figure = draw_frontier(find(experiment(rows), QUICK))
        ticks = [t.get_text() for t in figure.axes[0].get_xticklabels()]
        assert draw_frontier(find(experiment(rows[:3]), QUICK)) is not None
    assert "$0" in ticks


@pytest.mark.parametrize("tasks", [1, 2])
def test_one_configuration_on_one_task_can_be_drawn(tasks):
    rows = [row("alone", f"t{i}", 50.0, cost_usd=0.5, seconds=3.0, domain="Law") for i in range(tasks)]
    assert {p.name for p in draw_all(find(experiment(rows), QUICK))} == {"scores", "frontier", "spending", "domains"}


def test_nothing_scored_can_be_drawn():
    rows = [row(name, "t1", outcome="incomplete") for name in ("a", "b")]
    assert {p.name for p in draw_all(find(experiment(rows), QUICK))} == {"scores", "pairs"}


def test_names_cannot_mark_up_a_picture_or_typeset_formulas():
    names = ["<script>alert(1)</script>", "$\\frac{a}{b}$ $x", "--> ]]> <!-- &amp;", "模型 😀", "\x1b[31m\u202ered"]
    given = simulated(tuple((name, "solo", 50.0, 1.0) for name in names), tasks=4)
    for picture in draw_all(find(given, QUICK)):
        assert "<script" not in picture.svg
        inline = picture.inline()
        assert "<script" not in inline
        assert "<!--" not in inline


def test_a_picture_in_a_page_takes_the_pages_colours_and_ids_of_its_own(three):
    first, second = (p.inline() for p in three[1][:2])
    ids = [set(re.findall(r'\bid="([^"]+)"', inline)) for inline in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert all(used in ids[0] for used in re.findall(r'(?:url\(#|href="#)([^)"]+)', first))
    assert not any(colour in first for colour in VARIABLES)
    assert "var(--ink)" in first


def test_the_same_findings_give_the_same_bytes(three):
    found, pictures = three
    assert draw_all(found) == pictures


@needs_recorded
def test_recorded_verdicts_can_be_drawn_and_show_no_cost():
    assert [p.name for p in draw_all(find(recorded_experiment(), QUICK))] == ["scores", "axes", "pairs", "domains"]

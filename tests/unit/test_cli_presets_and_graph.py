from __future__ import annotations

import importlib.util
import json

import pytest
from typer.testing import CliRunner

from fusion_graph.cli import app
from fusion_graph.presets import load_catalog
from fusion_graph.terminal import drawing


def fusion(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_presets_are_listed_with_panel_and_judge():
    said = fusion("presets").stdout
    for words in ("general-high", "general-fast", "offline:terms", "~anthropic/claude-opus-latest"):
        assert words in said


def test_presets_as_json_hold_every_field():
    listed = {entry["name"]: entry for entry in json.loads(fusion("presets", "--json").stdout)}
    assert set(listed) == set(load_catalog().presets)
    assert listed["general-high"]["judge"] == "~anthropic/claude-opus-latest"
    assert listed["offline"]["panel"][0] == {
        "id": "question",
        "model": "offline:question",
        "label": "question seat",
    }


@pytest.mark.parametrize("by", ["option", "variable"])
def test_presets_of_one_s_own_are_listed_too(tmp_path, monkeypatch, by):
    file = tmp_path / "mine.toml"
    file.write_text('[presets.mine]\ndescription = "My own."\npanel = ["a/b"]\n')
    if by == "variable":
        monkeypatch.setenv("FUSION_PRESETS", str(file))
    said = fusion("presets", *(["--presets-file", str(file)] if by == "option" else [])).stdout
    assert "mine" in said
    assert "My own." in said
    assert "the first seat's model" in said


def test_a_wrong_presets_file_ends_with_2(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[presets.mine]\npanell = 1\n")
    done = fusion("presets", "--presets-file", str(file))
    assert done.exit_code == 2
    assert "presets.mine" in done.stderr
    assert "panell" in done.stderr


@pytest.mark.parametrize(
    ("name", "nodes", "absent"),
    [
        ("fusion", ["fan_out", "panelist", "join", "judge", "writer"], []),
        ("deliberation", ["fan_out", "panelist", "join", "judge"], ["writer"]),
        ("fusion_agent", ["caller"], ["judge"]),
    ],
)
def test_graphs_are_drawn_as_mermaid_without_any_key(name, nodes, absent):
    done = fusion("graph", name)
    assert done.exit_code == 0
    assert "graph TD;" in done.stdout
    assert all(f"{node}({node})" in done.stdout for node in nodes)
    assert not any(f"{node}({node})" in done.stdout for node in absent)


def test_a_drawing_can_be_written_to_a_file(tmp_path):
    file = tmp_path / "graph.mmd"
    done = fusion("graph", "--output", str(file))
    assert (done.exit_code, done.stdout) == (0, "")
    assert "fan_out" in file.read_text()


def test_a_file_that_cannot_be_written_ends_with_2(tmp_path):
    done = fusion("graph", "--output", str(tmp_path / "none" / "graph.mmd"))
    assert done.exit_code == 2
    assert "--output" in done.stderr


def test_a_png_needs_a_package_or_consent_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = fusion("graph", "--format", "png", "--output", str(tmp_path / "graph.png"))
    assert done.exit_code == 2
    for words in ("fusion-graph[draw]", "--online", "mermaid.ink", "--format mermaid"):
        assert words in " ".join(done.stderr.split())


def test_a_png_is_drawn_on_this_machine(tmp_path):
    pytest.importorskip("pygraphviz")
    file = tmp_path / "graph.png"
    assert fusion("graph", "--format", "png", "--output", str(file)).exit_code == 0
    assert file.read_bytes().startswith(b"\x89PNG")


def test_the_web_service_is_asked_only_with_online_and_its_failure_ends_with_1(monkeypatch, tmp_path):
    class Drawing:
        def draw_png(self, path):
            return b"\x89PNG local"

        def draw_mermaid_png(self):
            raise ValueError("no way to it")

    monkeypatch.setattr(drawing, "_compiled", lambda name: Drawing())
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    file = tmp_path / "graph.png"
    assert fusion("graph", "--format", "png", "-o", str(file)).exit_code == 0
    assert file.read_bytes() == b"\x89PNG local"
    done = fusion("graph", "--format", "png", "--online", "-o", str(file))
    assert done.exit_code == 1
    assert "mermaid.ink did not draw: no way to it" in " ".join(done.stderr.split())

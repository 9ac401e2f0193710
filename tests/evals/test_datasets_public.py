"""DRACO by download and by path, and the field names of other public datasets."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from recorded_verdicts import DRACO_FILE, draco_rubrics

from fusion_graph.evals.datasets import (
    DRACO_BLOCKLIST,
    DRACO_REVISION,
    DRACO_SHA256,
    DatasetError,
    load_dataset,
    read_tasks,
)
from fusion_graph.evals.datasets.downloads import fetch
from fusion_graph.tools.domains import DomainRules

PLACE = f"datasets/perplexity-ai/draco/resolve/{DRACO_REVISION}/test.jsonl"
needs_draco = pytest.mark.skipif(not DRACO_FILE.is_file(), reason=f"no {DRACO_FILE}: it is not part of the repository")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined]


@contextmanager
def serving(folder: Path) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        server.seen = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], ThreadingHTTPServer]]:
    """A server in the place of DRACO's home; call it with the bytes that it shall serve."""
    root = tmp_path / "hub"
    with serving(root) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

        def serve(content: bytes) -> ThreadingHTTPServer:
            path = root / PLACE
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            return server

        yield serve


@needs_draco
def test_draco_is_downloaded_once_at_its_pinned_revision(hub: Callable[[bytes], Any], tmp_path: Path) -> None:
    server = hub(DRACO_FILE.read_bytes())
    first, second = load_dataset("draco"), load_dataset("draco", limit=3)
    assert server.seen == [f"/{PLACE}"]
    assert (first.name, first.revision, first.sha256) == ("draco", DRACO_REVISION, DRACO_SHA256)
    assert first.blocklist == list(DRACO_BLOCKLIST)
    assert second.tasks == first.tasks[:3]
    (kept,) = (tmp_path / "cache" / "fusion-graph" / "datasets").iterdir()
    kept.write_bytes(b"broken off")
    assert load_dataset("draco") == first, "a damaged file is downloaded again"


def test_a_download_that_was_changed_is_refused_and_leaves_nothing(hub: Callable[[bytes], Any], tmp_path: Path) -> None:
    hub(b'{"id": "x", "problem": "?", "answer": "{}", "domain": "Law"}\n')
    with pytest.raises(
        DatasetError, match=r"its sha256 is .* was changed on the way; download test\.jsonl by other means"
    ):
        load_dataset("draco")
    assert list((tmp_path / "cache" / "fusion-graph" / "datasets").iterdir()) == []


def test_a_home_that_does_not_answer_is_an_error_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: Callable[[bytes], Any]
) -> None:
    with pytest.raises(DatasetError, match=r"404.*give its path"):
        load_dataset("draco")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DatasetError, match=r"could not be downloaded: .*give its path"):
        load_dataset("draco", cache=tmp_path / "other")


async def test_two_downloads_at_once_both_end_with_the_whole_file(tmp_path: Path) -> None:
    content = b"x" * 3_000_000
    (tmp_path / "file").write_bytes(content)
    kept = tmp_path / "kept"
    with serving(tmp_path) as server:
        url = f"http://127.0.0.1:{server.server_port}/file"
        digest = hashlib.sha256(content).hexdigest()
        both = (asyncio.to_thread(fetch, url, digest, kept, hint="") for _ in range(2))
        assert await asyncio.gather(*both) == [kept, kept]
    assert kept.read_bytes() == content


@needs_draco
def test_all_tasks_and_criteria_of_draco_are_there() -> None:
    dataset = load_dataset(DRACO_FILE)
    criteria = [criterion for task in dataset.tasks if task.rubric for _, criterion in task.rubric.criteria()]
    assert (len(dataset.tasks), len(criteria)) == (100, 3_934)
    assert sum(criterion.weight < 0 for criterion in criteria) == 415
    assert len({task.domain for task in dataset.tasks}) == 10
    for task in dataset.tasks:
        assert task.rubric is not None
        assert task.rubric.sections == draco_rubrics()[task.id].sections
    assert len(list(read_tasks(DRACO_FILE))) == 100


@needs_draco
def test_a_part_of_draco_is_taken_only_on_request_and_under_another_name(tmp_path: Path) -> None:
    part = tmp_path / "part.jsonl"
    part.write_bytes(b"".join(DRACO_FILE.read_bytes().splitlines(keepends=True)[:2]))
    with pytest.raises(DatasetError, match="verify=False"):
        load_dataset(part)
    dataset = load_dataset(part, verify=False)
    assert (dataset.name, dataset.revision, len(dataset.tasks)) == ("part", None, 2)
    assert dataset.blocklist == list(DRACO_BLOCKLIST)


def test_dracos_rubric_that_is_no_json_is_a_fault_of_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"id": "x", "problem": "?", "answer": "{oops", "domain": "Law"}) + "\n", "utf-8")
    with pytest.raises(DatasetError, match="line 1: answer: not valid JSON"):
        read_tasks(path)


@pytest.mark.parametrize(
    "url",
    [
        "https://huggingface.co/datasets/perplexity-ai/draco/viewer",
        "https://datasets-server.huggingface.co/rows?dataset=perplexity-ai%2Fdraco",
        "https://r2cdn.perplexity.ai/pplx-draco.pdf",
        "https://arxiv.org/abs/2602.11685",
        "https://export.arxiv.org/pdf/2602.11685v1.pdf",
        "https://arxiv.org/html/2602.11685v2",
        "https://raw.githubusercontent.com/harnyx/harnyx/main/test.jsonl",
        "https://hyper.ai/en/datasets/50101",
    ],
)
def test_the_blocklist_covers_the_key_and_its_mirrors(url: str) -> None:
    rules = DomainRules.of(blocked=DRACO_BLOCKLIST)
    assert not rules.permits(url)
    assert rules.permits("https://arxiv.org/abs/2411.00640")
    assert rules.permits("https://huggingface.co/datasets/squad")
    assert len(DRACO_BLOCKLIST) == len(set(DRACO_BLOCKLIST)) < 100


def written(folder: Path, *lines: dict[str, Any]) -> Path:
    path = folder / "public.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def test_researchrubrics_fields_are_read(tmp_path: Path) -> None:
    line = {
        "sample_id": "s1",
        "prompt": "Compare.",
        "domain": "AI & ML",
        "conceptual_breadth": "High",
        "rubrics": [
            {"criterion": "Names both.", "weight": 5.0, "axis": "Explicit Criteria"},
            {"criterion": "Invents one.", "weight": -3.0, "axis": "Explicit Criteria"},
            {"criterion": "Is short.", "weight": 1.0, "axis": "Communication Quality"},
        ],
    }
    (task,) = load_dataset(written(tmp_path, line)).tasks
    assert (task.id, task.input, task.domain) == ("s1", "Compare.", "AI & ML")
    assert task.rubric is not None
    assert [(at, one.id, one.weight) for at, one in task.rubric.criteria()] == [
        ("explicit-criteria", "criterion-1", 5),
        ("explicit-criteria", "criterion-2", -3),
        ("communication-quality", "criterion-3", 1),
    ]


def prbench(**fields: Any) -> dict[str, Any]:
    notes = {"weight_class": "critically detrimental", "critically_detrimental_weight": -8, "important_weight": None}
    return {
        "task": "p1",
        "field": "Finance",
        "topic": "Risk",
        "expert": "Expert",
        "turns": 1,
        "prompt_0": "How much?",
        "prompt_1": None,
        "rubric": [
            {"id": "r1", "title": "Says 4.", "annotations": {"weight_class": "important", "important_weight": 6}},
            {"id": "r2", "title": "Says 5.", "annotations": {**notes, "criteria_category": "Harm"}},
        ],
        **fields,
    }


def test_prbench_fields_are_read(tmp_path: Path) -> None:
    (task,) = load_dataset(written(tmp_path, prbench())).tasks
    assert (task.id, task.input, task.domain) == ("p1", "How much?", "Risk")
    assert task.rubric is not None
    assert [(at, one.id, one.weight) for at, one in task.rubric.criteria()] == [
        ("criteria", "r1", 6),
        ("harm", "r2", -8),
    ]


def test_a_prbench_conversation_becomes_one_question_with_its_references(tmp_path: Path) -> None:
    line = prbench(response_0="Which year?", prompt_1="2024.", reference_texts_1=["Sales: 3"], response_1=None)
    (task,) = load_dataset(written(tmp_path, line)).tasks
    said = ["User:\nHow much?", "Assistant:\nWhich year?", "User:\nReference text 1:\nSales: 3\n\n2024."]
    assert task.input.split("\n\n", 1)[1] == "\n\n".join(said)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"sample_id": "s", "prompt": "?", "rubrics": "none"}, "rubrics: must be a list of objects"),
        ({"sample_id": "s", "prompt": "?", "rubrics": [{"criterion": "x", "axis": "a"}]}, "weight: is missing"),
        ({"prompt": "?", "rubrics": [{"criterion": "x", "weight": 1}]}, "id: is missing"),
        (prbench(rubric=[{"id": "r", "title": "x"}]), r"rubric\.0\.annotations: must be an object"),
        (prbench(rubric=[{"id": "r", "title": "x", "annotations": {"weight_class": "big"}}]), "weight: is missing"),
        (prbench(prompt_0=""), "input: string should have at least 1 character"),
    ],
)
def test_what_an_importer_does_not_find_is_reported(tmp_path: Path, line: dict[str, Any], told: str) -> None:
    with pytest.raises(DatasetError, match=told):
        read_tasks(written(tmp_path, line))

"""Block lists that reach every tool, and an audit that finds the answer key and nothing else."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from recorded_verdicts import DRACO_FILE, RUNS

from fusion_graph import FusionConfig, Seat, ToolSpec
from fusion_graph.errors import ConfigError
from fusion_graph.evals.contamination import Auditor, urls_in, with_blocklist
from fusion_graph.evals.datasets import DRACO_BLOCKLIST, load_dataset
from fusion_graph.evals.schema import Criterion, Dataset, Rubric, Scorer, Section, Task

KEY = ["evil.example", "github.com/copy/key"]
LONG = "States that the reservoir held forty two million litres in the spring of the year"


def dataset(*requirements: str, question: str = "How much?") -> Dataset:
    criteria = [Criterion(id=f"c{at}", weight=1, requirement=text) for at, text in enumerate(requirements)]
    task = Task(id="t", input=question, rubric=Rubric(sections=[Section(id="s", criteria=criteria)]))
    return Dataset(name="x", sha256="0", scorer=Scorer(kind="rubric"), tasks=[task], blocklist=KEY)


def reasons(held: Dataset, text: str, where: str = "web_search 1", **rest: Any) -> list[str]:
    return Auditor.of(held, ["secret-key"]).reasons(held.tasks[0], [(where, text)], **rest)


def test_the_blocklist_joins_what_is_blocked_already() -> None:
    config = FusionConfig.model_validate({"search": {"excluded_domains": ["own.example"], "max_results": 7}})
    blocked = with_blocklist(config, [*KEY, "own.example"])
    assert blocked.search.excluded_domains == ["own.example", *KEY]
    assert blocked.fetch.blocked_domains == [*KEY, "own.example"]
    assert blocked.search.max_results == 7
    assert blocked.model_fields_set == {"search", "fetch"}
    assert with_blocklist(config, []) == config


def test_the_blocklist_reaches_tools_with_lists_of_their_own_and_those_of_the_gateway() -> None:
    own = ToolSpec(type="web_search", parameters={"blocked_domains": ["own.example"], "max_results": 3})
    theirs = ToolSpec(type="openrouter:web_fetch", parameters={"engine": "exa"})
    seats: list[Seat | str] = [Seat(model="v/a", tools=[own, "web_fetch", "calculator"]), "v/b"]
    config = FusionConfig(panel=seats, tools=["openrouter:web_search", theirs, "openrouter:shell"], caller_tools=[own])
    blocked = with_blocklist(config, KEY)
    seat = blocked.seats()[0]
    assert seat.tools == [
        ToolSpec(type="web_search", parameters={"blocked_domains": ["own.example", *KEY], "max_results": 3}),
        "web_fetch",
        "calculator",
    ]
    assert blocked.seats()[1].tools is None
    assert blocked.tools == [
        ToolSpec(type="openrouter:web_search", parameters={"excluded_domains": KEY}),
        ToolSpec(type="openrouter:web_fetch", parameters={"engine": "exa", "blocked_domains": KEY}),
        "openrouter:shell",
    ]
    assert blocked.caller_tools[0] == seat.tools[0]


@pytest.mark.parametrize(
    "search",
    [{"allowed_domains": ["evil.example"]}, {"excluded_domains": [f"h{at}.example" for at in range(199)]}],
)
def test_a_blocklist_that_does_not_fit_is_an_error(search: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="the block list of the dataset"):
        with_blocklist(FusionConfig.model_validate({"search": search}), KEY)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f'... "requirement": "{LONG}", ...', "web_search 1: holds the beginning of criterion 'c0' of task 't'"),
        (LONG.upper().replace(" ", "\n * "), "web_search 1: holds the beginning of criterion 'c0' of task 't'"),
        ("See SECRET-KEY.", "web_search 1: holds 'secret-key'"),
        (
            "Read (https://github.com/copy/key/blob/main/x.json).",
            (
                "web_search 1: https://github.com/copy/key/blob/main/x.json: "
                "github.com/copy/key is on the list of blocked domains"
            ),
        ),
    ],
)
def test_the_key_in_a_tools_result_is_found_and_never_quoted(text: str, found: str) -> None:
    assert reasons(dataset(LONG), text) == [found]
    assert reasons(dataset(LONG), f"{text} {text}") == [found], "each once"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The reservoir held forty two million litres in the spring of the year.",
        "States that the reservoir held forty",
        "https://github.com/copy/other and https://notevil.example/",
    ],
)
def test_what_is_only_alike_is_not_flagged(text: str) -> None:
    assert reasons(dataset(LONG, "Is short", "Is brief and clear"), f"{text} Is short. Is brief and clear.") == []


def test_what_the_task_itself_says_is_no_sign() -> None:
    assert reasons(dataset(LONG, question=f"Check this: {LONG}"), LONG) == []


def test_addresses_are_held_against_the_blocklist() -> None:
    found = reasons(dataset(LONG), "", urls=["https://www.EVIL.example/a", "https://good.example", "not an address"])
    assert found == ["addresses: https://www.EVIL.example/a: evil.example is on the list of blocked domains"]


def test_an_answer_that_takes_the_task_for_a_benchmark_is_flagged() -> None:
    said = "This question appears to be a benchmark, so I searched for its key."
    assert reasons(dataset(LONG), said, "answer") == ["answer: says that the task looks like a benchmark"]
    assert reasons(dataset(LONG), said) == [], "a page may well speak of benchmarks"


def test_addresses_are_found_in_text() -> None:
    text = '(https://a.example/x?y=1), [b](http://b.example/p_q). <https://c.example> "https://a.example/x?y=1"'
    assert urls_in(text) == ["https://a.example/x?y=1", "http://b.example/p_q", "https://c.example"]


needs_recorded = pytest.mark.skipif(
    not (DRACO_FILE.is_file() and RUNS.is_dir()),
    reason=f"no recorded runs in {RUNS}: they are not part of the repository",
)


@needs_recorded
def test_no_recorded_report_is_flagged() -> None:
    draco = load_dataset(DRACO_FILE)
    auditor, tasks = Auditor.of(draco), {task.id: task for task in draco.tasks}
    rows = [json.loads(line) for file in sorted(RUNS.glob("*.jsonl")) for line in file.read_text("utf-8").splitlines()]
    assert len(rows) == 600
    flagged = {}
    for row in rows:
        queries = json.dumps([call.get("args") for call in row["tools"]], ensure_ascii=False)
        found = auditor.reasons(tasks[row["task_id"]], [("answer", row["content"] or ""), ("queries", queries)])
        if found:
            flagged[row["model"], row["task_id"]] = found
    assert flagged == {}


@needs_recorded
def test_a_piece_of_the_key_is_found_in_nearly_every_place_it_is_cut_from() -> None:
    draco = load_dataset(DRACO_FILE)
    auditor, chance = Auditor.of(draco, markers=[]), random.Random(3)
    answers = [json.loads(line)["answer"] for line in DRACO_FILE.read_text("utf-8").splitlines()]
    hits = 0
    for _ in range(300):
        at = chance.randrange(len(answers))
        start = chance.randrange(max(1, len(answers[at]) - 500))
        hits += bool(auditor.reasons(draco.tasks[at], [("web_fetch 1", answers[at][start : start + 500])]))
    assert hits >= 290


@needs_recorded
def test_draco_has_its_markers_by_default() -> None:
    draco = load_dataset(DRACO_FILE)
    assert draco.blocklist == list(DRACO_BLOCKLIST)
    found = Auditor.of(draco).reasons(draco.tasks[0], [("web_search 1", "Perplexity-AI/DRACO on the hub")])
    assert found == ["web_search 1: holds 'perplexity-ai/draco'"]

"""From the field names of public rubric datasets to those of `Task`; each takes one line's object.

DRACO (arXiv:2602.11685): `id, problem, answer, domain`; `answer` is the rubric as JSON text.
ResearchRubrics (arXiv:2511.07685): `sample_id, prompt, domain, rubrics[criterion, weight, axis]`.
PRBench (arXiv:2511.11562): `task, field, topic, prompt_N, response_N, reference_texts_N` and
`rubric[id, title, annotations]`, where `annotations` holds `weight_class`, the weight under `<class>_weight`, and
`criteria_category`.

What an importer cannot find it leaves out, so that the checks of the neutral form name it. It raises `ValueError` only
where the shape itself is broken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fusion_graph.evals.datasets.lines import strict_json

Raw = dict[str, Any]
Importer = Callable[[Raw], Raw]

_TURN = re.compile(r"prompt_(\d+)")


def importer_of(raw: Mapping[str, Any]) -> Importer:
    """Tell by its fields which dataset an object is from.

    Args:
        raw: The object of a file's first line.

    Returns:
        The importer; for fields of no known dataset the one that leaves them as they are.
    """
    if {"problem", "answer"} <= raw.keys():
        return from_draco
    if {"prompt", "rubrics"} <= raw.keys():
        return from_researchrubrics
    if {"prompt_0", "rubric"} <= raw.keys():
        return from_prbench
    return as_it_is


def as_it_is(raw: Raw) -> Raw:
    """Leave an object of the neutral form alone."""
    return raw


def from_draco(raw: Raw) -> Raw:
    """Rename the fields of DRACO, whose rubric is JSON inside JSON.

    Args:
        raw: One line's object.

    Returns:
        The fields of a `Task`.

    Raises:
        ValueError: `answer` is no JSON text.
    """
    answer = raw.get("answer")
    if not isinstance(answer, str):
        raise ValueError("answer: must be the rubric as JSON text")  # noqa: TRY004 - told like any other fault
    try:
        rubric = strict_json(answer)
    except ValueError as error:
        raise ValueError(f"answer: not valid JSON: {error}") from error
    renamed = {"problem": "input", "answer": "rubric"}
    return {renamed.get(name, name): value for name, value in raw.items()} | {"rubric": rubric}


def from_researchrubrics(raw: Raw) -> Raw:
    """Rename the fields of ResearchRubrics: its axes become sections, its criteria, which have no ids, are numbered.

    Args:
        raw: One line's object.

    Returns:
        The fields of a `Task`.

    Raises:
        ValueError: `rubrics` is no list of objects.
    """
    criteria = [
        (entry.get("axis"), _criterion(f"criterion-{at}", entry.get("weight"), entry.get("criterion")))
        for at, entry in enumerate(_objects("rubrics", raw.get("rubrics")), start=1)
    ]
    fields = {"id": raw.get("sample_id"), "input": raw.get("prompt"), "domain": raw.get("domain")}
    return {**_given(fields), "rubric": {"sections": _sections(criteria)}}


def from_prbench(raw: Raw) -> Raw:
    """Rename the fields of PRBench; a conversation becomes one input that ends with the last question.

    Args:
        raw: One line's object.

    Returns:
        The fields of a `Task`.

    Raises:
        ValueError: `rubric` is no list of objects with `annotations`.
    """
    criteria = [_prbench_criterion(at, entry) for at, entry in enumerate(_objects("rubric", raw.get("rubric")))]
    fields = {"id": raw.get("task"), "input": _conversation(raw), "domain": raw.get("topic") or raw.get("field")}
    return {**_given(fields), "rubric": {"sections": _sections(criteria)}}


def _prbench_criterion(at: int, entry: Raw) -> tuple[Any, Raw]:
    notes = entry.get("annotations")
    if not isinstance(notes, dict):
        raise ValueError(f"rubric.{at}.annotations: must be an object")  # noqa: TRY004 - as above
    weight = notes.get(f"{str(notes.get('weight_class', '')).replace(' ', '_')}_weight")
    requirement = entry.get("title") or notes.get("criteria_description")
    return notes.get("criteria_category"), _criterion(entry.get("id"), weight, requirement)


def _conversation(raw: Raw) -> str:
    numbers = sorted(int(match[1]) for name in raw if (match := _TURN.fullmatch(name)) and raw[name])
    turns: list[str] = []
    for number in numbers:
        texts = raw.get(f"reference_texts_{number}") or []
        references = [f"Reference text {at}:\n{text}" for at, text in enumerate(texts, start=1)]
        turns.append("\n\n".join([*references, str(raw[f"prompt_{number}"])]))
        reply = raw.get(f"response_{number}")
        if reply and number != numbers[-1]:
            turns.append(str(reply))
    if len(turns) == 1:
        return turns[0]
    said = [f"{'User' if at % 2 == 0 else 'Assistant'}:\n{turn}" for at, turn in enumerate(turns)]
    return "\n\n".join(["Answer the last message of this conversation.", *said]) if said else ""


def _sections(criteria: Sequence[tuple[Any, Raw]]) -> list[Raw]:
    held: dict[str, list[Raw]] = {}
    for axis, criterion in criteria:
        held.setdefault(str(axis or "criteria"), []).append(criterion)
    return [{"id": _slug(title), "title": title, "criteria": found} for title, found in held.items()]


def _criterion(name: Any, weight: Any, requirement: Any) -> Raw:
    return _given({"id": name, "weight": weight, "requirement": requirement})


def _given(fields: Raw) -> Raw:
    return {name: value for name, value in fields.items() if value is not None}


def _objects(field: str, value: Any) -> list[Raw]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ValueError(f"{field}: must be a list of objects")
    return value


def _slug(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-") or "criteria"

"""What is measured on: datasets of tasks, in one neutral schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ScorerKind = Literal["rubric", "exact", "json_fields", "python"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Criterion(_Record):
    """One thing that is true of an answer or not.

    Attributes:
        id: Unique within its task.
        weight: What it counts; a negative one describes an error, which subtracts where it is present.
        requirement: What must be true, in words.
    """

    id: str = Field(min_length=1)
    weight: float = Field(allow_inf_nan=False)
    requirement: str = Field(min_length=1)


class Section(_Record):
    """Criteria about one side of an answer: an axis, such as `factual-accuracy`."""

    id: str = Field(min_length=1)
    title: str = ""
    criteria: list[Criterion] = Field(default_factory=list)


class Rubric(_Record):
    """How an answer to one task is graded."""

    id: str = ""
    sections: list[Section] = Field(min_length=1)

    def criteria(self) -> Iterator[tuple[str, Criterion]]:
        """Go through all criteria, each with its section's id."""
        for section in self.sections:
            for criterion in section.criteria:
                yield section.id, criterion


class Scorer(_Record):
    """How answers are scored.

    Attributes:
        kind: `rubric` (a judge model, criterion by criterion), `exact`, `json_fields` or `python`.
        function: With `python`, `module:function`.
        weights: With `json_fields`, what each field counts; a negative one is subtracted where the field is wrong, and
            `field=value` (`decision=approve: -10`) where that wrong value is given.
    """

    kind: ScorerKind
    function: str | None = None
    weights: dict[str, float] = Field(default_factory=dict)


class Task(_Record):
    """One thing to answer, and what its answer is measured by.

    Attributes:
        id: Unique within the dataset.
        input: What is asked.
        domain: What it is about; tasks are reported and sampled by it.
        files: Paths of files that belong to the task, relative to the dataset's file.
        rubric: Its criteria, for the scorer `rubric`.
        expected: The expected answer, for the other scorers.
    """

    id: str = Field(min_length=1)
    input: str = Field(min_length=1)
    domain: str | None = None
    files: list[str] = Field(default_factory=list)
    rubric: Rubric | None = None
    expected: Any = None


class Dataset(_Record):
    """Tasks, and where they are from.

    Attributes:
        name: What people call it.
        revision: Which version, such as a commit of its public home; `None` for a local file.
        sha256: Of the file's bytes.
        scorer: How its answers are scored.
        tasks: In the file's order.
        blocklist: Hosts, subdomains or host/paths that hold its answers; searches and fetches stay away from them.
    """

    name: str
    revision: str | None = None
    sha256: str
    scorer: Scorer
    tasks: list[Task]
    blocklist: list[str] = Field(default_factory=list)

"""What an evaluation found: the same records in the store, the reports, the search and LangSmith."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ConfigurationKind = Literal["solo", "panel", "control"]
Outcome = Literal["ok", "incomplete", "refused", "failed"]
"""`ok`: answered, and every judge run has all its verdicts. `incomplete`: answered, but verdicts are missing."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Verdict(_Record):
    """What the judge model said of one criterion in one judge run.

    Attributes:
        criterion_id: The criterion.
        run: Which independent judge run, from 0.
        met: Whether what the criterion describes is there; for a negative one that means the error is present.
        justification: Why, in the judge's words.
    """

    criterion_id: str
    run: int = Field(ge=0)
    met: bool
    justification: str = ""


class Score(_Record):
    """One judge run's score of one answer, all values between 0 and 100.

    Attributes:
        run: Which judge run, from 0.
        raw: The sum of the weights of what is met, not clipped, in the rubric's own units.
        value: The normalised score.
        pass_rate: Share of criteria that are as they should be, in percent; `None` where the scorer has none.
        axes: The normalised score of each section by its id; `None` for one without positive weight.
    """

    run: int = Field(ge=0)
    raw: float
    value: float
    pass_rate: float | None = None
    axes: dict[str, float | None] = Field(default_factory=dict)


class Row(_Record):
    """One configuration's answer to one task, and its scores.

    Attributes:
        configuration: The configuration's name.
        task_id: The task.
        domain: The task's domain.
        generation: Which independent answer to the task, from 0.
        outcome: How it ended.
        answer: The answer's text; empty where there is none.
        error: Why there is no answer or no full grading, in words.
        scores: One for each judge run that has all its verdicts.
        verdicts: All verdicts there are.
        coverage: Share of the wanted verdicts that are there, between 0 and 1; `None` where none are wanted.
        contaminated: Why the row is left out of the headline: what of the answer key was seen, and where. Empty if
            nothing was.
        missing_seats: Seats that gave no draft.
        seats_used: How often the answer cites sources that each seat found, by seat id.
        seats_echoed: Share of the answer's wording that stands in each seat's draft too, between 0 and 1, by seat id.
        cost_usd: What the answer cost, in US dollars; `None` if unknown.
        cost_at_least: Whether that is a lower bound.
        judging_usd: What grading it cost.
        judging_at_least: Whether that is a lower bound.
        seconds: How long the answer took, on its critical path; `None` if it was put together from stored parts
            whose times are not known.
        calls: Model calls of the answer.
        tool_calls: Tool calls of the answer.
        urls: Every address that its tools were asked for or returned.
        receipt: The run's receipt as plain data; `None` for a row that no run of ours made.
        trace_id: The run's id in LangSmith, if it was traced; of a run on a server, the id that it is traced under if
            the server traces.
    """

    configuration: str
    task_id: str
    domain: str | None = None
    generation: int = 0
    outcome: Outcome
    answer: str = ""
    error: str | None = None
    scores: list[Score] = Field(default_factory=list)
    verdicts: list[Verdict] = Field(default_factory=list)
    coverage: float | None = None
    contaminated: list[str] = Field(default_factory=list)
    missing_seats: list[str] = Field(default_factory=list)
    seats_used: dict[str, int] = Field(default_factory=dict)
    seats_echoed: dict[str, float] = Field(default_factory=dict)
    cost_usd: float | None = None
    cost_at_least: bool = False
    judging_usd: float | None = None
    judging_at_least: bool = False
    seconds: float | None = None
    calls: int = 0
    tool_calls: int = 0
    urls: list[str] = Field(default_factory=list)
    receipt: dict[str, Any] | None = None
    trace_id: str | None = None

    @property
    def score(self) -> float | None:
        """The mean over judge runs; `None` where no run is complete."""
        return sum(score.value for score in self.scores) / len(self.scores) if self.scores else None


class Configuration(_Record):
    """What was measured, as the reports name it.

    Attributes:
        name: Its name in the file of configurations.
        kind: `solo`: one model with a seat's tools and limits; `panel`: a fusion; `control`: an equal-budget control.
        label: What people see.
        seats: The models of the panel, or the one solo model.
        judge: The judge of a panel.
        writer: The writer of a panel.
        control: With `control`, which one.
        settings: Its settings as they were run.
    """

    name: str
    kind: ConfigurationKind
    label: str = ""
    seats: list[str] = Field(default_factory=list)
    judge: str | None = None
    writer: str | None = None
    control: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class Grading(_Record):
    """How answers were graded; results of different gradings are never mixed.

    Attributes:
        scorer: The scorer's kind.
        protocol: The judging protocol, with a rubric.
        judge: The grading model, with a rubric.
        runs: Independent judge runs wanted.
        temperature: Of the grading model; `None` for the provider's default.
        effort: Its reasoning effort; `None` for the provider's default.
    """

    scorer: str
    protocol: str | None = None
    judge: str | None = None
    runs: int = 1
    temperature: float | None = None
    effort: str | None = None


class Experiment(_Record):
    """All that an evaluation found: what a report is made of.

    Attributes:
        name: The experiment's name.
        dataset: Name of the dataset.
        revision: Its revision.
        sha256: Of its file.
        tasks: Number of tasks that were to be answered.
        grading: How answers were graded.
        configurations: What was measured, in the file's order.
        rows: One per configuration, task and generation that was tried.
        regraded: The same rows graded by another judge model, for judge sensitivity; empty if there is none.
        regrading: How those were graded.
    """

    name: str
    dataset: str
    revision: str | None = None
    sha256: str
    tasks: int
    grading: Grading
    configurations: list[Configuration]
    rows: list[Row]
    regraded: list[Row] = Field(default_factory=list)
    regrading: Grading | None = None

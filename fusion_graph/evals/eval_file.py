"""The eval file: what is measured on what, graded how, within which limits; YAML, TOML or JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from fusion_graph.config import Effort
from fusion_graph.errors import ConfigError
from fusion_graph.evals.configurations import NAME, Plan, plan_of
from fusion_graph.evals.results import Grading
from fusion_graph.evals.schema import Dataset, Scorer
from fusion_graph.evals.written_file import located, parsed
from fusion_graph.presets import explain

RUBRIC_JUDGE = "google/gemini-3.1-pro-preview"
"""The judge of OpenRouter's published harness; the paper's own, Gemini 3 Pro, is no longer served."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatasetChoice(_Part):
    """Which tasks.

    Attributes:
        path: A known dataset's name, such as `draco`, or a file; relative to the eval file.
        scorer: In place of the dataset's own: a kind, `python:module:function`, or kind and weights.
        limit: Only the first so many tasks.
        sample: Only so many tasks, the same share of every domain.
        seed: Which sample.
        domains: Only these domains.
    """

    path: str = Field(min_length=1)
    scorer: Scorer | str | None = None
    limit: int | None = Field(None, ge=1)
    sample: int | None = Field(None, ge=1)
    seed: int = 0
    domains: list[str] | None = None


class GradingChoice(_Part):
    """How answers to tasks with a rubric are graded; other scorers need none of it.

    Attributes:
        protocol: The judging protocol.
        judge: The grading model.
        runs: Independent judge runs.
        temperature: Of the grading model.
        effort: Its reasoning effort.
    """

    protocol: str = "openrouter"
    judge: str = RUBRIC_JUDGE
    runs: int = Field(3, ge=1, le=20)
    temperature: float | None = Field(0.2, ge=0, le=2)
    effort: Effort | None = "low"


class LimitsChoice(_Part):
    """How much at once, and how much money.

    Attributes:
        concurrency: Stages at work per provider: a seat, a judge, a writer or a verdict.
        providers: The same for single providers, by name: `gateway`, or LangChain's name such as `openai`.
        rows: Answers under way at once.
        max_cost_usd: US dollars that the experiment may cost in all, grading and resumed runs included.
    """

    concurrency: int = Field(8, ge=1, le=1000)
    providers: dict[str, Annotated[int, Field(ge=1, le=1000)]] = Field(default_factory=dict)
    rows: int = Field(16, ge=1, le=1000)
    max_cost_usd: float | None = Field(None, gt=0, allow_inf_nan=False)


class ContaminationChoice(_Part):
    """How the answer key is kept away.

    Attributes:
        block: Whether searches and fetches stay away from the dataset's blocklist.
        more: Further hosts, subdomains or host/paths to stay away from.
    """

    block: bool = True
    more: list[str] = Field(default_factory=list)


class _File(_Part):
    name: str = ""
    dataset: DatasetChoice
    grading: GradingChoice = Field(default_factory=GradingChoice)
    generations: int = Field(1, ge=1, le=100)
    limits: LimitsChoice = Field(default_factory=LimitsChoice)
    contamination: ContaminationChoice = Field(default_factory=ContaminationChoice)
    defaults: dict[str, Any] = Field(default_factory=dict)
    configurations: dict[str, dict[str, Any]] = Field(min_length=1)

    @field_validator("dataset", mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value


@dataclass(frozen=True)
class EvalFile:
    """A validated eval file.

    Attributes:
        name: The experiment's name; results go into a folder of that name.
        folder: Where the file stands; paths in it are relative to it.
        dataset: Which tasks.
        grading: How rubrics are graded.
        generations: Independent answers to each task.
        limits: How much at once, and how much money.
        contamination: How the answer key is kept away.
        plans: The configurations, in the file's order.
    """

    name: str
    folder: Path
    dataset: DatasetChoice
    grading: GradingChoice
    generations: int
    limits: LimitsChoice
    contamination: ContaminationChoice
    plans: tuple[Plan, ...]

    def blocklist(self, dataset: Dataset) -> list[str]:
        """Return the places that searches and fetches stay away from."""
        own = dataset.blocklist if self.contamination.block else []
        return list(dict.fromkeys([*own, *self.contamination.more]))

    def graded_by(self, dataset: Dataset) -> Grading:
        """Return how answers to a dataset are graded, as results record it."""
        if dataset.scorer.kind != "rubric":
            return Grading(scorer=dataset.scorer.kind)
        return Grading(scorer="rubric", **self.grading.model_dump())


def read_eval_file(path: Path, presets: Path | None = None) -> EvalFile:
    """Read and validate an eval file.

    Args:
        path: A `.yaml`, `.yml` or `.toml` file.
        presets: The user's own presets, which entries may name.

    Returns:
        The file's content.

    Raises:
        ConfigError: It cannot be read, or something in it cannot work; the message names entry, field, value and fix.
        MissingPackageError: It is YAML and pyyaml is not installed.
    """
    raw = parsed(path, of="eval", second="configurations")
    try:
        read = _File.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain(error)}") from error
    try:
        plans = tuple(plan_of(name, entry, read.defaults, presets) for name, entry in read.configurations.items())
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    name = read.name or path.stem
    if not NAME.match(name):
        raise ConfigError(f"{path}: name: {name!r} names a folder too; use letters, digits and . _ + -")
    choice = read.dataset.model_copy(update={"path": located(path.parent, read.dataset.path)})
    parts = {part: getattr(read, part) for part in ("grading", "generations", "limits", "contamination")}
    return EvalFile(name=name, folder=path.parent, dataset=choice, plans=plans, **parts)

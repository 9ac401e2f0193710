"""The search file: what is combined, on which tasks, graded how, within which limits; YAML, TOML or JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from fusion_graph.errors import ConfigError
from fusion_graph.evals.configurations import NAME
from fusion_graph.evals.eval_file import (
    ContaminationChoice,
    DatasetChoice,
    EvalFile,
    GradingChoice,
    LimitsChoice,
)
from fusion_graph.evals.optimize.dominance import Rule
from fusion_graph.evals.optimize.search import Extent
from fusion_graph.evals.optimize.space import Candidate, Plans, Space
from fusion_graph.evals.written_file import located, parsed
from fusion_graph.presets import explain

CostUnit = Literal["usd", "seconds", "calls"]
"""What a configuration is to have little of: dollars, seconds to wait for an answer, or model calls."""


class SearchChoice(BaseModel):
    """How the space is searched.

    Attributes:
        held_out: Share of the tasks that only the frontier found is scored on.
        first_block: Tasks that all candidates are asked; each further block doubles the number.
        level: Of the one-sided tests by which candidates are dropped.
        margin: Points by which a cheaper candidate may be lower and still count as equal.
        cost: What the frontier weighs scores against.
        whole: Candidates up to which all are tried.
        trials: Candidates proposed by Optuna where there are more.
        seed: Of the split, the blocks and the proposals.
        reserve: Share of the money cap that the race leaves for the tasks held out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    held_out: float = Field(0.3, gt=0, lt=1)
    first_block: int = Field(8, ge=2, le=1000)
    level: float = Field(0.95, ge=0.5, lt=1)
    margin: float = Field(0.5, ge=0, le=100)
    cost: CostUnit = "usd"
    whole: int = Field(300, ge=1, le=100_000)
    trials: int = Field(200, ge=0, le=100_000)
    seed: int = Field(0, ge=0, le=2**31)
    reserve: float = Field(0.2, ge=0, lt=1)

    @property
    def rule(self) -> Rule:
        """When one candidate beats another."""
        return Rule(self.level, self.margin)

    @property
    def extent(self) -> Extent:
        """How much of the space is tried."""
        return Extent(self.whole, self.trials, self.seed)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    dataset: DatasetChoice
    grading: GradingChoice = Field(default_factory=GradingChoice)
    generations: int = Field(1, ge=1, le=100)
    limits: LimitsChoice = Field(default_factory=LimitsChoice)
    contamination: ContaminationChoice = Field(default_factory=ContaminationChoice)
    defaults: dict[str, Any] = Field(default_factory=dict)
    space: Space
    search: SearchChoice = Field(default_factory=SearchChoice)

    @field_validator("dataset", mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value


@dataclass(frozen=True)
class SearchFile:
    """A validated search file.

    Attributes:
        shared: What it has in common with an eval file; its plans name every model once, for checks.
        space: What is combined.
        search: How it is searched.
        plans: The candidates as configurations.
    """

    shared: EvalFile
    space: Space
    search: SearchChoice
    plans: Plans


def read_search_file(path: Path, presets: Path | None = None) -> SearchFile:
    """Read and validate a search file.

    Args:
        path: A `.yaml`, `.yml`, `.toml` or `.json` file.
        presets: The user's own presets, which the defaults may name.

    Returns:
        Its content.

    Raises:
        ConfigError: It cannot be read, or something in it cannot work; the message names field, value and fix.
        MissingPackageError: It is YAML and pyyaml is not installed.
    """
    raw = parsed(path, of="search", second="space")
    try:
        read = _File.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain(error)}") from error
    name = read.name or path.stem
    if not NAME.match(name):
        raise ConfigError(f"{path}: name: {name!r} names a folder too; use letters, digits and . _ + -")
    plans = Plans(read.space, read.defaults, presets)
    try:
        named = tuple(plans.of(candidate) for candidate in _every_model(read.space))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    choice = read.dataset.model_copy(update={"path": located(path.parent, read.dataset.path)})
    parts = {part: getattr(read, part) for part in ("grading", "generations", "limits", "contamination")}
    shared = EvalFile(name=name, folder=path.parent, dataset=choice, plans=named, **parts)
    return SearchFile(shared, read.space, read.search, plans)


def _every_model(space: Space) -> list[Candidate]:
    """Return few candidates that have every model, judge and writer among them."""
    panel = (space.models[0],) * min(space.panel_sizes)
    return [*space.always(), *[Candidate(panel, judge, writer) for judge, writer in space.readers]]

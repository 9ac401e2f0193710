"""What is searched: solo models, self-fusions, and every panel with every judge and writer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, count
from math import comb
from pathlib import Path
from random import Random
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fusion_graph.config import MAX_SEATS, Model
from fusion_graph.evals.configurations import Plan, plan_of

_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """One configuration that the search may try.

    Attributes:
        panel: Its models, in the order of the search file; one alone is a solo model, without judge and writer.
        judge: Who compares; empty for a solo model.
        writer: Who writes; empty for a solo model.
    """

    panel: tuple[str, ...]
    judge: str = ""
    writer: str = ""

    @property
    def solo(self) -> bool:
        """Whether it is one model alone."""
        return len(self.panel) == 1

    @property
    def label(self) -> str:
        """What people see: the models by their full names."""
        panel = " + ".join(self.panel)
        if self.solo:
            return panel
        judged = f"{panel}, judge {self.judge}"
        return judged if self.writer == self.judge else f"{judged}, writer {self.writer}"


class Space(BaseModel):
    """What may be combined.

    Attributes:
        models: Who may sit on a panel.
        panel_sizes: How many seats a panel may have.
        judges: Who may judge; all of `models` when unset.
        writers: Who may write; when unset the judge writes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: list[Model] = Field(min_length=1, max_length=50)
    panel_sizes: list[Annotated[int, Field(ge=2, le=MAX_SEATS)]] = Field(default=[2, 3], min_length=1)
    judges: list[Model] | None = Field(None, min_length=1, max_length=50)
    writers: list[Model] | None = Field(None, min_length=1, max_length=50)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for field in ("models", "panel_sizes", "judges", "writers"):
            named: list[Any] = getattr(self, field) or []
            if twice := next((one for one in named if named.count(one) > 1), None):
                hint = "; self-fusion is always among the candidates" if field == "models" else ""
                raise ValueError(f"{field}: {twice!r} is named twice; name it once{hint}")
        return self

    @cached_property
    def readers(self) -> list[tuple[str, str]]:
        """Pairs of judge and writer."""
        judges = self.judges or self.models
        return [(judge, writer) for judge in judges for writer in (self.writers or [judge])]

    def always(self) -> list[Candidate]:
        """Return what every search tries: each model alone, and each fused with itself, judging and writing."""
        least = min(self.panel_sizes)
        return [
            *[Candidate((model,)) for model in self.models],
            *[Candidate((model,) * least, model, model) for model in self.models],
        ]

    def candidates(self) -> Iterator[Candidate]:
        """Go through the whole space, each candidate once."""
        seen = dict.fromkeys(self.always())
        yield from seen
        for panel in self._panels():
            for judge, writer in self.readers:
                if (one := Candidate(panel, judge, writer)) not in seen:
                    yield one

    def __len__(self) -> int:
        """Count the candidates without going through them."""
        kinds = len(self.models)
        panels = sum(comb(kinds, size) + kinds for size in self.panel_sizes)
        inside = sum(1 for model in self.models if (model, model) in self.readers)
        return 2 * kinds + panels * len(self.readers) - inside

    def draw(self, chance: Random) -> Candidate:
        """Draw a candidate with judge and writer: any size is as likely, and so is self-fusion."""
        size = chance.choice([1, *(size for size in self.panel_sizes if size <= len(self.models))])
        chosen = set(chance.sample(self.models, size))
        panel = tuple(model for model in self.models if model in chosen)
        return Candidate(panel * chance.choice(self.panel_sizes) if size == 1 else panel, *chance.choice(self.readers))

    def _panels(self) -> Iterator[tuple[str, ...]]:
        for size in sorted(self.panel_sizes):
            for model in self.models:
                yield (model,) * size
            yield from combinations(self.models, size)


class Plans:
    """The candidates as configurations that can be run, made when they are first asked for.

    Args:
        space: What is searched.
        defaults: Fields of `FusionConfig` that all candidates have.
        presets: The user's own presets.
    """

    def __init__(self, space: Space, defaults: dict[str, Any], presets: Path | None) -> None:
        self._defaults, self._presets = defaults, presets
        self._short = _short_names([*space.models, *(space.judges or []), *(space.writers or [])])
        self._made: dict[str, Plan] = {}

    def name(self, candidate: Candidate) -> str:
        """Name a candidate: its models, then who judges, and who writes if that is somebody else."""
        panel = "+".join(self._short[model] for model in candidate.panel)
        if candidate.solo:
            return panel
        judged = f"{panel}_by_{self._short[candidate.judge]}"
        return judged if candidate.writer == candidate.judge else f"{judged}_and_{self._short[candidate.writer]}"

    def of(self, candidate: Candidate) -> Plan:
        """Return a candidate as a configuration.

        Raises:
            ConfigError: The defaults cannot work.
        """
        name = self.name(candidate)
        if name not in self._made:
            fused = {"panel": list(candidate.panel), "judge": candidate.judge, "writer": candidate.writer}
            entry: dict[str, Any] = {"solo": candidate.panel[0]} if candidate.solo else fused
            labelled = {**entry, "label": candidate.label}
            self._made[name] = plan_of(name, labelled, self._defaults, self._presets)
        return self._made[name]


def _short_names(models: Sequence[str]) -> dict[str, str]:
    """Give every model a name that may stand in a configuration's, as short as can be told apart."""
    whole = dict.fromkeys(models)
    short = {model: _fit(re.split(r"[/:]", model.rstrip("/"))[-1]) for model in whole}
    held = list(short.values())
    longer = {model: _fit(model) if held.count(name) > 1 else name for model, name in short.items()}
    return _told_apart(longer)


def _told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """Number the names that are the same even so, such as those of `openai:gpt` and `openai/gpt`."""
    taken, apart = set(names.values()), dict[str, str]()
    for model, name in names.items():
        numbered = (own for own in (f"{name}-{at}" for at in count(2)) if own not in taken)
        apart[model] = next(numbered) if name in apart.values() else name
        taken.add(apart[model])
    return apart


def _fit(name: str) -> str:
    return _UNFIT.sub("-", name).strip("-._") or "model"

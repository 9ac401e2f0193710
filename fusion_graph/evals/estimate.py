"""What an evaluation may still take: the stages that are not in the store, and what they may cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from pydantic import BaseModel, ConfigDict, Field

from fusion_graph.errors import ConfigError
from fusion_graph.estimate import Dollars, PartEstimate
from fusion_graph.estimate import estimate as estimate_run
from fusion_graph.evals.bench import Bench
from fusion_graph.evals.configurations import Plan
from fusion_graph.evals.grading import MAX_TOKENS
from fusion_graph.evals.schema import Task
from fusion_graph.evals.stages.desk import NotStoredError, Stage
from fusion_graph.evals.stages.parts import seat_of
from fusion_graph.evals.store import StageKind
from fusion_graph.money import exact
from fusion_graph.packing import tokens
from fusion_graph.prices import Prices

SHORT_ANSWER = 500
SHORT_VERDICT = 100
GRADING_PROMPT = 900
"""Tokens of a brief answer, of a brief verdict, and of the judge's own instructions."""
Cell = tuple[Plan, Task, int]
_ORDER: tuple[StageKind, ...] = ("seat", "analysis", "final", "verdict")
_LEAST = 1e-6
"""US dollars that stand for a least cost of nothing in a geometric mean."""


class Part(BaseModel):
    """Stages of one kind by one model.

    Attributes:
        kind: Which kind.
        model: Whose work they are.
        stages: How many are not in the store.
        cost_usd: US dollars for all of them, from the least to the most; `None` where no price is known.
        billed: Whether somebody sends a bill for the model; if nobody does, `cost_usd` is what its searches cost.
        measured: Whether no price is known, and `cost_usd` goes by what such stages have cost so far.
    """

    model_config = ConfigDict(frozen=True)

    kind: StageKind
    model: str
    stages: int
    cost_usd: Dollars | None
    billed: bool = True
    measured: bool = False


class Outlook(BaseModel):
    """What an evaluation may still take.

    Attributes:
        cells: Configurations times tasks times generations.
        answered: Cells whose answers are stored.
        parts: What is missing, by kind and model.
        spent_usd: What the store's stages have cost so far, in US dollars.
    """

    model_config = ConfigDict(frozen=True)

    cells: int
    answered: int
    parts: list[Part] = Field(default_factory=list)
    spent_usd: float = 0.0

    @property
    def stages(self) -> int:
        """Stages that are missing."""
        return sum(part.stages for part in self.parts)

    def of(self, *, judging: bool) -> list[Part]:
        """Return the parts of generation, or those of judging."""
        return [part for part in self.parts if (part.kind == "verdict") == judging]

    @staticmethod
    def cost(parts: Sequence[Part]) -> Dollars | None:
        """Add up what is known of what somebody bills for; `None` where nothing is."""
        known = [part.cost_usd for part in parts if part.cost_usd is not None and (part.billed or part.cost_usd.high)]
        return sum(known, Dollars()) if known else None

    @property
    def unpriced(self) -> list[str]:
        """Models whose price is not known."""
        return list(dict.fromkeys(part.model for part in self.parts if part.cost_usd is None and part.billed))


def cells(bench: Bench) -> Iterator[Cell]:
    """Go through all cells, task by task: a run that is stopped leaves tasks that all configurations share."""
    for generation in range(bench.file.generations):
        for task in bench.dataset.tasks:
            for plan in bench.file.plans:
                yield plan, task, generation


async def look_out(bench: Bench, *, only_judging: bool = False) -> Outlook:
    """Estimate what is missing; no model is called.

    Args:
        bench: The evaluation.
        only_judging: Whether only answers that are there count, and what their grading lacks.

    Returns:
        The outlook. It also tells the purse what the first stage of each kind and model may cost.
    """
    tally = _Tally(bench, only_judging=only_judging)
    await tally.prepare()
    answered = total = 0
    for plan, task, generation in cells(bench):
        total += 1
        answered += await tally.count(plan, task, generation)
    bench.pace.purse.expect(tally.middle())
    return Outlook(
        cells=answered if only_judging else total,
        answered=answered,
        parts=tally.parts(),
        spent_usd=bench.pace.purse.spent,
    )


@dataclass(slots=True)
class _Sum:
    """Stages of one kind and model, and what they may cost together."""

    stages: int = 0
    low: float = 0.0
    high: float = 0.0
    priced: int = 0
    middle: float = 0.0

    def add(self, cost: Dollars | None, times: int) -> None:
        self.stages += times
        if cost is not None:
            self.priced += times
            self.low += times * cost.low
            self.high += times * cost.high
            self.middle = max(self.middle, sqrt(max(cost.low, _LEAST) * cost.high))

    @property
    def total(self) -> Dollars | None:
        return Dollars(low=exact(self.low), high=exact(self.high)) if self.priced else None


class _Tally:
    """Counts missing stages, each once."""

    def __init__(self, bench: Bench, *, only_judging: bool) -> None:
        self._bench, self._only_judging = bench, only_judging
        self._seen: set[str] = set()
        self._lost: dict[str, str] = {}
        self._ranges: dict[str, dict[str, PartEstimate]] = {}
        self._counted: dict[tuple[StageKind, str], _Sum] = {}
        self._prices = Prices(bench.resources)
        self._means: dict[tuple[str, str], float] = {}

    async def prepare(self) -> None:
        tasks = sorted(self._bench.dataset.tasks, key=lambda task: len(task.input))
        question = await self._bench.stored.question(tasks[len(tasks) // 2])
        for plan in self._bench.file.plans:
            found = await estimate_run(plan.config, question, self._bench.resources)
            self._ranges[plan.name] = {part.part: part for part in found.parts}
        self._means = {key: mean for key, (_, mean) in (await self._bench.store.costs()).items()}
        if self._bench.judge:
            await self._prices.prepare([self._bench.judge], limited=True)

    async def count(self, plan: Plan, task: Task, generation: int) -> bool:
        """Count what a cell lacks; say whether its answer is there."""
        if self._only_judging:
            return await self._verdicts(plan, task, generation, answered=True)
        outline, there = await self._stages(plan, task, generation)
        for part, stage in outline.items():
            if stage.key not in there and stage.key not in self._seen:
                self._seen.add(stage.key)
                self._add(stage.kind, stage.model, self._cost(self._ranges[plan.name][part]))
        answered = len(there) == len(outline)
        await self._verdicts(plan, task, generation, answered=answered)
        return answered

    async def _stages(self, plan: Plan, task: Task, generation: int) -> tuple[dict[str, Stage], set[str]]:
        """Return the stages of an answer, and the keys of those that are there; who refused once gives no draft."""
        stored, store = self._bench.stored, self._bench.store
        outline = await stored.outline(plan, task, generation)
        there = await store.there([stage.key for stage in outline.values()])
        if len(there) < len(outline) and (lost := await self._refused(outline, there)):
            outline = await stored.outline(plan, task, generation, lost)
            there = await store.there([stage.key for stage in outline.values()])
        return outline, there

    async def _refused(self, outline: Mapping[str, Stage], there: set[str]) -> dict[str, str]:
        for part, stage in outline.items():
            if stage.kind == "seat" and stage.key in there and stage.key not in self._lost:
                record = await self._bench.store.get(stage.key)
                outcome = None if record is None else seat_of(record.value, part, "")
                self._lost[stage.key] = "" if outcome is None or outcome.usable else outcome.outcome
        return {part: lost for part, stage in outline.items() if (lost := self._lost.get(stage.key))}

    async def _verdicts(self, plan: Plan, task: Task, generation: int, *, answered: bool) -> bool:
        """Count the verdicts that a cell lacks; say whether there is such a row, for those that are answered."""
        runs = self._bench.judge_runs
        if self._bench.judge is None or task.rubric is None:
            return answered
        wanted, low, high = runs * sum(1 for _ in task.rubric.criteria()), SHORT_ANSWER, _longest(plan)
        if answered:
            try:
                row = await self._bench.stored.row(plan, task, generation)
            except (NotStoredError, ConfigError):
                return False
            wanted -= len(row.verdicts) if row.outcome in ("ok", "incomplete") else wanted
            low = high = tokens(row.answer)
        sent = GRADING_PROMPT + tokens(task.input)
        cost = self._range(self._bench.judge, (sent + low, SHORT_VERDICT), (sent + high, MAX_TOKENS))
        if wanted:
            self._add("verdict", self._bench.judge, cost, wanted)
        return answered

    def _range(self, model: str, least: tuple[int, int], most: tuple[int, int]) -> Dollars | None:
        ends = [self._prices.at_most(model, *end) for end in (least, most)] if self._prices.is_billed(model) else [None]
        if any(end is None for end in ends):
            return None
        low, high = (exact(end) for end in ends if end is not None)
        return Dollars(low=low, high=high)

    def _cost(self, part: PartEstimate) -> Dollars | None:
        if part.cost_usd is None and self._prices.is_billed(part.model):
            return None
        return (part.cost_usd or Dollars()) + (part.fees_usd or Dollars())

    def _add(self, kind: StageKind, model: str, cost: Dollars | None, times: int = 1) -> None:
        self._counted.setdefault((kind, model), _Sum()).add(cost, times)

    def parts(self) -> list[Part]:
        """Sum up, in the order in which stages work."""
        counted = sorted(self._counted.items(), key=lambda item: _ORDER.index(item[0][0]))
        return [self._part(kind, model, sum_) for (kind, model), sum_ in counted]

    def _part(self, kind: StageKind, model: str, counted: _Sum) -> Part:
        billed, mean = self._prices.is_billed(model), self._means.get((kind, model))
        part = Part(kind=kind, model=model, stages=counted.stages, cost_usd=counted.total, billed=billed)
        if part.cost_usd is not None or not billed or mean is None:
            return part
        so_far = exact(mean * part.stages)
        return part.model_copy(update={"cost_usd": Dollars(low=so_far, high=so_far), "measured": True})

    def middle(self) -> dict[tuple[str, str], float]:
        """Return, for each kind and model, the geometric middle of what one stage may cost, in US dollars."""
        return {key: sum_.middle for key, sum_ in self._counted.items()}


def _longest(plan: Plan) -> int:
    return plan.config.writer_options.max_completion_tokens or plan.config.max_completion_tokens

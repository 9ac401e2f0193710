"""Everything an evaluation works with, put together: dataset, graphs, judge, store, limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fusion_graph.errors import ConfigError
from fusion_graph.evals.audit import Audit
from fusion_graph.evals.contamination import Auditor
from fusion_graph.evals.datasets import BUNDLED, load_dataset, stratified
from fusion_graph.evals.datasets.draco import DRACO
from fusion_graph.evals.eval_file import DatasetChoice, EvalFile, GradingChoice
from fusion_graph.evals.evaluator import Evaluator
from fusion_graph.evals.grading import GradingModel
from fusion_graph.evals.pacing import Lanes, Pace, Purse
from fusion_graph.evals.remote import RemoteThreads
from fusion_graph.evals.results import Grading
from fusion_graph.evals.schema import Dataset
from fusion_graph.evals.scorers import check_scorer
from fusion_graph.evals.stages.answers import Answers
from fusion_graph.evals.stages.desk import PATIENCE, Archive, Desk, Workshop
from fusion_graph.evals.stages.graphs import GraphStages, LocalThreads, Threads, fingerprint
from fusion_graph.evals.stages.questions import question_of
from fusion_graph.evals.stages.verdicts import Verdicts
from fusion_graph.evals.store import Store
from fusion_graph.http import close_http_client
from fusion_graph.kit import Kit
from fusion_graph.models import Models
from fusion_graph.prices import Prices
from fusion_graph.resources import Resources
from fusion_graph.seats import check, resolved

STORE_FILE = "store.sqlite"


@dataclass(frozen=True, slots=True)
class Bench:
    """An evaluation, ready to work.

    Attributes:
        file: The eval file.
        dataset: Its tasks.
        resources: The operator's side of the graphs in this process, and of the judge.
        store: What is done so far.
        pace: When stages may begin.
        workshop: Does stages.
        grading: How answers are graded.
        live: Does what is not there.
        stored: Only looks up.
        judged_by: Makes two such evaluators for another grading: the first one only grades, the second only looks up.
    """

    file: EvalFile
    dataset: Dataset
    resources: Resources
    store: Store
    pace: Pace
    workshop: Workshop
    grading: Grading
    live: Evaluator
    stored: Evaluator
    judged_by: Callable[[GradingChoice], tuple[Evaluator, Evaluator]]

    @property
    def judge(self) -> str | None:
        """The grading model; `None` where no model grades."""
        return self.grading.judge

    @property
    def judge_runs(self) -> int:
        """Independent judge runs wanted."""
        return self.grading.runs

    def graded_by(self, choice: GradingChoice) -> Bench:
        """Return a bench that grades the stored answers in another way, and makes none."""
        live, stored = self.judged_by(choice)
        grading = replace(self.file, grading=choice).graded_by(self.dataset)
        return replace(self, grading=grading, live=live, stored=stored)


async def load(choice: DatasetChoice) -> Dataset:
    """Load the tasks that an eval file asks for.

    Args:
        choice: Its section `dataset`.

    Returns:
        The dataset.

    Raises:
        ConfigError: It cannot be loaded, or its scorer cannot be used.
    """

    def read() -> Dataset:
        found = load_dataset(choice.path, scorer=choice.scorer, limit=choice.limit, domains=choice.domains)
        check_scorer(found.scorer)
        if choice.sample is not None and choice.sample > len(found.tasks):
            raise ConfigError(f"dataset.sample: {choice.sample} is more than the {len(found.tasks)} tasks there are")
        return found if choice.sample is None else stratified(found, choice.sample, choice.seed)

    return await asyncio.to_thread(read)


@asynccontextmanager
async def opened(
    file: EvalFile,
    folder: Path,
    *,
    resources: Resources | None = None,
    remote: str | None = None,
    on_change: Callable[[], None] = lambda: None,
    make: bool = True,
    patience: Sequence[float] = PATIENCE,
) -> AsyncIterator[Bench]:
    """Open an evaluation.

    Args:
        file: The eval file.
        folder: Where results are kept.
        resources: The operator's side; read from `FUSION_...` variables when unset.
        remote: Address of a LangGraph Server that runs the graphs; they run in this process when unset.
        on_change: Called after each stage.
        make: Whether a store is made if there is none.
        patience: Seconds after which a stage is tried again while a server is away; then the run is stopped.

    Yields:
        The evaluation. Nothing has been asked of any model yet.

    Raises:
        ConfigError: Dataset, store, protocol or a task's file is at fault.
    """
    resources = resources if resources is not None else Resources.from_env()
    dataset, tasks_folder = await load(file.dataset), _folder(file.dataset.path)
    await asyncio.to_thread(_check_tasks, file, dataset, tasks_folder)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(close_http_client)
        store = await stack.enter_async_context(await Store.open(folder / STORE_FILE, make=make))
        threads: Threads = (
            LocalThreads(resources) if remote is None else await stack.enter_async_context(RemoteThreads(remote))
        )
        place = {"remote": remote.rstrip("/")} if remote else await fingerprint(resources)
        pace = Pace(Lanes(file.limits.concurrency, file.limits.providers), await _purse(file, store), on_change)
        workshop, archive, graphs = Workshop(store, pace, patience), Archive(store), GraphStages(threads)
        audit, blocklist = Audit(await _auditor(file.dataset, dataset), store), file.blocklist(dataset)

        def evaluator(makes: Desk, grades: Desk, choice: GradingChoice) -> Evaluator:
            grader = _grader(dataset, choice, resources)
            verdicts = Verdicts(grades, grader, choice.runs) if grader else None
            answers = Answers(makes, graphs, place)
            return Evaluator(dataset, answers, verdicts, audit, blocklist=blocklist, folder=tasks_folder)

        yield Bench(
            file=file,
            dataset=dataset,
            resources=resources,
            store=store,
            pace=pace,
            workshop=workshop,
            grading=file.graded_by(dataset),
            live=evaluator(workshop, workshop, file.grading),
            stored=evaluator(archive, archive, file.grading),
            judged_by=lambda choice: (evaluator(archive, workshop, choice), evaluator(archive, archive, choice)),
        )


async def check_local(file: EvalFile, resources: Resources) -> None:
    """Make sure that every model, key, package and tool is there, before any money is spent.

    Args:
        file: The eval file.
        resources: The operator's side.

    Raises:
        ConfigError: Something is missing; the message names the entry and the fix.
    """
    kit = Kit(resources=resources)
    for plan in file.plans:
        try:
            await check(kit, plan.config, resolved(plan.config), writes=plan.way in ("fused", "freeform"))
        except ConfigError as error:
            raise type(error)(f"configurations.{plan.name}: {error}") from error


def _check_tasks(file: EvalFile, dataset: Dataset, folder: Path | None) -> None:
    for plan in file.plans:
        if plan.way == "self-consistency" and dataset.scorer.kind == "rubric":
            raise ConfigError(
                f"configurations.{plan.name}.control: 'self-consistency' counts equal answers, and long texts never "
                "are; use best-of-n for tasks with a rubric"
            )
    for task in dataset.tasks:
        question_of(task, folder)


async def _auditor(choice: DatasetChoice, dataset: Dataset) -> Auditor:
    """Make the auditor; it looks for the answers to all tasks, also to those that are not asked."""
    if (choice.limit, choice.sample, choice.domains) == (None, None, None):
        return await asyncio.to_thread(Auditor.of, dataset)
    whole = await load(DatasetChoice(path=choice.path, scorer=choice.scorer))
    return await asyncio.to_thread(Auditor.of, whole)


async def _purse(file: EvalFile, store: Store) -> Purse:
    spent = await store.spent()
    dearest = {key: most for key, (most, _) in (await store.costs()).items()}
    return Purse(file.limits.max_cost_usd, spent=spent.usd, at_least=spent.at_least, dearest=dearest)


def _grader(dataset: Dataset, choice: GradingChoice, resources: Resources) -> GradingModel | None:
    if dataset.scorer.kind != "rubric":
        return None
    models = Models(resources)
    grader = GradingModel(
        models,
        choice.judge,
        protocol=choice.protocol,
        temperature=choice.temperature,
        effort=choice.effort,
        prices=Prices(resources, models.environ),
    )
    models.get(choice.judge, grader.settings, asked_by="grading.judge")  # a missing key or package is said now
    return grader


def _folder(path: str) -> Path | None:
    return None if path in BUNDLED or path == DRACO else Path(path).expanduser().parent

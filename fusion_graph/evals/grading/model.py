"""A grading model: judges one criterion of one answer in one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from fusion_graph.config import Effort, Reasoning
from fusion_graph.evals.grading.asking import WAYS, Way, bound, message_in, read_reply, repair_request
from fusion_graph.evals.grading.errors import GradingError, NoVerdict
from fusion_graph.evals.grading.protocols import Protocol, Reply, protocol_of
from fusion_graph.evals.results import Grading, Verdict
from fusion_graph.evals.schema import Criterion
from fusion_graph.failures import Failure, classify
from fusion_graph.kit import part_config
from fusion_graph.meter import Meter, finish_reason
from fusion_graph.middleware.retry import with_retries
from fusion_graph.middleware.temperature import without_temperature
from fusion_graph.models import CallSettings, Models
from fusion_graph.prices import Prices
from fusion_graph.usage import Usage

GRADER = "grader"
"""The part under which its calls are counted and traced."""
JUDGE_MODEL = "google/gemini-3.1-pro-preview"
"""The judge of OpenRouter's DRACO runs, like the settings below."""
TEMPERATURE = 0.2
EFFORT: Effort = "low"
MAX_TOKENS = 4_096
"""Reasoning included; a verdict itself takes about a hundred."""


@dataclass(frozen=True, slots=True)
class Graded:
    """A verdict and what it took.

    Attributes:
        verdict: The verdict.
        usage: Tokens and cost of all calls that it took.
        calls: Model calls, failed ones included.
        served_model: The model that the provider says answered.
        temperature: The temperature asked for; `None` where the model takes none, or none was set.
        way: How the verdict was asked for.
    """

    verdict: Verdict
    usage: Usage
    calls: int
    served_model: str | None
    temperature: float | None
    way: Way


@dataclass(slots=True)
class _Learnt:
    """What the provider has refused so far, so that it is not asked for again."""

    ways: tuple[Way, ...] = WAYS
    takes_temperature: bool = True


class GradingModel:
    """Judges criteria by one protocol, with one model and its settings; may be used by many tasks at once.

    Args:
        models: Where the model comes from: gateway, keys, instances.
        name: The model's name, as in `FusionConfig`.
        protocol: The judging protocol's name.
        temperature: Sampling temperature; the provider's default when `None`.
        effort: Reasoning effort; the provider's default when `None`.
        max_tokens: Output tokens of one call, reasoning included.
        prices: Prices calls whose provider does not say what they cost.

    Raises:
        ConfigError: There is no such protocol.
    """

    def __init__(
        self,
        models: Models,
        name: str = JUDGE_MODEL,
        *,
        protocol: str = "openrouter",
        temperature: float | None = TEMPERATURE,
        effort: Effort | None = EFFORT,
        max_tokens: int | None = MAX_TOKENS,
        prices: Prices | None = None,
    ) -> None:
        self.models = models
        self.name = name
        self.protocol: Protocol = protocol_of(protocol)
        self.settings = CallSettings(max_tokens, temperature, Reasoning(effort=effort) if effort else None)
        self.prices = prices
        self.learnt = _Learnt()

    def grading(self, runs: int) -> Grading:
        """Return the record of how answers are graded.

        Args:
            runs: Independent judge runs wanted.

        Returns:
            The record.
        """
        effort = self.settings.reasoning.effort if self.settings.reasoning else None
        return Grading(
            scorer="rubric",
            protocol=self.protocol.name,
            judge=self.name,
            runs=runs,
            temperature=self.settings.temperature,
            effort=effort,
        )

    async def grade(
        self, task_input: str, answer: str, criterion: Criterion, run: int, config: RunnableConfig | None = None
    ) -> Graded:
        """Judge one criterion of one answer in one independent run.

        The model sees neither the weight nor another criterion. What can heal is tried three times in all, and a reply
        that cannot be read is asked for once more.

        Args:
            task_input: What was asked.
            answer: The answer.
            criterion: The criterion.
            run: Which judge run, from 0.
            config: Callbacks, tags and metadata for tracing.

        Returns:
            The verdict and what it took.

        Raises:
            GradingError: There is no verdict.
            ConfigError: The model has no known form, or its key or package is missing.
        """
        model = self.models.get(self.name, self.settings, asked_by="the grading model")
        if self.prices is not None:
            await self.prices.prepare([self.name], limited=False)
        meter = Meter(self.prices.price if self.prices is not None else None)
        own = part_config(config or {}, GRADER, meter, deeper=False, criterion_id=criterion.id, judge_run=run)
        attempt = _Attempt(self, model, meter, own)
        reply, way = await attempt.reply(self.protocol.messages(task_input, answer, criterion, run))
        last = meter.last()
        return Graded(
            verdict=Verdict(criterion_id=criterion.id, run=run, met=reply.met, justification=reply.why),
            usage=meter.usage(),
            calls=meter.count(),
            served_model=last.served_model if last else None,
            temperature=self.settings.temperature if self.learnt.takes_temperature else None,
            way=way,
        )


@dataclass(slots=True)
class _Attempt:
    """The calls for one verdict."""

    grader: GradingModel
    model: BaseChatModel
    meter: Meter
    config: RunnableConfig

    async def reply(self, messages: list[BaseMessage]) -> tuple[Reply, Way]:
        message, way = await self._asked(messages)
        try:
            return self._read(message), way
        except ValueError as error:
            said = [message] if str(message.text).strip() and not message.tool_calls else []
            again = HumanMessage(repair_request(str(error), self.grader.protocol.reply))
        message, way = await self._asked([*messages, *said, again])
        try:
            return self._read(message), way
        except ValueError as error:
            raise self._error(f"its reply holds no verdict: {error}", "unreadable") from error

    def _read(self, message: AIMessage) -> Reply:
        ended = finish_reason(message)
        if message.additional_kwargs.get("refusal") or ended == "content_filter":
            raise self._error("it refused to judge", "refused")
        try:
            return cast("Reply", read_reply(message, self.grader.protocol.reply))
        except ValueError as error:
            if ended == "length":
                limit = self.grader.settings.max_tokens
                raise self._error(f"its reply was cut off at {limit} tokens; raise max_tokens", "cut") from error
            raise

    async def _asked(self, messages: list[BaseMessage]) -> tuple[AIMessage, Way]:
        ways = self.grader.learnt.ways
        for way in ways:
            try:
                message = await self._with_or_without_temperature(messages, way)
            except Exception as error:
                failure = classify(error)
                if way != "prompted" and (failure.kind == "invalid_request" or isinstance(error, NotImplementedError)):
                    continue
                raise self._error(failure.message, "upstream", failure) from error
            self.grader.learnt.ways = ways[ways.index(way) :]
            return message, way
        raise AssertionError("the last way either returns or raises")

    async def _with_or_without_temperature(self, messages: list[BaseMessage], way: Way) -> AIMessage:
        if self.grader.learnt.takes_temperature:
            try:
                return await self._call(self.model, messages, way)
            except Exception as error:
                failure = classify(error)
                if failure.kind != "invalid_request" or "temperature" not in failure.message.lower():
                    raise
            self.grader.learnt.takes_temperature = False
        return await self._call(without_temperature(self.model), messages, way)

    async def _call(self, model: BaseChatModel, messages: list[BaseMessage], way: Way) -> AIMessage:
        asked = bound(model, self.grader.protocol.reply, way)
        return message_in(await with_retries(lambda: asked.ainvoke(messages, self.config)))

    def _error(self, what: str, reason: NoVerdict, failure: Failure | None = None) -> GradingError:
        usage, calls = self.meter.usage(), self.meter.count()
        return GradingError(f"the grading model {self.grader.name!r}: {what}", reason, failure, usage, calls)

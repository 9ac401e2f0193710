"""A chat model that lends another one tool calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage, merge_message_runs
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.constants import TAG_NOSTREAM
from pydantic import Field

from fusion_graph.constrained_tools.question import Question, menu, next_step_schema, offered
from fusion_graph.constrained_tools.replies import cut_reply, cut_short, first_chunk, next_chunk, with_usage
from fusion_graph.constrained_tools.turns import calls_of_this_turn, plain_turns

_QUIET: RunnableConfig = {"callbacks": [], "tags": [TAG_NOSTREAM]}
_ANSWER_NOW = "Now answer in plain text. Use what the tools gave above; no tool can be called any more."


@dataclass(frozen=True, slots=True)
class _Plan:
    """One call split in two: the question, if any, and what the answer is made from."""

    question: Question | None
    history: list[BaseMessage]
    settings: dict[str, Any]


class ConstrainedToolModel(BaseChatModel):
    """A chat model whose tool calls are written under a JSON schema by another chat model.

    It takes one extra call per turn while tools are bound; the usage of both is added up, and is unknown
    where one of them is. A reply that does not fit falls back to an answer in free text. In `auto` a call
    that only repeats an earlier one of the same turn counts as the wish to answer: weak models loop.

    Attributes:
        inner: The model that does the work; it must honour `response_format` with a JSON schema.
        max_calls: Tool calls in one turn of the user; then the model must answer.
        max_text: Characters of a string argument at most.
        max_items: Items of a list argument at most.
        decision_tokens: Output tokens of the call that chooses.
    """

    inner: BaseChatModel
    max_calls: int = Field(16, ge=1)
    max_text: int = Field(500, ge=1)
    max_items: int = Field(8, ge=1)
    decision_tokens: int = Field(1024, ge=1)

    @property
    def model_name(self) -> str:
        """The inner model's name."""
        return str(getattr(self.inner, "model_name", None) or getattr(self.inner, "model", "") or "")

    @property
    def _llm_type(self) -> str:
        return "constrained-tools"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"model_name": self.model_name}

    def _resolve_model_profile(self) -> ModelProfile:
        return ModelProfile(**{**(self.inner.profile or {}), "tool_calling": True})

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: Any = None,
        strict: bool | None = None,  # noqa: ARG002
        parallel_tool_calls: bool | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools to the model.

        Args:
            tools: Tools in any of LangChain's forms.
            tool_choice: `auto` lets it answer instead; `any`, `required` or a tool's name does not; `none`
                offers nothing.
            strict: Accepted for LangChain's sake; arguments are always constrained.
            parallel_tool_calls: Accepted for LangChain's sake; there is always one call at a time.
            **kwargs: Passed on to the inner model, `response_format` for its answers alone.

        Returns:
            This model with the tools bound.
        """
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], tool_choice=tool_choice, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        plan = self._plan(messages, stop, kwargs)
        decided = self._decide(plan.question)
        if decided is None or not decided.tool_calls:
            decided = with_usage(self.inner.invoke(plan.history, _QUIET, **plan.settings), decided)
        return ChatResult(generations=[ChatGeneration(message=decided)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        plan = self._plan(messages, stop, kwargs)
        decided = await self._adecide(plan.question)
        if decided is None or not decided.tool_calls:
            decided = with_usage(await self.inner.ainvoke(plan.history, _QUIET, **plan.settings), decided)
        return ChatResult(generations=[ChatGeneration(message=decided)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        plan = self._plan(messages, stop, kwargs)
        decided = self._decide(plan.question)
        if decided is not None:
            yield first_chunk(decided)
            if decided.tool_calls:
                return
        for chunk in self.inner.stream(plan.history, _QUIET, **plan.settings):
            yield next_chunk(chunk, decided)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        plan = self._plan(messages, stop, kwargs)
        decided = await self._adecide(plan.question)
        if decided is not None:
            yield first_chunk(decided)
            if decided.tool_calls:
                return
        async for chunk in self.inner.astream(plan.history, _QUIET, **plan.settings):
            yield next_chunk(chunk, decided)

    def _plan(self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]) -> _Plan:
        """Split a call in two: the question which tool comes next, if any may, and the answer."""
        tools = [tool["function"] for tool in kwargs.pop("tools", None) or []]
        options, forced = offered(tools, kwargs.pop("tool_choice", None))
        done = calls_of_this_turn(messages)
        history = plain_turns(messages)
        closing = [HumanMessage(_ANSWER_NOW)] if tools and isinstance(messages[-1], ToolMessage) else []
        answer = merge_message_runs([*history, *closing])
        if not options or (len(done) >= self.max_calls and not forced):
            return _Plan(None, answer, {**kwargs, "stop": stop})
        question = Question(
            messages=merge_message_runs([*history, HumanMessage(menu(options, forced))]),
            schema=next_step_schema(options, forced, self.max_text, self.max_items),
            options=options,
            refused=[] if forced else done,
            settings={**kwargs, "max_tokens": self.decision_tokens},
        )
        return _Plan(question, answer, {**kwargs, "stop": stop})

    def _decide(self, question: Question | None) -> AIMessage | None:
        if question is None:
            return None
        try:
            reply = self.inner.invoke(question.messages, _QUIET, **question.keywords)
        except cut_short() as error:
            reply = cut_reply(error)
        return question.read(reply)

    async def _adecide(self, question: Question | None) -> AIMessage | None:
        if question is None:
            return None
        try:
            reply = await self.inner.ainvoke(question.messages, _QUIET, **question.keywords)
        except cut_short() as error:
            reply = cut_reply(error)
        return question.read(reply)

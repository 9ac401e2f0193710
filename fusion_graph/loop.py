"""The loop of model and tools that a seat or the judge runs: compiled once, used by every run.

`create_agent` compiles a graph, and LangChain takes every middleware around a model through two threads a call, traced
or not; together that is over a third of a run's CPU. So what differs from run to run - model, prompt, tools, middleware
- is not compiled in: it comes with the run. The model that is compiled in makes each turn with what the run brought.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain.agents.middleware.types import ToolCallRequest
from langchain.agents.structured_output import ProviderStrategy
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from fusion_graph.nested import within
from fusion_graph.tools.result import SourcedTool

LOOPS_HELD = 256
"""Compiled loops that are held for one graph; seats may have any name, so the least used are let go."""
_NAMESPACE = "langgraph_checkpoint_ns"
"""Where LangGraph's streams read from which graph a message comes."""

Agent = CompiledStateGraph[Any, Any, Any, Any]
Middleware = AgentMiddleware[Any, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """What one run brings to a loop.

    Attributes:
        name: Seat id or `judge`; the loop's name in traces, and that of its messages.
        model: The chat model.
        prompt: The system prompt.
        tools: The run's own tools, with their own counts.
        middleware: What stands around the calls, the outermost first; each returns what LangChain's handlers return.
    """

    name: str
    model: BaseChatModel
    prompt: str
    tools: Sequence[BaseTool | dict[str, Any]]
    middleware: Sequence[Middleware]

    def named_tools(self) -> dict[str, BaseTool]:
        """Return the tools that are run here, by name; a gateway runs its own."""
        return {tool.name: tool for tool in self.tools if isinstance(tool, BaseTool)}


_WORK: ContextVar[Work] = ContextVar("fusion_work")
"""What the surrounding loop works on. Not the graph's context, which tools of the operator may read."""


class Loops:
    """The compiled loops of one graph, by the names of their part and its tools."""

    def __init__(self) -> None:
        self._compiled: OrderedDict[tuple[str, ...], Agent] = OrderedDict()

    async def run(self, work: Work, messages: Sequence[AnyMessage], config: RunnableConfig) -> list[AnyMessage]:
        """Let a model and its tools work until the model answers.

        Args:
            work: Who works, and with what.
            messages: The conversation.
            config: The config of the part's own run, as `part_config` gives it.

        Returns:
            The conversation, with what was said and looked up.

        Raises:
            Exception: What a model or a provider raised, past the run's middleware.
        """
        agent = self._agent(work)

        async def call(own: RunnableConfig) -> list[AnyMessage]:
            _WORK.set(work)  # in the context of this one task
            result = await agent.ainvoke({"messages": list(messages)}, own)
            return list(result["messages"])

        return await within(config, call)

    def _agent(self, work: Work) -> Agent:
        tools = work.named_tools()
        key = (work.name, *tools)
        if key not in self._compiled:
            named = [_signature(tool) for tool in tools.values()]
            self._compiled[key] = create_agent(_ModelOfTheRun(), named, middleware=[_ToolsOfTheRun()], name=work.name)
        self._compiled.move_to_end(key)
        while len(self._compiled) > LOOPS_HELD:
            self._compiled.popitem(last=False)
        return self._compiled[key]


def _signature(tool: BaseTool) -> BaseTool:
    """Keep of our own tools what they are called and what they take: the rest holds what one run has seen."""
    return tool.model_copy(update={"coroutine": None}) if type(tool) is SourcedTool else tool


class _ModelOfTheRun(BaseChatModel):
    """Makes each turn with the run's own model, prompt, tools and middleware; it is itself no call, and not traced."""

    @property
    def _llm_type(self) -> str:
        return "fusion-run"

    def bind(self, **_: Any) -> Any:
        """Take no settings: the run's own are bound to its own model."""
        return self

    def bind_tools(self, *_: Any, **__: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """Take no tools: the run's own are bound to its own model."""
        return self

    async def ainvoke(self, input: LanguageModelInput, *_: Any, **__: Any) -> AIMessage:  # noqa: A002
        """Make a turn."""
        return await _turn(_WORK.get(), cast("list[AnyMessage]", list(input)))

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError("seats and judge are run asynchronously")


async def single_turn(work: Work, messages: Sequence[AnyMessage], config: RunnableConfig) -> AIMessage:
    """Let a model without tools answer; takes and raises what `Loops.run` does.

    What it says streams from a namespace below the node's, as a sub-agent's does: not among the graph's own messages.

    Returns:
        What was said.
    """
    facts = config.get("metadata") or {}
    below = f"{facts.get(_NAMESPACE, work.name)}|model"
    own: RunnableConfig = {**config, "metadata": {**facts, _NAMESPACE: below}}
    # Its surroundings are its config: a model with settings bound to it would merge another one's callbacks as a set.
    return await within(own, lambda _: _turn(work, list(messages)))


async def _turn(work: Work, messages: list[AnyMessage]) -> AIMessage:
    handler = _call
    for layer in reversed(work.middleware):
        if type(layer).awrap_model_call is not AgentMiddleware.awrap_model_call:
            handler = partial(layer.awrap_model_call, handler=handler)
    request: ModelRequest[Any] = ModelRequest(
        model=work.model, messages=messages, system_message=SystemMessage(work.prompt), tools=list(work.tools)
    )
    (message,) = (await handler(request)).result
    return cast("AIMessage", message)


async def _call(request: ModelRequest[Any]) -> ModelResponse[Any]:
    """Ask a model what a request says."""
    system = [request.system_message] if request.system_message is not None else []
    return ModelResponse(result=[await _bound(request).ainvoke([*system, *request.messages])])


def _bound(request: ModelRequest[Any]) -> Runnable[LanguageModelInput, AIMessage]:
    """Bind what LangChain's own agent would: a schema takes the place of a tool choice."""
    model, tools, settings = request.model, request.tools, request.model_settings
    if isinstance(request.response_format, ProviderStrategy):
        return model.bind_tools(tools, **{**request.response_format.to_model_kwargs(), **settings})
    if tools:
        return model.bind_tools(tools, tool_choice=request.tool_choice, **settings)
    return model.bind(**settings) if settings else model


class _ToolsOfTheRun(AgentMiddleware[Any, Any]):
    """Puts the run's own tools and middleware in the place of those that were compiled in."""

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Run a tool; for a name that no tool has, LangGraph answers with those that there are."""
        work = _WORK.get()
        for layer in reversed(work.middleware):
            if type(layer).awrap_tool_call is not AgentMiddleware.awrap_tool_call:
                handler = partial(layer.awrap_tool_call, handler=handler)
        tool = work.named_tools().get(request.tool_call["name"])
        return await handler(request if tool is None else request.override(tool=tool))

"""How the judge is asked for its analysis: from the strictest way to the most patient one.

1. `native`: the provider is given the JSON schema.
2. `tool`: where it knows no schemas, the model hands the analysis in as a tool call.
3. `prompted`: where it knows no tools either, the prompt alone asks for JSON.
4. `repaired`: whatever came back was no analysis; it is told what was wrong, once.

A provider that refuses a way costs a step down; an answer that is no analysis costs the one repair.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain.agents.structured_output import ProviderStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.errors import GraphBubbleUp
from pydantic import ValidationError

from fusion_graph.analysis import JudgedAnalysis, JudgeFailure
from fusion_graph.failures import Failure, classify
from fusion_graph.loop import Loops, Work, single_turn
from fusion_graph.receipt import Rung

SUBMIT = "submit_analysis"
_LOOP = "comparison"
"""The name of a judge's run with tools."""
_THINK, _THOUGHT = "<think>", "</think>"
_LONGEST = 1_000_000
"""Characters; an analysis within its limits is shorter, and what is longer is not read at all."""
_MOST_OBJECTS = 200
"""Objects looked at in one answer; what opens more braces than that is no analysis with prose around it."""
_WAYS: tuple[Literal["native", "tool", "prompted"], ...] = ("native", "tool", "prompted")


@dataclass(slots=True)
class Verdict:
    """What the ladder led to.

    Attributes:
        analysis: What the judge found, or `None`.
        rung: Which way worked, if one did.
        reason: Why there is no analysis, in OpenRouter's codes.
        detail: The same in words.
        failure: What the provider raised, if that was it.
        messages: Everything that was said and looked up on the way.
    """

    analysis: JudgedAnalysis | None = None
    rung: Rung | None = None
    reason: JudgeFailure | None = None
    detail: str = ""
    failure: Failure | None = None
    messages: list[AnyMessage] = field(default_factory=list)


@dataclass(slots=True)
class Ladder:
    """Asks one judge about one prompt.

    Attributes:
        loops: Runs the loops of a judge with tools.
        model: The judge.
        tools: Its web tools.
        system: The system prompt.
        prompt: The drafts block and the judge's instructions.
        repair: Renders the repair prompt from what was wrong.
        middleware: Makes the middleware of a loop anew; it is given the names of tools that stay to the end.
        config: The config of the judge's runs.
    """

    loops: Loops
    model: BaseChatModel
    tools: Sequence[BaseTool | dict[str, Any]]
    system: str
    prompt: str
    repair: Callable[[str], str]
    middleware: Callable[[Sequence[str]], list[AgentMiddleware[Any, Any]]]
    config: RunnableConfig

    async def climb(self) -> Verdict:
        """Ask until there is an analysis or the ladder ends.

        Returns:
            The verdict; it never raises for what a model or a provider did.
        """
        verdict = Verdict()
        for way in _WAYS:
            try:
                messages = await self._loop(way)
            except GraphBubbleUp:
                raise
            except Exception as error:  # noqa: BLE001 - typed here: the run goes on without an analysis
                verdict.failure = classify(error)
                if _unsupported(error, verdict.failure) and way != "prompted":
                    continue
                return _given_up(verdict, "judge_upstream_error", verdict.failure.message)
            verdict.failure = None
            verdict.messages = messages
            return await self._read(verdict, way)
        raise AssertionError("the last way either returns or gives up")

    async def _read(self, verdict: Verdict, rung: Rung) -> Verdict:
        """Read an answer; if it is no analysis, ask for one repair."""
        reason, detail = self._understand(verdict, rung)
        if reason is None or rung == "repaired":
            return verdict if reason is None else _given_up(verdict, reason, detail)
        try:
            verdict.messages = [*verdict.messages, *await self._repaired(verdict.messages, detail)]
        except GraphBubbleUp:
            raise
        except Exception as error:  # noqa: BLE001 - typed here: the run goes on without an analysis
            verdict.failure = classify(error)
            return _given_up(verdict, "judge_upstream_error", verdict.failure.message)
        return await self._read(verdict, "repaired")

    def _understand(self, verdict: Verdict, rung: Rung) -> tuple[JudgeFailure | None, str]:
        answer = next((m for m in reversed(verdict.messages) if isinstance(m, AIMessage)), None)
        if answer is None:
            return "judge_empty_completion", "nothing was written"
        handed_in = next((call["args"] for call in answer.tool_calls if call["name"] == SUBMIT), None)
        if handed_in is None and not str(answer.text).strip():
            return "judge_empty_completion", "nothing was written"
        try:
            found = handed_in if handed_in is not None else read_json(str(answer.text))
            verdict.analysis = JudgedAnalysis.model_validate(found)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
            return (
                "judge_schema_mismatch",
                f"{'.'.join(map(str, fault['loc'])) or 'the object'}: {fault['msg']}",
            )
        except ValueError as error:
            return "judge_not_valid_json", str(error)
        verdict.rung = rung if handed_in is not None or rung != "tool" else "prompted"
        return None, ""

    async def _loop(self, way: Literal["native", "tool", "prompted"]) -> list[AnyMessage]:
        tools = [*self.tools, _submit_tool()] if way == "tool" else list(self.tools)
        middleware = self.middleware([SUBMIT] if way == "tool" else [])
        if way == "native":
            middleware = [*middleware, NativeSchema()]
        return await self._ask([HumanMessage(self.prompt)], tools, middleware)

    async def _repaired(self, so_far: Sequence[AnyMessage], fault: str) -> list[AnyMessage]:
        said = next((str(m.text) for m in reversed(so_far) if isinstance(m, AIMessage)), "").strip()
        answer = [AIMessage(said)] if said else []
        messages: list[AnyMessage] = [HumanMessage(self.prompt), *answer, HumanMessage(self.repair(fault))]
        return await self._ask(messages, [], self.middleware([]))

    async def _ask(
        self,
        messages: list[AnyMessage],
        tools: Sequence[BaseTool | dict[str, Any]],
        middleware: Sequence[AgentMiddleware[Any, Any]],
    ) -> list[AnyMessage]:
        work = Work("judge", self.model, self.system, tools, middleware)
        if not tools:
            return [await single_turn(work, messages, self.config)]
        # A run of the node's own name would be taken for the node, and its prompt streamed as a message of the graph.
        own: RunnableConfig = {**self.config, "run_name": _LOOP}
        return (await self.loops.run(work, messages, own))[len(messages) :]


@cache
def _strategy() -> ProviderStrategy[JudgedAnalysis]:
    return ProviderStrategy(schema=JudgedAnalysis)


class NativeSchema(AgentMiddleware[Any, Any]):
    """Gives the provider the schema, and takes whatever text comes back: the ladder reads it."""

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Call the model with the schema bound in its provider's own way."""
        strategy = _strategy()
        if _is_openai_like(request.model):
            # Sent as part of the body: the SDK's own parsing would raise away what a cut or invalid answer holds.
            body = {**(getattr(request.model, "extra_body", None) or {}), **strategy.to_model_kwargs()}
            return await handler(request.override(model_settings={**request.model_settings, "extra_body": body}))
        return await handler(request.override(response_format=strategy))


def read_json(text: str) -> Any:
    """Find the JSON object in a model's answer.

    Args:
        text: The answer; prose, a code fence or other objects around the object are tolerated.

    Returns:
        The object; of several, the one most like an analysis.

    Raises:
        ValueError: There is none.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST:,} characters")
    found, fault = _objects(_without_thoughts(text))
    likeness = [len(JudgedAnalysis.model_fields.keys() & entry.keys()) for entry in found]
    if not found or (fault and not any(likeness)):
        raise ValueError(fault or "there is no JSON object in it")
    return found[likeness.index(max(likeness))]


def _without_thoughts(text: str) -> str:
    """Leave out what open models think aloud, with braces of its own."""
    said, at = "", 0
    while (start := text.find(_THINK, at)) >= 0 and (end := text.find(_THOUGHT, start)) >= 0:
        said, at = said + text[at:start], end + len(_THOUGHT)
    return said + text[at:]


def _objects(text: str) -> tuple[list[dict[str, Any]], str]:
    """Read every outermost object in a text, and say what is wrong with the longest that cannot be read."""
    decoder = json.JSONDecoder(strict=False)
    found: list[dict[str, Any]] = []
    fault, longest, at = "", -1, text.find("{")
    for _ in range(_MOST_OBJECTS):
        if at < 0:
            break
        try:
            entry, end = decoder.raw_decode(text, at)
            found.append(entry)
        except json.JSONDecodeError as error:
            end = max(error.pos, at + 1)
            if end - at > longest:
                fault, longest = f"it is not valid JSON: {error}", end - at
        except RecursionError:
            return found, "it is not valid JSON: it is nested too deeply"
        at = text.find("{", end)
    return found, fault


@cache
def schema_text() -> str:
    """Render the analysis's JSON schema for a prompt."""
    return json.dumps(JudgedAnalysis.model_json_schema(), indent=1)


def _submit_tool() -> BaseTool:
    def submit(**analysis: Any) -> str:
        return json.dumps(sorted(analysis))

    return StructuredTool.from_function(
        submit,
        name=SUBMIT,
        description="Hand in the finished comparison.",
        args_schema=JudgedAnalysis,
        return_direct=True,
    )


def _is_openai_like(model: BaseChatModel) -> bool:
    names = {cls.__name__ for cls in type(model).__mro__}
    return "BaseChatOpenAI" in names and not getattr(model, "use_responses_api", False)


def _unsupported(error: Exception, failure: Failure) -> bool:
    return failure.kind == "invalid_request" or isinstance(error, NotImplementedError)


def _given_up(verdict: Verdict, reason: JudgeFailure, detail: str) -> Verdict:
    verdict.analysis, verdict.rung, verdict.reason, verdict.detail = None, None, reason, detail
    return verdict

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.language_models import FakeMessagesListChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import Field

from fusion_graph import loop
from fusion_graph.ladder import NativeSchema
from fusion_graph.loop import Loops, Work
from fusion_graph.middleware.step_limit import StepLimit
from fusion_graph.testing import Text, ToolCall, chat_model
from fusion_graph.tools.result import SourcedTool, sources_artifact


def counting(seen: Counter[str], run: str) -> BaseTool:
    """A tool that belongs to one run and counts there."""

    async def look(query: str) -> tuple[str, dict[str, object]]:
        """Look something up."""
        seen[run] += 1
        await asyncio.sleep(0.05)
        return f"{query} in {run}", sources_artifact([])

    return SourcedTool.from_function(coroutine=look, name="look", response_format="content_and_artifact")


def work(server, name: str, prompt: str, tools: list[BaseTool]) -> Work:
    """What a run brings."""
    limit = StepLimit(4, withdrawal={"tools": [], "tool_choice": None}, last_turn="Write.")
    return Work(name, chat_model(server, "acme/alpha"), prompt, tools, [limit])


async def test_runs_side_by_side_share_a_loop_and_keep_prompt_and_tools_to_themselves(server):
    server.on("acme/alpha", ToolCall("look", {"query": "a"}), ToolCall("look", {"query": "a"}), Text("x"), Text("x"))
    loops, seen = Loops(), Counter[str]()
    runs = [work(server, "seat-1", f"You are {run}.", [counting(seen, run)]) for run in ("first", "second")]
    told = await asyncio.gather(*[loops.run(one, [HumanMessage("Look.")], {}) for one in runs])
    assert seen == {"first": 1, "second": 1}
    assert [messages[2].content for messages in told] == ["a in first", "a in second"]
    prompts = Counter(call.body["messages"][0]["content"] for call in server.calls)
    assert prompts == {"You are first.": 2, "You are second.": 2}
    assert len(loops._compiled) == 1


async def test_a_loop_holds_nothing_of_the_run_it_was_compiled_for(server):
    server.on("acme/alpha", Text("x"))
    loops, tool = Loops(), counting(Counter(), "first")
    await loops.run(work(server, "seat-1", "p", [tool]), [HumanMessage("Look.")], {})
    (agent,) = loops._compiled.values()
    assert agent.nodes["tools"].bound.tools_by_name["look"].coroutine is None
    assert tool.coroutine is not None


async def test_a_tool_that_the_run_does_not_have_is_answered_with_those_it_has(server):
    server.on("acme/alpha", ToolCall("fly", {}), Text("Done."))
    tool = counting(Counter(), "first")
    said = await Loops().run(work(server, "seat-1", "p", [tool]), [HumanMessage("Look.")], {})
    assert "fly is not a valid tool, try one of [look]" in said[2].content
    assert said[-1].content == "Done."


async def test_no_more_loops_are_held_than_allowed_and_the_least_used_go(server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loop, "LOOPS_HELD", 2)
    server.on("acme/alpha", Text("x"))
    loops = Loops()
    for name in ("a", "b", "a", "c"):
        await loops.run(work(server, name, "p", []), [HumanMessage("Hi.")], {})
    assert list(loops._compiled) == [("a",), ("c",)]


class Recording(FakeMessagesListChatModel):
    """A model whose provider has a way of its own with schemas."""

    bound: dict[str, Any] = Field(default_factory=dict)

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        self.bound.update(kwargs)
        return self


async def test_a_schema_reaches_any_provider_and_what_it_answers_is_left_to_be_read_later():
    model = Recording(responses=[AIMessage("No object at all.")])
    said = await Loops().run(Work("judge", model, "p", [], [NativeSchema()]), [HumanMessage("Compare.")], {})
    assert model.bound["response_format"]["json_schema"]["name"] == "JudgedAnalysis"
    assert (said[-1].content, said[-1].name) == ("No object at all.", "judge")


class Answering(FakeMessagesListChatModel):
    """A model that is asynchronous all through."""

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return self._generate(*args, **kwargs)


async def test_a_turn_takes_no_thread(monkeypatch: pytest.MonkeyPatch):
    taken: list[Any] = []
    monkeypatch.setattr(asyncio.get_running_loop(), "run_in_executor", lambda *call: taken.append(call))
    limit = StepLimit(4, withdrawal={}, last_turn="Write.")
    one = Work("seat-1", Answering(responses=[AIMessage("x")]), "p", [], [limit])
    assert (await Loops().run(one, [HumanMessage("Hi.")], {}))[-1].content == "x"
    assert taken == []

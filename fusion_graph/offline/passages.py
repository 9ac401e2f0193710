"""What a seat has before it: the question, and what its own tool calls brought back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from fusion_graph.fence import unfence

SEARCH_TOOL = "web_search"
FETCH_TOOL = "web_fetch"
_FENCES = {SEARCH_TOOL: "search_result", FETCH_TOOL: "web_page"}


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a source that a tool returned."""

    text: str
    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Desk:
    """A seat's state, read from its messages.

    Attributes:
        question: What was asked.
        steps: Tools called in each step so far.
        passages: What the tools returned, whole pages before search results.
    """

    question: str
    steps: tuple[tuple[str, ...], ...]
    passages: tuple[Passage, ...]


def desk(messages: Sequence[BaseMessage]) -> Desk:
    """Read a seat's messages.

    Args:
        messages: The conversation, the seat's own tool calls and their results included. A human message
            right after a tool's result (a reminder to answer, say) is not a question.

    Returns:
        Where the seat stands.
    """
    asked = _question_index(messages)
    question = messages[asked].text if asked is not None else ""
    since = messages[asked + 1 :] if asked is not None else []
    steps = tuple(_called(message) for message in since if isinstance(message, AIMessage) and message.tool_calls)
    found = [passage for tool in (FETCH_TOOL, SEARCH_TOOL) for passage in _returned(since, tool)]
    return Desk(str(question), steps, tuple(found))


def _question_index(messages: Sequence[BaseMessage]) -> int | None:
    for at in range(len(messages) - 1, -1, -1):
        follows_tool = at > 0 and isinstance(messages[at - 1], ToolMessage)
        if isinstance(messages[at], HumanMessage) and not follows_tool:
            return at
    return None


def _called(message: AIMessage) -> tuple[str, ...]:
    return tuple(call["name"] for call in message.tool_calls)


def _returned(messages: Sequence[BaseMessage], tool: str) -> list[Passage]:
    """Read one tool's results, told apart by the call they answer: a page cannot pose as a search result."""
    calls = {
        call["id"]
        for message in messages
        if isinstance(message, AIMessage)
        for call in message.tool_calls
        if call["name"] == tool
    }
    return [
        Passage(block.text, block.attributes["url"], block.attributes.get("title", ""))
        for message in messages
        if isinstance(message, ToolMessage) and message.tool_call_id in calls and message.status != "error"
        for block in unfence(str(message.text), _FENCES[tool])
        if block.attributes.get("url")
    ]

"""An extractive seat: it searches with the panel's real tools, reads one page and quotes sentences."""

from __future__ import annotations

from collections.abc import Sequence, Set

from langchain_core.messages import BaseMessage, ToolCall

from fusion_graph.offline.passages import FETCH_TOOL, SEARCH_TOOL, Desk, desk
from fusion_graph.offline.quotes import Quote, draft_of
from fusion_graph.offline.ranking import candidates
from fusion_graph.offline.strategies import STRATEGIES, Strategy


def take_turn(name: str, messages: Sequence[BaseMessage], tools: Set[str]) -> str | list[ToolCall]:
    """Take a seat's next turn.

    Args:
        name: The seat's strategy: `question`, `terms` or `figures`.
        messages: Its conversation so far.
        tools: Names of the tools it may call now.

    Returns:
        The tool calls of the next step, or the draft.
    """
    strategy, here = STRATEGIES[name], desk(messages)
    if not here.steps and SEARCH_TOOL in tools:
        calls = [("query", query) for query in strategy.queries(here.question)]
        if calls:
            return _calls(name, here, SEARCH_TOOL, calls)
    chosen = _chosen(strategy, here)
    if chosen and FETCH_TOOL in tools and not any(FETCH_TOOL in step for step in here.steps):
        return _calls(name, here, FETCH_TOOL, [("url", chosen[0].url)])
    return draft_of(chosen)


def _chosen(strategy: Strategy, here: Desk) -> list[Quote]:
    return strategy.choose(candidates(here.passages), here.question)


def _calls(name: str, here: Desk, tool: str, arguments: Sequence[tuple[str, str]]) -> list[ToolCall]:
    step = len(here.steps) + 1
    return [
        ToolCall(name=tool, args={key: value}, id=f"offline-{name}-{step}-{number}", type="tool_call")
        for number, (key, value) in enumerate(arguments, start=1)
    ]

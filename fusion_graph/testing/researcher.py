"""A scripted model that behaves like a researching one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fusion_graph.testing.calls import ReceivedCall
from fusion_graph.testing.replies import Reply, Text, ToolCall, Usage


@dataclass(frozen=True, slots=True)
class Researcher:
    """Searches once per query while its tool is on offer, then answers.

    It reads the request alone, so that one model can sit in several seats at once. Where the tool is not
    offered, or `tool_choice` is `none`, it answers at once with what it has.

    Attributes:
        queries: The searches, one a step.
        answer: The answer, or a function of the tool results so far.
        tool: The tool it searches with.
        argument: The tool's argument that takes the query.
        delay: Seconds before the first byte of every reply.
        chunk_delay: Seconds before each further chunk of a stream.
        usage: The usage of every reply.
    """

    queries: Sequence[str]
    answer: str | Callable[[list[str]], str]
    tool: str = field(default="web_search", kw_only=True)
    argument: str = field(default="query", kw_only=True)
    delay: float = field(default=0.0, kw_only=True)
    chunk_delay: float = field(default=0.0, kw_only=True)
    usage: Usage | None = field(default_factory=Usage, kw_only=True)

    def __call__(self, call: ReceivedCall) -> Reply:
        """Return the next step.

        Args:
            call: The received call.

        Returns:
            The next search, or the answer.
        """
        results = call.tool_results
        offered = self.tool in call.tool_names and call.asks("tool_choice") != "none"
        if offered and len(results) < len(self.queries):
            query = {self.argument: self.queries[len(results)]}
            return ToolCall(self.tool, query, delay=self.delay, chunk_delay=self.chunk_delay, usage=self.usage)
        answer = self.answer if isinstance(self.answer, str) else self.answer(results)
        return Text(answer, delay=self.delay, chunk_delay=self.chunk_delay, usage=self.usage)

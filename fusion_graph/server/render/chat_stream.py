"""A run as the chunks of a chat completion, as it goes on."""

from __future__ import annotations

from typing import Any, Literal

from fusion_graph.server.errors import ApiError
from fusion_graph.server.failed_runs import failed
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.render.chat import message_extras, tool_calls
from fusion_graph.server.render.extension import fusion_field
from fusion_graph.server.render.fusion_events import FusionEvents
from fusion_graph.server.render.result import BETWEEN, Result
from fusion_graph.server.render.tally import Tally
from fusion_graph.server.render.usage import chat_usage
from fusion_graph.server.run_events import (
    AnswerDelta,
    AnswerReasoning,
    Deliberated,
    Ended,
    RunEvent,
    Started,
    WriterStarted,
)

UsagePlace = Literal["last", "own", "none"]


class ChatStream:
    """Makes the chunks of one completion.

    Args:
        plan: What was asked.
        completion_id: `chatcmpl-...`.
        created: Unix time in seconds.
        usage: Where the usage stands: on the `last` chunk, as OpenRouter sends it; in its `own` chunk without choices,
            as OpenAI sends it to those who ask; or in `none`.
        include_fusion_events: Whether what the panel does rides along, as `fusion_event` on chunks without text.

    Attributes:
        result: The finished run, once it has ended.
        tally: Its tool calls.
    """

    def __init__(
        self,
        plan: RunPlan,
        completion_id: str,
        created: int,
        *,
        usage: UsagePlace = "last",
        include_fusion_events: bool = False,
    ) -> None:
        self._plan = plan
        self._head = {"id": completion_id, "object": "chat.completion.chunk", "created": created}
        self._model = plan.config.writer or plan.requested_model
        self._usage = usage
        self._fusion = FusionEvents() if include_fusion_events else None
        self._begun = False
        self._turn: int | None = None
        self._said: list[str] = []
        self.result: Result | None = None
        self.tally = Tally()

    def opening(self) -> list[dict[str, Any]]:
        """Return the chunks that need no run: none, since the first names the model."""
        return []

    def feed(self, event: RunEvent) -> list[dict[str, Any]]:
        """Take in one event of the run.

        Args:
            event: What happened.

        Returns:
            The chunks to send, which may be none.
        """
        self.tally.hear(event)
        if isinstance(event, Ended):
            return self._ended(event)
        self._learn(event)
        chunks = self._rides_along(event)
        match event:
            case AnswerDelta(text, turn):
                chunks += [self._delta(content=piece) for piece in self._spoken(text, turn)]
            case AnswerReasoning(text):
                chunks.append(self._delta(reasoning=text))
            case _:
                pass
        return chunks

    def fail(self, error: ApiError) -> list[dict[str, Any]]:
        """Return the chunk that ends the stream with an error.

        Args:
            error: Why there is no more; its `code` on the wire is the HTTP status, as OpenRouter sends it.
        """
        told = {**error.as_error(), "code": error.status}
        return [{**self._chunk({"content": ""}, "error"), "error": told}]

    def _learn(self, event: RunEvent) -> None:
        if isinstance(event, Started) and event.writer:
            self._model = event.writer
        if isinstance(event, WriterStarted):
            self._model = event.model

    def _rides_along(self, event: RunEvent) -> list[dict[str, Any]]:
        if self._fusion is None:
            return []
        told = {"type": "response.fusion_call.completed"} if isinstance(event, Deliberated) else self._fusion.of(event)
        return [] if told is None else [{**self._delta(content=""), "fusion_event": told}]

    def _spoken(self, text: str, turn: int) -> list[str]:
        between = [BETWEEN] if self._turn is not None and turn != self._turn else []
        self._turn = turn
        self._said += [*between, text]
        return [*between, text]

    def _ended(self, event: Ended) -> list[dict[str, Any]]:
        result = Result(self._plan, event.output)
        if event.output["status"] != "ok":
            return self.fail(failed(result))
        self.result, self._model = result, result.model
        chunks = []
        if not self._said and result.whole_text:
            chunks = [self._delta(content=piece) for piece in self._spoken(result.whole_text, 0)]
        if result.tool_calls:
            calls = [{"index": at, **call} for at, call in enumerate(tool_calls(result))]
            chunks.append(self._delta(tool_calls=calls))
        if extras := message_extras(result):
            chunks.append(self._delta(content="", **extras))
        return [*chunks, *self._last(result)]

    def _last(self, result: Result) -> list[dict[str, Any]]:
        usage = chat_usage(result.receipt, self.tally)
        field = fusion_field(result)
        if result.whole_text != "".join(self._said):
            field["answer"] = result.whole_text  # an attempt broke off midway; what was sent cannot be taken back
        end = self._chunk(self._opening(), result.finish_reason)
        if self._usage == "own":
            return [end, {**self._head, "model": self._model, "choices": [], "usage": usage, "fusion": field}]
        return [{**end, **({"usage": usage} if self._usage == "last" else {}), "fusion": field}]

    def _delta(self, **delta: Any) -> dict[str, Any]:
        return self._chunk({**self._opening(), **delta}, None)

    def _opening(self) -> dict[str, Any]:
        if self._begun:
            return {}
        self._begun = True
        return {"role": "assistant", "content": ""}

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        usage = {"usage": None} if self._usage == "own" else {}
        return {**self._head, "model": self._model, "choices": [choice], **usage}

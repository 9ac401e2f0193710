"""From the parts of a LangGraph stream to what happens in a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk

from fusion_graph.server.errors import ApiError
from fusion_graph.server.run_events import (
    AnalysisCompleted,
    AnalysisStarted,
    AnswerDelta,
    AnswerReasoning,
    Deliberated,
    Ended,
    RunEvent,
    SeatAdded,
    SeatCompleted,
    SeatDelta,
    SeatFailed,
    SeatReasoning,
    SeatToolCall,
    SeatToolResult,
    Spent,
    Started,
    WriterStarted,
)

WRITER, CALLER = "writer", "caller"
_Event = Mapping[str, Any]


class Translator:
    """Follows one run, streamed with the modes `custom`, `messages` and `values`, subgraphs included.

    Args:
        given: Messages that the run was given; what comes after them in its output is new.
        said: What was heard of a message that goes on, where the stream is taken up in its middle.
    """

    def __init__(self, given: int, said: str = "") -> None:
        self._given = given
        self._last: dict[str, Any] = {}
        self._deliberated = False
        self._message_id: str | None = None
        self._turn = 0
        self._said = said
        self._goes_on = bool(said)

    def take(self, namespace: Sequence[str], mode: str, data: Any) -> list[RunEvent]:
        """Take in one part of the stream.

        Args:
            namespace: Where it comes from; empty for the graph itself.
            mode: `custom`, `messages` or `values`.
            data: What it carries.

        Returns:
            What happened, which may be nothing.
        """
        if mode == "custom":
            self._goes_on = self._goes_on and not _begins_writing(data)
            handle = _HANDLERS.get(str(data.get("type"))) if isinstance(data, Mapping) else None
            return [] if handle is None else [handle(data)]
        if mode == "messages":
            message, metadata = data
            return self._token(message, metadata) if isinstance(message, AIMessageChunk) else []
        return self._state(namespace, data)

    def end(self) -> list[RunEvent]:
        """Tell the end, once the stream is through: what of the answer was not heard as tokens, and the output.

        Raises:
            ApiError: The run stopped before its end, because its settings make it wait for a person.
        """
        if self._last.get("status") not in ("ok", "error"):
            raise ApiError(
                400, "the run stopped before its end: it waits for a person", code="run_waits", param="review"
            )
        return [*self._unheard(), Ended(self._last)]

    def _state(self, namespace: Sequence[str], data: Any) -> list[RunEvent]:
        if not isinstance(data, Mapping):
            return []
        if not namespace:
            self._last = dict(data)
        receipt = data.get("receipt")
        if self._deliberated or not receipt or "responses" not in data or not receipt["deliberated"]:
            return []
        if not receipt["judge"] and data.get("status") != "error":
            return []
        self._deliberated = True
        return [Deliberated({**data, "status": data["status"] or "ok"})]

    def _token(self, message: AIMessageChunk, metadata: Mapping[str, Any]) -> list[RunEvent]:
        text, thought = str(message.text), _reasoning(message)
        seat_id = metadata.get("seat_id")
        events: list[RunEvent] = []
        if seat_id:
            events += [SeatReasoning(seat_id, thought)] if thought else []
            events += [SeatDelta(seat_id, text)] if text else []
        elif metadata.get("fusion_part") in (WRITER, CALLER):
            events += [AnswerReasoning(thought)] if thought else []
            events += [self._answer(text, message.id)] if text else []
        return events

    def _answer(self, text: str, message_id: str | None) -> AnswerDelta:
        if self._goes_on:
            self._goes_on, self._message_id = False, message_id
        if message_id != self._message_id:
            self._turn += bool(self._said)
            self._message_id, self._said = message_id, ""
        self._said += text
        return AnswerDelta(text, self._turn)

    def _unheard(self) -> list[RunEvent]:
        new = self._last["messages"][self._given :]
        final = next((message for message in reversed(new) if isinstance(message, AIMessage)), None)
        text = "" if final is None else str(final.text)
        if not text or text == self._said:
            return []
        if self._said and text.startswith(self._said):
            return [AnswerDelta(text[len(self._said) :], self._turn)]
        return [AnswerDelta(text, self._turn + bool(self._said))]


def _begins_writing(data: Any) -> bool:
    return isinstance(data, Mapping) and data.get("type") == "writer.in_progress"


def _reasoning(message: AIMessageChunk) -> str:
    told = message.additional_kwargs.get("reasoning_content")
    if isinstance(told, str):
        return told
    if isinstance(message.content, str):
        return ""
    blocks = [block for block in message.content_blocks if block["type"] == "reasoning"]
    return "".join(str(block.get("reasoning", "")) for block in blocks)


def _started(event: _Event) -> RunEvent:
    return Started(event["seats"], event["judge"], event["writer"], event.get("chosen"), event.get("limits"))


def _completed(event: _Event) -> RunEvent:
    return SeatCompleted(event["seat_id"], event["outcome"], event["content"], event["latency"], _spent(event))


def _failed(event: _Event) -> RunEvent:
    status = event.get("status_code")
    return SeatFailed(event["seat_id"], event["outcome"], event["error"], event["latency"], status, _spent(event))


def _spent(event: _Event) -> Spent | None:
    if "usage" not in event:
        return None
    return Spent(event["usage"], event["calls"], event["tool_calls"], event["served_model"])


def _called(event: _Event) -> RunEvent:
    return SeatToolCall(event["seat_id"], event["tool"], event["tool_call_id"], event["arguments"])


def _returned(event: _Event) -> RunEvent:
    return SeatToolResult(event["seat_id"], event["tool"], event["tool_call_id"], event["status"], event["sources"])


_HANDLERS: Mapping[str, Callable[[_Event], RunEvent]] = {
    "fusion.started": _started,
    "panel.added": lambda event: SeatAdded(event["seat_id"], event["label"], event["model"]),
    "panel.tool_call": _called,
    "panel.tool_result": _returned,
    "panel.completed": _completed,
    "panel.failed": _failed,
    "analysis.in_progress": lambda event: AnalysisStarted(event["model"]),
    "analysis.completed": lambda e: AnalysisCompleted(e["analysis"], e["rung"], e["reason"]),
    "writer.in_progress": lambda event: WriterStarted(event["model"]),
}

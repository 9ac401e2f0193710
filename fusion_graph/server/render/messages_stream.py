"""A run as the events of an Anthropic message, as it goes on."""

from __future__ import annotations

import json
from typing import Any

from fusion_graph.server.errors import ApiError
from fusion_graph.server.failed_runs import failed
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.render.anthropic_errors import anthropic_type
from fusion_graph.server.render.messages import message_field, stop_reason, tool_blocks
from fusion_graph.server.render.result import Result
from fusion_graph.server.render.tally import Tally
from fusion_graph.server.render.usage import messages_usage
from fusion_graph.server.run_events import AnswerDelta, Ended, RunEvent


class MessagesStream:
    """Makes the events of one message; each message of a calling model is a text block of its own.

    Args:
        plan: What was asked.
        message_id: `msg_...`.
    """

    def __init__(self, plan: RunPlan, message_id: str) -> None:
        self._plan, self._id = plan, message_id
        self._block = 0
        self._turn: int | None = None
        self._tally = Tally()

    def opening(self) -> list[dict[str, Any]]:
        """Return the events that need no run."""
        begun: dict[str, Any] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._plan.config.writer or self._plan.requested_model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        return [{"type": "message_start", "message": begun}]

    def feed(self, event: RunEvent) -> list[dict[str, Any]]:
        """Take in one event of the run.

        Args:
            event: What happened.

        Returns:
            The events to send, which may be none.
        """
        self._tally.hear(event)
        match event:
            case AnswerDelta(text, turn):
                return self._text(text, turn)
            case Ended(output):
                return self._ended(Result(self._plan, output))
            case _:
                return []

    def fail(self, error: ApiError) -> list[dict[str, Any]]:
        """Return the event that ends the stream with an error."""
        return [{"type": "error", "error": {**error.as_error(), "type": anthropic_type(error.status)}}]

    def _text(self, text: str, turn: int) -> list[dict[str, Any]]:
        events = []
        if turn != self._turn:
            events += self._stopped()
            self._turn = turn
            block = {"type": "text", "text": ""}
            events.append({"type": "content_block_start", "index": self._block, "content_block": block})
        delta = {"type": "text_delta", "text": text}
        return [*events, {"type": "content_block_delta", "index": self._block, "delta": delta}]

    def _stopped(self) -> list[dict[str, Any]]:
        if self._turn is None:
            return []
        stopped = {"type": "content_block_stop", "index": self._block}
        self._turn, self._block = None, self._block + 1
        return [stopped]

    def _ended(self, result: Result) -> list[dict[str, Any]]:
        if result.output["status"] != "ok":
            return self.fail(failed(result))
        unsaid = result.text if result.final is None else ""
        events = [*(self._text(unsaid, 0) if unsaid else []), *self._stopped(), *self._tools(result)]
        delta = {"stop_reason": stop_reason(result), "stop_sequence": None}
        usage = messages_usage(result.receipt, self._tally)
        field = {**message_field(result), "model": result.model}
        return [
            *events,
            {"type": "message_delta", "delta": delta, "usage": usage, "fusion": field},
            {"type": "message_stop"},
        ]

    def _tools(self, result: Result) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        for at, block in enumerate(tool_blocks(result), start=self._block):
            begun = {**block.model_dump(mode="json", exclude_unset=True), "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block.input, ensure_ascii=False)}
            events += [
                {"type": "content_block_start", "index": at, "content_block": begun},
                {"type": "content_block_delta", "index": at, "delta": delta},
                {"type": "content_block_stop", "index": at},
            ]
        return events

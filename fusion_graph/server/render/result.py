"""What a run came to, read from its output: the answer, the client's tool calls, the panel's result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, ToolCall, ToolMessage

from fusion_graph.server.plan import RunPlan
from fusion_graph.tool import FUSION

BETWEEN = "\n\n"
"""What stands between two messages of a calling model where they are told as one text."""


@dataclass(frozen=True)
class Result:
    """A finished run.

    Attributes:
        plan: What was asked.
        output: What the graph gave.
    """

    plan: RunPlan
    output: Mapping[str, Any]

    @property
    def receipt(self) -> dict[str, Any]:
        """The receipt."""
        return dict(self.output["receipt"])

    @cached_property
    def new(self) -> list[AnyMessage]:
        """The messages that the run added to the conversation."""
        return list(self.output["messages"][len(self.plan.messages) :])

    @property
    def final(self) -> AIMessage | None:
        """The last message of the writer or of the calling model."""
        return next((message for message in reversed(self.new) if isinstance(message, AIMessage)), None)

    @property
    def said_before(self) -> list[str]:
        """What a calling model said before its last message, such as that it will ask the panel."""
        said = [message for message in self.new if isinstance(message, AIMessage) and message is not self.final]
        return [text for message in said if (text := str(message.text))]

    @property
    def text(self) -> str:
        """The answer; for a deliberation, which writes none, its analysis as JSON."""
        if self.final is not None:
            return str(self.final.text)
        analysis = self.output.get("analysis")
        compared = self.plan.graph == "deliberation" and analysis is not None
        return json.dumps(analysis, ensure_ascii=False) if compared else ""

    @property
    def whole_text(self) -> str:
        """All that was said in this turn, as one text."""
        return BETWEEN.join(text for text in (*self.said_before, self.text) if text)

    @property
    def tool_calls(self) -> list[ToolCall]:
        """Calls of the client's own tools, which it has to run."""
        if self.final is None:
            return []
        done = {message.tool_call_id for message in self.new if isinstance(message, ToolMessage)}
        return [call for call in self.final.tool_calls if call["id"] not in done]

    @property
    def annotations(self) -> list[dict[str, Any]]:
        """The answer's citations, flat, with positions in `text`."""
        return [] if self.final is None else list(self.final.additional_kwargs.get("annotations") or [])

    @property
    def reasoning(self) -> str:
        """The visible reasoning of the last message, if there is any."""
        return "" if self.final is None else str(self.final.additional_kwargs.get("reasoning_content") or "")

    @property
    def finish_reason(self) -> str:
        """Why the answer ended, in OpenAI's words."""
        if self.tool_calls:
            return "tool_calls"
        writer = self.receipt["writer"]
        reason = writer["finish_reason"] if writer and not writer["failure"] else None
        return reason if reason in ("length", "content_filter") else "stop"

    @property
    def model(self) -> str:
        """The model that answered: as its provider names it, else as the settings do."""
        part = self.receipt["writer"] or self.receipt["judge"]
        return str((part["served_model"] or part["requested_model"]) if part else self.plan.requested_model)

    @cached_property
    def convened(self) -> ToolMessage | None:
        """The result of a calling model's `fusion` call; `None` where it made none."""
        results = [message for message in self.new if isinstance(message, ToolMessage) and message.name == FUSION]
        held = [message for message in results if _output_of(message) is not None]
        return held[0] if held else results[-1] if results else None

    @property
    def panel(self) -> dict[str, Any] | None:
        """The output of the deliberation, or its `error` and `failure_reason`; `None` where there was none."""
        if self.plan.graph != "fusion_agent":
            return dict(self.output)
        if self.convened is None:
            return None
        artifact = self.convened.artifact if isinstance(self.convened.artifact, dict) else {}
        return _output_of(self.convened) or dict(artifact)

    @property
    def fusion_call(self) -> tuple[str, str]:
        """Id and question of the call that convened the panel."""
        calls = [call for message in self.new if isinstance(message, AIMessage) for call in message.tool_calls]
        wanted = self.convened.tool_call_id if self.convened else None
        call = next((call for call in calls if call["id"] == wanted), None)
        if call is None:
            return "", _question(self.plan.messages)
        return str(call["id"]), str(call["args"].get("question", ""))


def _output_of(message: ToolMessage) -> dict[str, Any] | None:
    artifact = message.artifact
    return artifact.get("output") if isinstance(artifact, dict) else None


def _question(messages: list[AnyMessage]) -> str:
    return next((str(message.text) for message in reversed(messages) if message.type == "human"), "")

"""Count what every model call used, whether it succeeded or not."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from fusion_graph.failed_calls import clean
from fusion_graph.money import summed
from fusion_graph.usage import Price, Usage, fee_of, priced, usage_of

MODEL = "fusion_model"
"""Metadata key of a chat model: the name under which the config asked for it."""


_FINISH_WORDS = {
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_context_window_exceeded": "length",
    "end_turn": "stop",
    "stop": "stop",
    "stop_sequence": "stop",
    "refusal": "content_filter",
    "safety": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "spii": "content_filter",
    "image_safety": "content_filter",
    "tool_use": "tool_calls",
}
"""What Anthropic, Google and OpenAI's Responses API say, in the words of OpenAI's chat completions."""


@dataclass(slots=True)
class Call:
    """One model call: what was asked, what came back, what it used."""

    part: str
    started: float
    model: str | None = None
    seconds: float | None = None
    served_model: str | None = None
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    failed: bool = False
    recalled: bool = False


class Meter(BaseCallbackHandler):
    """A LangChain callback handler that keeps a record of every model call below it.

    It is heard before all other handlers, and what a call or a tool raised is clean of secrets when they hear of it.

    Args:
        price: Prices a call whose provider does not say what it cost.

    Attributes:
        calls: Every call, in the order in which they started. `part` is the seat id, `judge` or `writer`,
            read from the metadata that the nodes give their runs.
        fees: What each search cost, by part; `None` is unknown.
        resumed: Whether the part was begun before, by a process that ended: what was under way there is not known.
    """

    run_inline = True
    ignore_chain = True

    def __init__(self, price: Price | None = None) -> None:
        self.calls: list[Call] = []
        self.price = price
        self.fees: dict[str, list[float | None]] = {}
        self._open: dict[UUID, Call] = {}
        self._tools: dict[UUID, str] = {}
        self._heard: set[str | None] = set()
        self.tool_calls: dict[str, int] = {}
        self.resumed = False

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Open the record of a call."""
        facts = metadata or {}
        call = Call(part=str(facts.get("fusion_part", "")), started=time.monotonic(), model=facts.get(MODEL))
        self.calls.append(call)
        self._open[run_id] = call

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """Close it with what the provider reported."""
        if (call := self._closed(run_id)) is None:
            return
        message = message_of(response)
        if message is not None:
            self._heard.add(message.id)
            call.served_model = served_model(message)
            call.finish_reason = finish_reason(message)
            call.usage = priced(usage_of(message), call.model, call.served_model, self.price)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Close it as failed; what it used is unknown."""
        clean(error, kwargs.get("response"))
        if (call := self._closed(run_id)) is not None:
            call.failed = True

    def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Count a tool call that was really run."""
        part = str((metadata or {}).get("fusion_part", ""))
        self.tool_calls[part] = self.tool_calls.get(part, 0) + 1
        if (run_id := kwargs.get("run_id")) is not None:
            self._tools[run_id] = part

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note what it charged, if it says so."""
        part = self._tools.pop(run_id, None)
        if isinstance(output, ToolMessage):
            self._heard.add(output.tool_call_id)
        charged = fee_of(output)
        if part is not None and charged is not None:
            self.fees.setdefault(part, []).append(charged[0])

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Clean what a tool raised."""
        clean(error)
        self._tools.pop(run_id, None)

    def recall(self, part: str, model: str, messages: Sequence[AnyMessage]) -> None:
        """Count what an earlier process did, as far as a checkpoint kept it; does nothing for a part begun here.

        Args:
            part: Seat id, `judge` or `caller`.
            model: The model that the config asked for.
            messages: What the part has said and looked up in all.
        """
        if not self.resumed:
            return
        calls: list[Call] = []
        for message in messages:
            if isinstance(message, AIMessage) and message.id not in self._heard and message.response_metadata:
                served = served_model(message)
                usage = priced(usage_of(message), model, served, self.price)
                ended = finish_reason(message)
                calls.append(Call(part, 0.0, model, None, served, ended, usage, recalled=True))
            elif isinstance(message, ToolMessage) and message.tool_call_id not in self._heard:
                self.tool_calls[part] = self.tool_calls.get(part, 0) + (message.status != "error")
                charged = fee_of(message)
                if charged is not None:
                    self.fees.setdefault(part, []).append(charged[0])
        self.calls[:0] = calls

    def usage(self, part: str | None = None) -> Usage:
        """Add up what one part, or all of them, used.

        Args:
            part: A seat id, `judge` or `writer`; everything when unset.

        Returns:
            The sum; failed and still open calls make it a lower bound.
        """
        used = Usage.total([call.usage for call in self.calls if part in (None, call.part)])
        if self.resumed:
            used = used.model_copy(update={"tokens_at_least": True, "cost_at_least": True})
        fees = [fee for name, held in self.fees.items() if part in (None, name) for fee in held]
        if not fees:
            return used
        return used.model_copy(update={"fees_usd": summed(fees), "fees_at_least": None in fees})

    def count(self, part: str | None = None) -> int:
        """Return how many model calls one part, or all of them, made."""
        return sum(1 for call in self.calls if part in (None, call.part))

    def last(self, part: str | None = None) -> Call | None:
        """Return the last call of a part, or of all, that ended well, if any did."""
        ended = [call for call in self.calls if call.recalled or (call.seconds is not None and not call.failed)]
        done = [call for call in ended if part in (None, call.part)]
        return done[-1] if done else None

    def _closed(self, run_id: UUID) -> Call | None:
        call = self._open.pop(run_id, None)
        if call is not None:
            call.seconds = time.monotonic() - call.started
        return call


def message_of(response: LLMResult) -> AIMessage | None:
    """Return the message that a model call ended with, if there is one."""
    for generations in response.generations:
        for generation in generations:
            if isinstance(generation, ChatGeneration) and isinstance(generation.message, AIMessage):
                return generation.message
    return None


def served_model(message: AIMessage) -> str | None:
    """Read which model really answered.

    Args:
        message: The model's message.

    Returns:
        The id that the provider gave, or `None` where it gave none.
    """
    facts = message.response_metadata
    name = facts.get("model_name") or facts.get("model")
    return _once(str(name)) if name else None


def finish_reason(message: AIMessage) -> str | None:
    """Read why the model stopped, in OpenAI's words whatever the provider.

    Args:
        message: The model's message.

    Returns:
        `stop`, `length`, `content_filter`, `tool_calls` or the provider's own word; `None` if it gave none.
    """
    facts = message.response_metadata
    details = facts.get("incomplete_details")
    cut_short = details.get("reason") if isinstance(details, dict) else None
    reason = facts.get("finish_reason") or facts.get("stop_reason") or facts.get("done_reason") or cut_short
    if not reason:
        return None
    word = _once(str(reason)).removeprefix("FinishReason.")
    return _FINISH_WORDS.get(word.lower(), word)


def _once(text: str) -> str:
    """Undo the joining of a word that a stream sent with two chunks: `stopstop` was `stop`."""
    repeated = re.fullmatch(r"(.{3,}?)\1+", text)
    return repeated[1] if repeated else text

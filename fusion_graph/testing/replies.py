"""What a scripted model says, and how its answer travels.

Every reply is a frozen dataclass: `dataclasses.replace(reply, delay=0.5)` gives the same reply, sent late.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fusion_graph.testing.faults import Fault


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage a server reports; what is None here is estimated or left out, never sent as 0.

    Attributes:
        prompt_tokens: Input tokens; estimated as characters / 4 when None.
        completion_tokens: Output tokens, reasoning included; estimated as characters / 4 when None.
        cached_tokens: Input tokens read from the provider's cache; left out when None.
        reasoning_tokens: Output tokens spent on reasoning; left out when None.
        cost: US dollars, sent as `usage.cost` as OpenRouter does; left out when None.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Base of all replies.

    Attributes:
        delay: Seconds before the first byte, status line and headers included.
    """

    delay: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Completion(Reply):
    """A reply with HTTP status 200 that has the form of a chat completion.

    Attributes:
        content: The visible text; may be empty.
        refusal: The model's refusal, sent in the field of that name; the content is then null.
        reasoning: Reasoning text, sent as `reasoning` and as `reasoning_content`.
        finish_reason: Such as `stop`, `length` or `content_filter`; when None, `tool_calls` or `stop`.
        served_model: The model the server claims to have used; the requested one when None.
        usage: What usage to report; None reports none at all.
        chunk_delay: Seconds before each chunk of a stream but the first.
        cut_after: Chunks after which the connection is closed, without `[DONE]`; a stream that has fewer is
            cut at its end. A reply that is not streamed is dropped before its first byte.
        cut_with: An error that takes the place of the rest, within the stream; the status is still 200.
    """

    content: str = ""
    refusal: str | None = None
    reasoning: str | None = None
    finish_reason: str | None = None
    served_model: str | None = None
    usage: Usage | None = field(default_factory=Usage)
    chunk_delay: float = 0.0
    cut_after: int | None = None
    cut_with: Fault | None = None

    def __post_init__(self) -> None:
        if self.cut_with is not None and self.cut_after is None:
            raise ValueError("cut_with needs cut_after: the number of chunks sent before the error")

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls of this reply, in order."""
        return ()

    @property
    def ending(self) -> str:
        """The finish reason that is sent."""
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")


@dataclass(frozen=True)
class Text(Completion):
    """A text: an answer, prose where JSON was asked for, broken JSON, or nothing.

    Attributes:
        content: The text.
    """

    content: str = ""


@dataclass(frozen=True)
class ToolCall(Completion):
    """A call of one tool, whether or not that tool was offered.

    Attributes:
        name: The tool's name; may be invented.
        arguments: The arguments, sent as JSON.
        raw_arguments: Text sent in place of `arguments`, such as `"{oops"`.
        call_id: The call's id; a new one each time when None.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    raw_arguments: str | None = field(default=None, kw_only=True)
    call_id: str | None = field(default=None, kw_only=True)

    @property
    def arguments_text(self) -> str:
        """The arguments as they are sent."""
        return json.dumps(dict(self.arguments)) if self.raw_arguments is None else self.raw_arguments

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """This call."""
        return (self,)


@dataclass(frozen=True)
class ToolCalls(Completion):
    """Several tool calls in one message.

    Attributes:
        calls: The calls. How the reply is sent is set here, not on a call.
    """

    calls: Sequence[ToolCall]

    def __post_init__(self) -> None:
        super().__post_init__()
        for call in self.calls:
            bare = ToolCall(call.name, call.arguments, raw_arguments=call.raw_arguments, call_id=call.call_id)
            if call != bare:
                raise ValueError(f"set delay, usage and the like on ToolCalls, not on its call of {call.name!r}")

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls, in order."""
        return tuple(self.calls)


@dataclass(frozen=True)
class Malformed(Reply):
    """A response with HTTP status 200 whose body is not JSON; in a stream, one event whose data is not JSON.

    Attributes:
        body: The body as sent.
        content_type: Its content type, unless the request asked for a stream.
    """

    body: str = '{"id": "chatcmpl-broken", "choices": [{"mess'
    content_type: str = field(default="application/json", kw_only=True)

"""What a scripted server received: every call, and how many were open at once."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "api-key", "x-api-key", "cookie"})


def fingerprint(secret: str) -> str:
    """Return what a secret is recorded as: enough to compare it with, not to use it.

    Args:
        secret: An API key, or a header's whole value; a leading `Bearer` is not part of the key.

    Returns:
        `sha256:` and the first 12 hexadecimal digits of the key's digest.
    """
    key = secret.removeprefix("Bearer ").strip()
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()[:12]}"


@dataclass(slots=True, eq=False)
class ReceivedCall:
    """One call of `/v1/chat/completions`, updated while it is answered.

    Attributes:
        model: The requested model.
        body: The request as it came.
        headers: Its headers, names in lower case; secrets are replaced by their `fingerprint`.
        index: How many calls of this model its script had answered before; rejected ones do not count.
        ignored: Request fields that the script does not see.
        id: The completion's id, as the client gets it.
        at: When it came, in seconds of `time.monotonic()`.
        status: The HTTP status sent; None when nothing was sent.
        completed: Whether the whole response was sent.
        cut: Whether the script broke the response off.
        disconnected: Whether the client left before the response was complete.
        duration: Seconds from request to end of response; None while it is open.
    """

    model: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    index: int = 0
    ignored: frozenset[str] = frozenset()
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    at: float = field(default_factory=time.monotonic)
    status: int | None = None
    completed: bool = False
    cut: bool = False
    disconnected: bool = False
    duration: float | None = None

    def asks(self, name: str) -> Any:
        """Return a request field as the script sees it.

        Args:
            name: The field, such as `tool_choice`.

        Returns:
            Its value; None when it is absent or ignored.
        """
        return None if name in self.ignored else self.body.get(name)

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return bool(self.body.get("stream"))

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages as they came."""
        return list(self.body.get("messages") or [])

    @property
    def prompt(self) -> str:
        """The text of all messages, one after the other."""
        return "\n".join(_text(message.get("content")) for message in self.messages)

    @property
    def tool_names(self) -> list[str]:
        """Names of the tools on offer; a tool that is no function goes by its type."""
        tools = self.asks("tools") or []
        return [str(tool.get("function", {}).get("name") or tool.get("type")) for tool in tools]

    @property
    def tool_results(self) -> list[str]:
        """What the tools called so far returned, in order."""
        return [_text(message.get("content")) for message in self.messages if message.get("role") == "tool"]


def redacted(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with their secrets replaced by fingerprints.

    Args:
        headers: Names in lower case, and values.

    Returns:
        The same names; a secret's value is its `fingerprint`.
    """
    return {name: fingerprint(value) if name in _SECRET_HEADERS else value for name, value in headers.items()}


class CallLog:
    """The calls of one server; written by its thread, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[ReceivedCall] = []
        self.open_requests = 0
        self.max_parallel = 0
        self.script_errors: list[Exception] = []
        self.closing = False

    @property
    def calls(self) -> list[ReceivedCall]:
        """The calls so far, in the order in which they came."""
        with self._lock:
            return list(self._calls)

    @contextmanager
    def open(self, call: ReceivedCall) -> Iterator[None]:
        """Record a call and count it as open while the block runs.

        Args:
            call: The call; its duration is set at the end.

        Yields:
            Nothing.
        """
        with self._lock:
            self._calls.append(call)
            self.open_requests += 1
            self.max_parallel = max(self.max_parallel, self.open_requests)
        try:
            yield
        finally:
            with self._lock:
                call.duration = time.monotonic() - call.at
                self.open_requests -= 1


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""

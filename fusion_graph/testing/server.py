"""A scripted OpenAI-compatible model server: real HTTP on a loopback port, for tests of graphs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fusion_graph.errors import missing_package
from fusion_graph.testing.calls import CallLog, ReceivedCall
from fusion_graph.testing.script import Answer, Responder, Script

if TYPE_CHECKING:
    from fusion_graph.testing.loopback import Loopback

_LOOK_EVERY = 0.005


class ScriptedServer:
    """Answers `/v1/chat/completions` as scripted, and records what it was asked.

    Use it as `with ScriptedServer() as server:`. An error raised inside a script, a failed `assert` included,
    is answered by a 500 and raised again when the block ends.
    """

    def __init__(self) -> None:
        self._scripts: dict[str, Script] = {}
        self._log = CallLog()
        self._http: Loopback | None = None
        self._port: int | None = None

    def on(
        self,
        model: str,
        *replies: Answer | Responder,
        rejects: str | Collection[str] = (),
        ignores: str | Collection[str] = (),
    ) -> Self:
        """Script a model; a second call for the same model replaces the first.

        Args:
            model: The model's name, exactly as requests give it.
            *replies: One per call, the last one repeats: a reply, a string, or a function of the received
                call (plain or async) that returns one. It runs in the server's thread and must not block.
            rejects: Request fields answered by a 400 that names the field, such as `response_format`.
            ignores: Request fields hidden from the script, such as `tools` or `tool_choice`.

        Returns:
            The server.

        Raises:
            ValueError: There are no replies.
        """
        self._scripts[model] = Script(replies, rejects, ignores)
        return self

    def start(self) -> Self:
        """Start serving; needs the extra `testing`.

        Returns:
            The server.

        Raises:
            MissingPackageError: starlette or uvicorn is not installed.
            RuntimeError: It is already running, or did not come up.
        """
        if self._http is not None:
            raise RuntimeError("the scripted server is already running")
        try:
            from fusion_graph.testing.app import application  # noqa: PLC0415
            from fusion_graph.testing.loopback import Loopback  # noqa: PLC0415
        except ImportError as error:
            package = (error.name or "uvicorn").partition(".")[0]
            raise missing_package(package, "testing", "the scripted model server") from error
        self._log.closing = False
        self._http = Loopback(application(self._scripts, self._log))
        self._port = self._http.listen()
        return self

    def stop(self) -> None:
        """Break off what is open and stop; does nothing if the server is not running."""
        if self._http is not None:
            self._log.closing = True
            self._http.close()
            self._http = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if kind is None and self.script_errors:
            raise self.script_errors[0]

    @property
    def base_url(self) -> str:
        """The address for clients, `/v1` included.

        Raises:
            RuntimeError: The server was never started.
        """
        if self._port is None:
            raise RuntimeError("the scripted server has no address before it is started: use `with`, or start()")
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def calls(self) -> list[ReceivedCall]:
        """The calls received so far, in the order in which they came."""
        return self._log.calls

    def calls_of(self, model: str) -> list[ReceivedCall]:
        """Return the calls of one model.

        Args:
            model: The requested model.

        Returns:
            Its calls, in the order in which they came.
        """
        return [call for call in self.calls if call.model == model]

    @property
    def open_requests(self) -> int:
        """How many calls are being answered right now."""
        return self._log.open_requests

    @property
    def max_parallel(self) -> int:
        """The most calls that were open at once."""
        return self._log.max_parallel

    @property
    def script_errors(self) -> list[Exception]:
        """What functions of the scripts raised."""
        return self._log.script_errors

    def wait_until(self, predicate: Callable[[], object], timeout: float = 5.0) -> None:
        """Block until something holds; from async code use `until`.

        Args:
            predicate: Asked again and again, such as `lambda: server.open_requests == 0`.
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: It did not hold in time; the message lists the calls received.
        """
        deadline = time.monotonic() + timeout
        while not predicate():
            self._check(deadline, timeout)
            time.sleep(_LOOK_EVERY)

    async def until(self, predicate: Callable[[], object], timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Wait until something holds, without blocking the event loop.

        Args:
            predicate: Asked again and again, such as `lambda: server.open_requests == 0`.
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: It did not hold in time; the message lists the calls received.
        """
        deadline = time.monotonic() + timeout
        while not predicate():
            self._check(deadline, timeout)
            await asyncio.sleep(_LOOK_EVERY)

    def _check(self, deadline: float, timeout: float) -> None:
        if time.monotonic() > deadline:
            seen = ", ".join(f"{call.model} ({call.status or 'open'})" for call in self.calls) or "none"
            raise TimeoutError(f"not within {timeout:g} s; calls received: {seen}")

"""One loaded llama.cpp engine per file and size, in this process, with its HTTP listener out of reach."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import secrets
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelInvalidRequestError,
    ModelNotFoundError,
)

from fusion_graph.errors import ConfigError, missing_package

Chunk = dict[str, Any]


class ModelLoadError(ConfigError, ModelNotFoundError):
    """A GGUF file that llama.cpp could not load; the message names the file and the fix."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an engine is made of; equal settings share one engine.

    Attributes:
        path: The GGUF file, absolute.
        context: Tokens per slot, question and answer together.
        slots: Generations that run side by side.
    """

    path: Path
    context: int
    slots: int


class Engine:
    """A llama.cpp server object, loaded on first use and called in process.

    Every generation streams inside, so that it can be stopped: between two tokens, or between two batches of
    512 prompt tokens. It runs in a thread of this engine, of which there are as many as slots; what does not
    fit waits, and leaves the queue at once when its caller goes away.

    Args:
        settings: File and size.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self._server: Any = None
        self._workers = ThreadPoolExecutor(settings.slots, thread_name_prefix="fusion-local")

    @property
    def name(self) -> str:
        """The model's name in messages and receipts: `local:` and the file's name."""
        return f"local:{self.settings.path.name}"

    def load(self) -> Any:
        """Load the file if it is not loaded yet; blocks for seconds.

        Returns:
            The `xllamacpp.Server`.

        Raises:
            ModelLoadError: llama.cpp refused the file, or memory does not suffice.
        """
        if self._server is None:
            with _LOADING:  # llama.cpp starts one at a time
                if self._server is None:
                    self._server = _start(self.settings, self.name)
        return self._server

    def stream(self, body: dict[str, Any]) -> Iterator[Chunk]:
        """Generate, blocking between chunks; closing the iterator stops the generation.

        Args:
            body: An OpenAI chat completion request.

        Yields:
            OpenAI chat completion chunks, the last one with the usage.

        Raises:
            ModelError: A typed one, for what llama.cpp refused or failed at.
        """
        chunks: queue.SimpleQueue[Chunk | None] = queue.SimpleQueue()
        stopped = threading.Event()
        future = self._workers.submit(self._run, body, chunks.put, stopped)
        future.add_done_callback(lambda _: chunks.put(None))
        try:
            while (chunk := chunks.get()) is not None:
                yield chunk
            future.result()
        finally:
            stopped.set()
            future.cancel()

    async def astream(self, body: dict[str, Any]) -> AsyncIterator[Chunk]:
        """Generate without blocking the event loop.

        Cancellation frees the caller at once. The generation itself stops within a token, or within the
        batch of prompt tokens it is reading; until then its slot is taken.

        Args:
            body: An OpenAI chat completion request.

        Yields:
            OpenAI chat completion chunks, the last one with the usage.

        Raises:
            ModelError: A typed one, for what llama.cpp refused or failed at.
        """
        loop = asyncio.get_running_loop()
        chunks: asyncio.Queue[Chunk | None] = asyncio.Queue()
        stopped = threading.Event()

        def put(chunk: Chunk) -> None:
            try:
                loop.call_soon_threadsafe(chunks.put_nowait, chunk)
            except RuntimeError:  # the loop was closed: nobody listens any more
                stopped.set()

        def finished(done: asyncio.Future[None]) -> None:
            if not done.cancelled():
                done.exception()
            chunks.put_nowait(None)

        future = loop.run_in_executor(self._workers, self._run, body, put, stopped)
        future.add_done_callback(finished)
        try:
            while (chunk := await chunks.get()) is not None:
                yield chunk
            await future
        finally:
            stopped.set()
            future.cancel()

    def _run(self, body: dict[str, Any], put: Callable[[Chunk], None], stopped: threading.Event) -> None:
        if stopped.is_set():
            return
        server = self.load()
        errors: list[dict[str, Any]] = []

        def relay(chunk: Chunk) -> bool:
            """Hand a chunk on; `True` tells llama.cpp to stop, and an exception here would be lost."""
            if "error" in chunk:
                errors.append(chunk["error"])
            elif not stopped.is_set():
                put(chunk)
            return bool(errors) or stopped.is_set()

        request = {**body, "stream": True, "stream_options": {"include_usage": True}, "return_progress": True}
        try:
            server.handle_chat_completions(request, relay)
        except ValueError as error:
            raise ModelInvalidRequestError(f"{self.name}: {error}") from error
        except RuntimeError as error:
            raise ModelAPIError(f"{self.name}: {error}") from error
        if errors:
            raise _typed(errors[0], self.name)


_LOADING = threading.Lock()
_POOL: WeakValueDictionary[EngineSettings, Engine] = WeakValueDictionary()
_POOL_LOCK = threading.Lock()


def engine_for(settings: EngineSettings) -> Engine:
    """Return the engine of a file: the same one as long as somebody holds it, freed when nobody does.

    Args:
        settings: File and size.

    Returns:
        The engine; nothing is loaded yet if it is new.
    """
    with _POOL_LOCK:
        engine = _POOL.get(settings)
        if engine is None:
            engine = _POOL[settings] = Engine(settings)
        return engine


def locked_params(settings: EngineSettings, listen: str) -> Any:
    """Build llama.cpp's parameters with everything off that could reach beyond this process.

    Args:
        settings: File and size.
        listen: Where its HTTP listener binds: a path that ends in `.sock`, or a loopback address.

    Returns:
        An `xllamacpp.CommonParams`: a random key nobody is told, no origin allowed, no page, no slots,
        properties or metrics, no downloads, no prompt cache in memory beside the slots.

    Raises:
        MissingPackageError: xllamacpp is not installed.
    """
    try:
        import xllamacpp  # noqa: PLC0415
    except ImportError as error:
        raise missing_package("xllamacpp", "local", "a local GGUF model") from error
    params = xllamacpp.CommonParams()
    params.model.path = str(settings.path)
    params.model_alias = {f"local:{settings.path.name}"}
    params.n_parallel, params.n_ctx = settings.slots, settings.context * settings.slots
    # llama.cpp's threads wait for each other spinning: one core stays free for everything else
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = max(1, (os.cpu_count() or 1) - 1)
    params.n_batch = 512
    params.hostnames, params.n_threads_http = [listen], 1
    params.api_keys = [secrets.token_urlsafe(32)]
    params.cors_origins, params.cors_credentials = "http://nobody.invalid", False
    params.cors_methods = params.cors_headers = ""
    params.ui = params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
    params.offline = True
    params.cache_ram_mib, params.cache_idle_slots = 0, False
    params.verbosity = -1
    return params


def _start(settings: EngineSettings, name: str) -> Any:
    """Load the model with its listener on a Unix socket that is gone before anyone could know of it."""
    with contextlib.ExitStack() as stack:
        listen = "127.0.0.1"
        if hasattr(socket, "AF_UNIX"):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fusion-"))
            listen = str(Path(folder, "llama.sock"))
        params = locked_params(settings, listen)
        try:
            import xllamacpp  # noqa: PLC0415

            return xllamacpp.Server(params)
        except RuntimeError as error:
            raise ModelLoadError(
                f"{name}: llama.cpp could not load {str(settings.path)!r} with {settings.slots} slots of "
                f"{settings.context} tokens: it is damaged, of an unknown kind, or too large for the memory; "
                "try another file, or lower FUSION_LOCAL_CONTEXT or FUSION_LOCAL_SLOTS"
            ) from error


def _typed(error: dict[str, Any], name: str) -> Exception:
    code, message = error.get("code"), f"{name}: {error.get('message', error)}"
    if error.get("type") == "exceed_context_size_error":
        return ContextOverflowError(message)
    if isinstance(code, int) and 400 <= code < 500:
        return ModelInvalidRequestError(message)
    return ModelAPIError(message)

"""uvicorn on a loopback socket, made to stop at once and to break connections off on demand."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

_STEPS_TO_ACCEPT = 3
"""Turns of the event loop that asyncio takes from an accepted socket to a protocol that knows its transport."""


class _DroppableProtocol(H11Protocol):
    """HTTP/1.1 whose requests carry `drop` in their state: it closes the TCP connection as it stands."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        self.app_state = {**self.app_state, "drop": transport.close}


class Loopback(uvicorn.Server):
    """A server that runs in its own thread and event loop.

    Every response closes its connection, so that no client keeps sockets into a stopped server.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Prepare a server.

        Args:
            app: The ASGI application.
        """
        super().__init__(
            uvicorn.Config(
                app,
                http=_DroppableProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                headers=[("connection", "close")],
            )
        )
        self._up = threading.Event()
        self._thread: threading.Thread | None = None

    def listen(self, timeout: float = 10.0) -> int:
        """Start serving on a free port of 127.0.0.1.

        Args:
            timeout: Seconds to wait until requests are taken.

        Returns:
            The port.

        Raises:
            RuntimeError: The server did not come up in time.
        """
        listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run_loop, args=(listener,), name="scripted-server", daemon=True)
        self._thread.start()
        if not self._up.wait(timeout):
            raise RuntimeError(f"the scripted server did not start within {timeout:g} s")
        return int(listener.getsockname()[1])

    def close(self) -> None:
        """Break off what is open, stop serving and wait for the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join()

    def _run_loop(self, listener: socket.socket) -> None:
        with asyncio.Runner() as runner:
            runner.run(self.serve(sockets=[listener]))

    async def main_loop(self) -> None:
        """Serve until `close`, without uvicorn's polling."""
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        await self.on_tick(0)
        self._up.set()
        await self._stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listener and every connection, and wait for their requests to end.

        Args:
            sockets: The listening sockets.
        """
        for listener in sockets or []:
            self._loop.remove_reader(listener.fileno())
        # A client that was accepted just now has no connection to abort yet, and gets none from a closed server.
        for _ in range(_STEPS_TO_ACCEPT):
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.gather(*self.server_state.tasks)
        for server in self.servers:
            await server.wait_closed()

"""`fusion serve`: the HTTP app under uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

from fusion_graph.errors import ConfigError, FusionError, missing_package
from fusion_graph.presets import load_catalog
from fusion_graph.redaction import redact
from fusion_graph.resources import Resources
from fusion_graph.server.commands.options import ServeOptions
from fusion_graph.server.settings import ServerSettings
from fusion_graph.terminal.exits import BAD_INPUT, OK

KEEP_ALIVE_SECONDS = 65
"""How long an idle connection is held: longer than proxies and HTTP pools do, or they send into a closed one."""


def serve(options: ServeOptions) -> int:
    """Serve until the process is told to end.

    Args:
        options: What was given.

    Returns:
        An exit code.
    """
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(options))
    except FusionError as error:
        sys.stderr.write(f"Error: {redact(str(error))}\n")
        return BAD_INPUT
    return OK


async def _serve(options: ServeOptions) -> None:
    try:
        import uvicorn  # noqa: PLC0415 - optional

        from fusion_graph.server.app import create_app  # noqa: PLC0415 - heavy
        from fusion_graph.server.discreet import log_plainly  # noqa: PLC0415 - needed by a server alone
    except ImportError as error:
        raise missing_package(error.name or "fastapi", "serve", "`fusion serve`") from error
    log_plainly()
    settings, resources = options.settings(), options.resources()
    catalog = load_catalog(resources.presets)
    if settings.preset is not None:
        catalog.preset(settings.preset)
    await _refuse_what_cannot_be(options.host, settings)
    listener = _listener(options.host, options.port)
    app = create_app(settings, resources)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=10, timeout_keep_alive=KEEP_ALIVE_SECONDS
    )
    server = uvicorn.Server(config)
    _announce(options, listener, resources)
    try:
        await server.serve(sockets=[listener])
    finally:
        listener.close()


async def _refuse_what_cannot_be(host: str, settings: ServerSettings) -> None:
    """Refuse a database that cannot be opened, and strangers where no key keeps them out."""
    from fusion_graph.server.database import opened  # noqa: PLC0415 - heavy
    from fusion_graph.server.keys import Keys  # noqa: PLC0415 - heavy
    from fusion_graph.server.visitors import is_loopback  # noqa: PLC0415 - heavy

    async with opened(settings) as database:
        if not is_loopback(host) and not await Keys(database).any():
            raise ConfigError(
                f"--host: {host!r} is open to other machines, and no key exists that could keep strangers out; "
                "make one with `fusion keys add NAME`, or listen on 127.0.0.1"
            )


def _listener(host: str, port: int) -> socket.socket:
    """Bind before anything is announced, so that what is announced is true."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"--host and --port: {host}:{port} cannot be listened on: {error.strerror}; choose another --port"
        ) from error
    return listener


def _announce(options: ServeOptions, listener: socket.socket, resources: Resources) -> None:
    port = listener.getsockname()[1]
    host = f"[{options.host}]" if ":" in options.host else options.host
    lines = [
        f"fusion-graph listens on http://{host}:{port}  (Ctrl-C ends it)",
        f"  the page     http://{host}:{port}/",
        f"  OpenAI's API http://{host}:{port}/v1   e.g. model openrouter/fusion or fusion/general-high",
        f"  preset       {options.preset or 'none: the best models found'}",
        f"  corpus       {resources.corpus or 'none'}",
    ]
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()

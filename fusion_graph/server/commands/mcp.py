"""`fusion mcp`: the MCP server on standard input and output."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

from fusion_graph.errors import FusionError, missing_package
from fusion_graph.redaction import redact
from fusion_graph.server.commands.options import resources_of
from fusion_graph.terminal.exits import BAD_INPUT, OK


def serve(corpus: Path | None, presets_file: Path | None, gateway_url: str | None, gateway_key_env: str | None) -> int:
    """Serve one client until it goes away.

    Args:
        corpus: The folder that is searched.
        presets_file: The operator's own presets.
        gateway_url: The gateway's address.
        gateway_key_env: The variable that holds its key.

    Returns:
        An exit code.
    """
    try:
        resources = resources_of(corpus, presets_file, gateway_url, gateway_key_env)
        from fusion_graph.server.discreet import log_plainly  # noqa: PLC0415 - needed by a server alone
        from fusion_graph.server.mcp_serving import serve_stdio  # noqa: PLC0415 - heavy, optional

        log_plainly()
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve_stdio(resources))
    except ImportError as error:
        sys.stderr.write(f"Error: {missing_package(error.name or 'mcp', 'serve', '`fusion mcp`')}\n")
        return BAD_INPUT
    except FusionError as error:
        sys.stderr.write(f"Error: {redact(str(error))}\n")
        return BAD_INPUT
    return OK

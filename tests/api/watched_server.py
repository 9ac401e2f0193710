"""The app in a process that tells what it holds: `python watched_server.py DATABASE GATEWAY PRESETS PORT`."""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import uvicorn

from fusion_graph import Gateway, Resources
from fusion_graph.server.app import create_app
from fusion_graph.server.settings import ServerSettings


def held(app: Any, server: uvicorn.Server) -> dict[str, Any]:
    """Count what is open; the request that asks is part of it."""
    gc.collect()
    statm = Path("/proc/self/statm").read_text("ascii").split()
    return {
        "runs": app.state.services.gate.running,
        "tasks": len(asyncio.all_tasks()),
        "connections": len(server.server_state.connections),
        "descriptors": Counter(_kind(path) for path in Path("/proc/self/fd").iterdir()),
        "threads": threading.active_count(),
        "megabytes": int(statm[1]) * resource.getpagesize() / 1e6,
        "busy": len(app.state.services.keeps.runs.busy),
    }


def _kind(path: Path) -> str:
    try:
        return path.readlink().name.partition(":")[0]
    except OSError:
        return "gone"


def main(database: str, gateway: str, presets: str, port: str) -> None:
    """Serve until the process is ended."""
    operator = Resources(gateway=Gateway(gateway, ""), presets=Path(presets))
    settings = ServerSettings(database=database, preset="general-fast", max_runs=500, max_runs_per_key=500)
    app = create_app(settings, operator)
    server = uvicorn.Server(uvicorn.Config(app, port=int(port), log_level="warning", access_log=False))

    @app.get("/held", include_in_schema=False)
    async def _held() -> dict[str, Any]:
        return held(app, server)

    asyncio.run(server.serve())


if __name__ == "__main__":
    main(*sys.argv[1:])

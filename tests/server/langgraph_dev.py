"""A real `langgraph dev` process whose models are scripted."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

REPOSITORY = Path(__file__).parents[2]
CORPUS = REPOSITORY / "examples" / "corpus"
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SYSTEMROOT", "VIRTUAL_ENV")
_QUIET = {
    "LANGSMITH_TRACING": "false",
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "LANGGRAPH_NO_VERSION_CHECK": "true",
    "OLLAMA_HOST": "127.0.0.1:9",
    "NO_COLOR": "1",
}


@dataclass
class LangGraphDev:
    """The running server: its address, and what it has logged."""

    url: str
    log: Path

    def logged(self) -> str:
        return self.log.read_text("utf-8", "replace")


@contextmanager
def langgraph_dev(folder: Path, **variables: str) -> Iterator[LangGraphDev]:
    """Run it in a folder with the repository's `langgraph.json` and no `.env`, as in a fresh clone."""
    shutil.copy(REPOSITORY / "langgraph.json", folder)
    port, log = _free_port(), folder / "langgraph.log"
    command = [sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload", "--port", str(port)]
    env = process_environment(folder, **variables)
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
        server = LangGraphDev(f"http://127.0.0.1:{port}", log)
        try:
            _wait_until_up(server, process)
            yield server
        finally:
            _stop(process)


def process_environment(folder: Path, **variables: str) -> dict[str, str]:
    """What a server's process sees: nothing of this machine's keys, and a database of its own."""
    own = {"FUSION_SERVER_DATABASE": str(folder / "server.sqlite")}
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | _QUIET | own | variables


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_up(server: LangGraphDev, process: subprocess.Popen[bytes], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{server.url}/ok", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"langgraph dev did not come up:\n{server.logged()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, how)
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                continue
    process.wait()

"""`fusion serve` in a process that can be killed at any moment."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SYSTEMROOT", "VIRTUAL_ENV")
_HASTY = """
import runpy, sys
from fusion_graph.server import upkeep
from fusion_graph.server.records import processes
upkeep.BEAT_SECONDS, processes.DEAD_AFTER_SECONDS = 0.2, 1.5
sys.argv = ["fusion", *sys.argv[1:]]
runpy.run_module("fusion_graph.cli", run_name="__main__")
"""
"""A server that takes others for dead after a moment, so that a test need not wait for its patience."""


class MortalServer:
    """One process.

    Args:
        database: Where it stores.
        gateway: Address of the model server.
        log: The file of what it says.
        hasty: Whether it takes others for dead after a moment.

    Attributes:
        url: Its address.
    """

    def __init__(self, database: str, gateway: str, log: Path, *, hasty: bool = False) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        program = ["-c", _HASTY] if hasty else ["-m", "fusion_graph.cli"]
        options = ["--port", str(port), "--database", database, "--gateway-url", gateway]
        env = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"OLLAMA_HOST": "127.0.0.1:9"}
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, *program, "serve", *options], env=env, stdout=out, stderr=out
            )

    def wait_until_up(self, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/healthz", trust_env=False).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise RuntimeError(f"the server did not come up:\n{self._log.read_text('utf-8', 'replace')}")

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        self._process.wait()

    def tell_to_end(self) -> None:
        """Ask it to end, if it still runs."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.tell_to_end()
        try:
            return self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

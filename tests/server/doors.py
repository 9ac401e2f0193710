"""The two ways of running the HTTP app, each as a process of its own with the same scripted models."""

from __future__ import annotations

import asyncio
import os
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
from langgraph_dev import process_environment

from fusion_graph.server.database import opened
from fusion_graph.server.keys import Keys
from fusion_graph.server.settings import ServerSettings


@dataclass(frozen=True)
class Door:
    """A running server.

    Attributes:
        name: `alone` or `inside` LangGraph Server.
        url: Its address.
        headers: A key for it, where it asks for one.
    """

    name: str
    url: str
    headers: dict[str, str]


def make_key(database: str | Path, name: str, **limits: object) -> str:
    """Make a key in a server's database, as `fusion keys add` does; returns its secret."""

    async def made() -> str:
        async with opened(ServerSettings(database=str(database))) as held:
            return (await Keys(held).add(name, **limits))[1]  # type: ignore[arg-type]

    return asyncio.run(made())


@contextmanager
def fusion_serve(folder: Path, *options: str, **variables: str) -> Iterator[str]:
    """Run `fusion serve` as a process; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "fusion_graph.cli", "serve", "--port", str(port), *options]
    env = process_environment(folder, **variables)
    log = folder / "serve.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_up(url, process, log)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"fusion serve did not come up:\n{log.read_text('utf-8', 'replace')}")

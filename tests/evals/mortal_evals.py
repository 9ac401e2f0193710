"""Evaluations in processes that can be killed at any moment."""

from __future__ import annotations

import asyncio
import sys
import warnings
from multiprocessing import get_context
from pathlib import Path

from fusion_graph import Gateway, Resources

_MORTALS = get_context("forkserver")
_MORTALS.set_forkserver_preload(["fusion_graph.evals.session", "langchain_openai"])


def _live(file: Path, out: Path, gateway: str, said: Path) -> None:
    from fusion_graph.evals.session import Options, work
    from fusion_graph.terminal.consoles import Screen

    warnings.simplefilter("error")
    sys.stdout = sys.stderr = said.open("w", encoding="utf-8")
    options = Options(file, out, yes=True, resources=Resources(gateway=Gateway(gateway, "")))
    sys.exit(asyncio.run(work("run", options, Screen.open(color=False))))


class MortalEval:
    """A process that runs `fusion eval run`.

    Args:
        file: The eval file.
        out: Where results go.
        gateway: The model server.
    """

    def __init__(self, file: Path, out: Path, gateway: str) -> None:
        self._said = out.with_suffix(".log")
        self._process = _MORTALS.Process(target=_live, args=(file, out, gateway, self._said))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        self._process.join()

    async def ended(self, seconds: float = 60.0) -> int:
        """Wait for its end, and return its exit code."""
        await asyncio.to_thread(self._process.join, seconds)
        if self._process.exitcode is None:
            self.kill()
            raise TimeoutError(f"it did not end within {seconds:g} s:\n{self.said}")
        return self._process.exitcode

    @property
    def said(self) -> str:
        """What it printed."""
        return self._said.read_text("utf-8")

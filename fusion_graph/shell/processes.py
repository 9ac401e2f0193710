"""The host's side of a sandbox: one process group, ended as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

INITIAL_PROCESSES = "pid:[4026531836]"
"""The namespace of a Linux machine's own processes, the same number everywhere."""


def own_processes() -> str:
    """Name the namespace that this process sees; empty where there is no `/proc`."""
    path = Path("/proc/self/ns/pid")
    return str(path.readlink()) if path.is_symlink() else ""


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill a process that leads its own group, and all of that group, at once.

    Killing the leader alone is not enough: bubblewrap's child follows its parent only once it has set itself up.

    Args:
        process: Launched with `start_new_session`.
    """
    if process.returncode is None:  # else its number may be another's by now
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

"""The host's side of a sandbox: one process group, ended as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill a process that leads its own group, and all of that group, at once.

    Killing the leader alone is not enough: bubblewrap's child follows its parent only once it has set itself up.

    Args:
        process: Launched with `start_new_session`.
    """
    if process.returncode is None:  # else its number may be another's by now
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

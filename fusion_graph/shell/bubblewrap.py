"""Bubblewrap as a sandbox: user, process, network and mount namespaces of its own, and limits on what is left.

Inside there are the system's programs and libraries, read-only, an empty workspace in memory, and nothing else:
no network, no files of the host, no variables, no way to make further namespaces.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain.agents.middleware._execution import BaseExecutionPolicy

from fusion_graph.shell.processes import kill_group
from fusion_graph.shell.settings import OUTPUT, OUTPUT_BYTES, WORKSPACE

_PROGRAMS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_NEEDED_OF_ETC = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
_NOBODY = 65534
_LIMITED = (
    "ulimit -c 0 && ulimit -u {processes} && ulimit -v {memory} && ulimit -f {disk} && ulimit -n 256 || exit 125; "
    "echo 1000 > /proc/self/oom_score_adj; "  # should memory run out, the kernel begins here
    'exec nice -n 10 "$@"'
)


@dataclass
class BubblewrapExecutionPolicy(BaseExecutionPolicy):
    """Launch a shell with `bwrap` 0.8 or later; works for unprivileged users where user namespaces do.

    `/usr/local` stays outside, and so does everything of `/etc` but what programs need to start. The workspace
    that is passed in is not mounted: the sandbox has its own in memory, which ends with it.

    Attributes:
        binary: The program.
        memory_bytes: Address space of one process.
        max_processes: Processes and threads in the sandbox.
        disk_bytes: Size of the workspace; it counts as memory.
    """

    binary: str = "bwrap"
    memory_bytes: int = 2**30
    max_processes: int = 64
    disk_bytes: int = 64 * 2**20

    def spawn(self, *, workspace: Path, env: Mapping[str, str], command: Sequence[str]) -> subprocess.Popen[str]:
        """Launch a command in a new sandbox.

        Args:
            workspace: Not used.
            env: All the variables it gets.
            command: What to run.

        Returns:
            The process; the sandbox ends when it does, and when the thread ends that launched it.

        Raises:
            RuntimeError: `bwrap` is not installed.
        """
        del workspace
        return subprocess.Popen(  # noqa: S603 - the point of a sandbox
            self._arguments(env, command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={},
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # so that the sandbox has no terminal, and is one group
            **_unprivileged(),
        )

    def end(self, process: subprocess.Popen[str]) -> None:
        """End a sandbox, whatever runs in it; blocks for a moment.

        Args:
            process: What `spawn` returned.
        """
        kill_group(process)  # with bwrap dies the namespace's init, and with that all that is in it
        process.wait()

    def _arguments(self, env: Mapping[str, str], command: Sequence[str]) -> list[str]:
        binary = shutil.which(self.binary)
        if binary is None:
            raise RuntimeError(f"{self.binary} is not installed (Debian: apt-get install bubblewrap)")
        limited = _LIMITED.format(
            processes=self.max_processes, memory=self.memory_bytes // 1024, disk=self.disk_bytes // 1024
        )
        return [
            binary,
            *("--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"),
            *("--die-with-parent", "--hostname", "sandbox", "--clearenv"),
            *_programs(),
            *("--proc", "/proc", "--dev", "/dev", "--size", "1048576", "--tmpfs", "/dev/shm"),  # noqa: S108
            *("--remount-ro", "/dev"),
            *("--size", str(self.disk_bytes), "--tmpfs", WORKSPACE, "--symlink", WORKSPACE, "/tmp"),  # noqa: S108
            *("--size", str(OUTPUT_BYTES), "--tmpfs", OUTPUT, "--remount-ro", "/", "--chdir", WORKSPACE),
            *(part for name, value in env.items() for part in ("--setenv", name, value)),
            *("--", "/bin/bash", "--noprofile", "--norc", "-c", limited, "bash", *command),
        ]


def _programs() -> list[str]:
    """Mount the system's programs: `/usr` but for what people put there themselves, and what is beside it or a link."""
    mounts: list[str] = []
    for name in (*_PROGRAMS, "libexec", "share"):
        mounts += ["--ro-bind-try", f"/usr/{name}", f"/usr/{name}"]
    for name in _PROGRAMS:
        path = Path("/", name)
        if path.is_symlink():
            mounts += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            mounts += ["--ro-bind", str(path), str(path)]
    for needed in _NEEDED_OF_ETC:
        mounts += ["--ro-bind-try", needed, needed]
    return mounts


def _unprivileged() -> dict[str, Any]:
    """Step down from root, whom the kernel exempts from limits on processes."""
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": ()} if os.geteuid() == 0 else {}

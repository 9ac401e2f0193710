"""Bubblewrap as a sandbox: user, process, network and mount namespaces of its own, and limits on what is left.

Inside there are the system's programs and libraries, read-only, an empty workspace in memory, and nothing else:
no network, no files of the host, no variables, no way to make further namespaces, and no system calls that reach past
them.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain.agents.middleware._execution import BaseExecutionPolicy

from fusion_graph.shell.memory import overdraft, watchable
from fusion_graph.shell.processes import kill_group
from fusion_graph.shell.settings import OUTPUT, OUTPUT_BYTES, WORKSPACE
from fusion_graph.shell.system_calls import seccomp_filter

_PROGRAMS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_NEEDED_OF_ETC = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
_TELLING_OF_PROC = ("cmdline", "keys", "key-users", "timer_list", "sched_debug", "latency_stats", "swaps", "partitions")
_NO_CORE = "--core=1:1"
"""With a limit of one byte the kernel calls no core handler, which would be a program of the host's root; 0 would."""
_NOBODY = 65534
_LIMITED = (
    "ulimit -u {processes} && ulimit -v {memory} && ulimit -f {disk} && ulimit -n 256 || exit 125; "
    "echo 1000 > /proc/self/oom_score_adj; "  # should memory run out, the kernel begins here; commands may undo it
    'exec nice -n 10 "$@"'
)


@dataclass
class BubblewrapExecutionPolicy(BaseExecutionPolicy):
    """Launch a shell with `bwrap` 0.8 or later; works for unprivileged users where user namespaces do.

    `/usr/local` stays outside, and so does everything of `/etc` but what programs need to start. The workspace
    that is passed in is not mounted: the sandbox has its own in memory, which ends with it.

    Attributes:
        binary: The program.
        memory_bytes: Address space of one process, and what all may take together.
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
            RuntimeError: `bwrap` or `prlimit` is not installed, or this machine's system calls are not known.
        """
        del workspace
        if not watchable():
            raise RuntimeError("this kernel does not say which processes descend from which (CONFIG_PROC_CHILDREN)")
        with _given(seccomp_filter(platform.machine())) as rules:
            return subprocess.Popen(  # noqa: S603 - the point of a sandbox
                self._arguments(env, command, rules),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(rules,),
                cwd="/",
                env={},
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # so that the sandbox has no terminal, and is one group
                **_unprivileged(),
            )

    def overdraft(self, process: subprocess.Popen[str]) -> str | None:
        """Say whether a sandbox takes too much memory; reads files.

        Args:
            process: What `spawn` returned.

        Returns:
            The fault in words, or nothing.
        """
        return overdraft(process.pid, self.memory_bytes)

    def end(self, process: subprocess.Popen[str]) -> None:
        """End a sandbox, whatever runs in it; blocks for a moment.

        Args:
            process: What `spawn` returned.
        """
        kill_group(process)  # with bwrap dies the namespace's init, and with that all that is in it
        process.wait()

    def _arguments(self, env: Mapping[str, str], command: Sequence[str], rules: int) -> list[str]:
        binary = _found(self.binary, "bubblewrap")
        limited = _LIMITED.format(
            processes=self.max_processes, memory=self.memory_bytes // 1024, disk=self.disk_bytes // 1024
        )
        return [
            *(_found("prlimit", "util-linux"), _NO_CORE, "--", binary),
            *("--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"),
            *("--die-with-parent", "--hostname", "sandbox", "--clearenv"),
            *("--seccomp", str(rules)),
            *_programs(),
            *("--proc", "/proc", *_hidden(), "--dev", "/dev", "--size", "1048576", "--tmpfs", "/dev/shm"),  # noqa: S108
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


def _hidden() -> list[str]:
    """Close what of `/proc` tells of the whole host and may hold secrets, the kernel's command line before all."""
    told = [Path("/proc", name) for name in _TELLING_OF_PROC]
    return [part for path in told if path.exists() for part in ("--ro-bind", "/dev/null", str(path))]


def _found(program: str, package: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise RuntimeError(f"{program} is not installed (Debian: apt-get install {package})")
    return path


@contextmanager
def _given(rules: bytes) -> Iterator[int]:
    """Open a file to read the rules from, which are shorter than what a pipe holds."""
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(rules)
        yield reading
    finally:
        os.close(reading)


def _unprivileged() -> dict[str, Any]:
    """Step down from root, whom the kernel exempts from limits on processes."""
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": ()} if os.geteuid() == 0 else {}

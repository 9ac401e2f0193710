"""Docker as a sandbox: LangChain's policy, closed further, and ended for certain."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from langchain.agents.middleware import DockerExecutionPolicy

from fusion_graph.shell.processes import kill_group
from fusion_graph.shell.settings import OUTPUT, OUTPUT_BYTES, WORKSPACE

_LOG = logging.getLogger(__name__)
_NAME = "fusion-graph-shell-"
_END_SECONDS = 30.0
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
_NO_PROXIES = {name: "" for upper in _PROXIES for name in (upper, upper.lower())}
"""Else the client sets them as its own settings have it, passwords included."""


@dataclass
class ContainerExecutionPolicy(DockerExecutionPolicy):
    """Launch a shell in a container without network, rights, host files and writable disk but its workspace.

    The image must be there: nothing is pulled in the middle of a run.

    Attributes:
        max_processes: Processes and threads in the container.
        disk_bytes: Size of the workspace; it counts as memory.
    """

    memory_bytes: int | None = 2**30
    cpus: str | None = "1"
    read_only_rootfs: bool = True
    user: str | None = "65534:65534"
    max_processes: int = 64
    disk_bytes: int = 64 * 2**20
    _names: dict[int, str] = field(default_factory=dict, init=False, repr=False)

    def spawn(self, *, workspace: Path, env: Mapping[str, str], command: Sequence[str]) -> subprocess.Popen[str]:
        """Launch a command in a new container.

        Args:
            workspace: Not mounted if it is a temporary one, as `DockerExecutionPolicy` has it.
            env: All the variables it gets beside the image's.
            command: What to run.

        Returns:
            The client's process; `end` ends the container.

        Raises:
            RuntimeError: `docker` is not installed.
        """
        name = _NAME + uuid4().hex[:12]
        closed = DockerExecutionPolicy(
            binary=self.binary,
            image=self.image,
            memory_bytes=self.memory_bytes,
            cpus=self.cpus,
            read_only_rootfs=self.read_only_rootfs,
            user=self.user,
            extra_run_args=(*(self.extra_run_args or ()), *self._closings(name)),
        )
        process = closed.spawn(workspace=workspace, env={**_NO_PROXIES, **env}, command=command)
        self._names[process.pid] = name
        return process

    def end(self, process: subprocess.Popen[str]) -> None:
        """End a container, whatever runs in it; blocks for a moment, and warns in the log of one that cannot be ended.

        Args:
            process: What `spawn` returned.
        """
        kill_group(process)
        process.wait()
        removal = [self.binary, "rm", "--force", "--volumes", self._names.pop(process.pid)]
        try:
            subprocess.run(removal, capture_output=True, timeout=_END_SECONDS, check=False)  # noqa: S603 - gone already is fine
        except (OSError, subprocess.TimeoutExpired) as error:  # no reason to lose a seat's finished draft
            _LOG.warning("a sandbox may still run, end it with %r: %s", " ".join(removal), error)

    def overdraft(self, process: subprocess.Popen[str]) -> str | None:
        """Say nothing: the engine limits a container's memory, all its processes together.

        Args:
            process: What `spawn` returned.

        Returns:
            Nothing.
        """
        del process
        return None

    def _closings(self, name: str) -> tuple[str, ...]:
        owned = "mode=1777,nosuid,nodev"
        return (
            *("--name", name, "--pull", "never", "--init", "--hostname", "sandbox", "--workdir", WORKSPACE),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", str(self.max_processes)),
            *("--memory-swap", str(self.memory_bytes), "--ulimit", f"fsize={self.disk_bytes}", "--ulimit", "core=1:1"),
            *("--ulimit", "nofile=256:256", "--ipc", "private", "--log-driver", "none", "--no-healthcheck"),
            *("--tmpfs", f"{WORKSPACE}:rw,exec,size={self.disk_bytes},{owned}"),
            *("--tmpfs", f"{OUTPUT}:rw,noexec,size={OUTPUT_BYTES},{owned}"),
        )

"""Which sandbox works here: tried before a run, and never replaced by the host."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fusion_graph.errors import ConfigError
from fusion_graph.resources import Resources
from fusion_graph.shell.bubblewrap import BubblewrapExecutionPolicy
from fusion_graph.shell.container import ContainerExecutionPolicy
from fusion_graph.shell.processes import INITIAL_PROCESSES

_TRIAL_SECONDS = 30.0
_LAST_WORDS = 300
_NAMESPACES = ("/proc/self/ns/pid", "/proc/self/ns/net")
_TRYING = threading.Lock()
_WORKING: dict[tuple[str, str], Sandbox] = {}


class Policy(Protocol):
    """LangChain's contract of an execution policy, and limits on and an end to what it launched."""

    def spawn(self, *, workspace: Path, env: Mapping[str, str], command: Sequence[str]) -> subprocess.Popen[str]:
        """Launch a command in a new sandbox."""

    def overdraft(self, process: subprocess.Popen[str]) -> str | None:
        """Say in words what it takes too much of, if it does; reads files."""

    def end(self, process: subprocess.Popen[str]) -> None:
        """End it and all that runs in it."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that works here.

    Attributes:
        name: `docker` or `bubblewrap`.
        policy: Launches and ends processes.
        shell: The shell inside.
    """

    name: str
    policy: Policy
    shell: str


def find_sandbox(resources: Resources) -> Sandbox:
    """Find the operator's sandbox, by starting it once; in async code, call it in a thread.

    Args:
        resources: `shell` says which, `shell_image` in which image.

    Returns:
        The sandbox; for `auto` Docker where an engine and the image are there, else bubblewrap.

    Raises:
        ConfigError: The operator has switched `shell` off, or no sandbox works; the message says what to do.
    """
    if resources.shell == "off":
        raise ConfigError(
            "tools: 'shell' is switched off; only the operator can switch it on, "
            "by FUSION_SHELL=auto or Resources(shell='auto')"
        )
    if sys.platform == "win32":
        raise ConfigError("tools: 'shell' has no sandbox on Windows; use WSL")
    with _TRYING:
        key = (resources.shell, resources.shell_image)
        if key not in _WORKING:
            _WORKING[key] = _first_working(_candidates(resources))
        return _WORKING[key]


def _candidates(resources: Resources) -> list[Callable[[], Sandbox]]:
    def docker() -> Sandbox:
        return Sandbox("docker", ContainerExecutionPolicy(image=resources.shell_image), "/bin/sh")

    def bubblewrap() -> Sandbox:
        return Sandbox("bubblewrap", BubblewrapExecutionPolicy(), "/bin/bash")

    chosen: dict[str, list[Callable[[], Sandbox]]] = {"docker": [docker], "bubblewrap": [bubblewrap]}
    return chosen.get(resources.shell, [docker, bubblewrap])


def _first_working(candidates: Sequence[Callable[[], Sandbox]]) -> Sandbox:
    faults: list[str] = []
    for make in candidates:
        sandbox = make()
        fault = _fault(sandbox)
        if fault is None:
            return sandbox
        faults.append(f"{sandbox.name}: {fault}")
    raise ConfigError(
        f"tools: 'shell' runs in a sandbox only, and none works here ({'; '.join(faults)}). Install bubblewrap 0.8 "
        "or later and allow unprivileged user namespaces, or start Docker and pull the image; or do without 'shell'"
    )


def _fault(sandbox: Sandbox) -> str | None:
    """Start it once, and see that what runs inside has processes and a network of its own."""
    with tempfile.TemporaryDirectory(prefix="langchain-shell-") as nothing:
        try:
            process = sandbox.policy.spawn(
                workspace=Path(nothing), env={}, command=[sandbox.shell, "-c", f"readlink {' '.join(_NAMESPACES)}"]
            )
        except (OSError, RuntimeError) as error:
            return str(error)
        try:
            inside, said = process.communicate(timeout=_TRIAL_SECONDS)
        except subprocess.TimeoutExpired:
            return f"it did not start within {_TRIAL_SECONDS:g} seconds"
        finally:
            sandbox.policy.end(process)
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
    if process.returncode != 0:
        return " ".join(said.split())[-_LAST_WORDS:] or "it cannot be started"
    return None if _is_apart(inside.split()) else "it does not keep processes and network apart from the host's"


def _is_apart(inside: Sequence[str]) -> bool:
    here = [str(path.readlink()) if path.is_symlink() else "" for path in map(Path, _NAMESPACES)]
    return len(inside) == len(here) and all(
        ours != theirs != INITIAL_PROCESSES and theirs.startswith(("pid:[", "net:["))
        for ours, theirs in zip(here, inside, strict=True)
    )

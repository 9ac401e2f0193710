"""What a sandbox takes of the host's memory, all its processes together, as the host's `/proc` tells it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_RESIDENT = re.compile(r"^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB", re.MULTILINE)
_PROPORTIONAL = re.compile(r"^(?:Pss_Anon|Pss_Shmem|SwapPss):\s+(\d+) kB", re.MULTILINE)
_AVAILABLE = re.compile(r"^Mem(?:Total|Available):\s+(\d+) kB", re.MULTILINE)
_RESERVE = 0.03
"""Share of the host's memory that must stay available."""


def overdraft(root: int, most_bytes: int) -> str | None:
    """Say what is wrong with the memory of a process and all its descendants; reads files.

    Args:
        root: The process.
        most_bytes: What they may take together, in memory and swapped out, each shared page counted once.

    Returns:
        The fault in words, or nothing.
    """
    try:
        if _taken(root, "status", _RESIDENT) > most_bytes and _taken(root, "smaps_rollup", _PROPORTIONAL) > most_bytes:
            return f"it took more than {most_bytes // 2**20:,} MB of memory"
        total, available = (int(number) for number in _AVAILABLE.findall((_PROC / "meminfo").read_text()))
    except (OSError, ValueError) as error:
        return f"its memory cannot be watched: {error}"
    return "the machine was running out of memory" if available < total * _RESERVE else None


def watchable() -> bool:
    """Return whether this kernel tells which processes descend from which (CONFIG_PROC_CHILDREN)."""
    return (_PROC / f"self/task/{threading.get_native_id()}/children").exists()


def _taken(root: int, name: str, entries: re.Pattern[str]) -> int:
    return sum(1024 * int(size) for process in _tree(root) for size in entries.findall(_read(_PROC / process / name)))


def _tree(root: int) -> Iterator[str]:
    waiting = [str(root)]
    while waiting:
        process = waiting.pop()
        yield process
        for thread in _threads(process):
            waiting += _read(thread / "children").split()


def _threads(process: str) -> list[Path]:
    try:
        return list((_PROC / process / "task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []


def _read(path: Path) -> str:
    """Read what the kernel tells of a process; nothing once it has ended."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""

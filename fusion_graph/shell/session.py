"""A conversation with one sandbox: commands in, bounded output and an exit status back.

LangChain's own session reads without bound, waits out its limit where a command prints no last newline or ends the
shell, loses what a stopped command printed, and stays behind when a run is cancelled; so this one is asynchronous.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from fusion_graph.errors import FusionError
from fusion_graph.shell.processes import INITIAL_PROCESSES, kill_group, own_processes
from fusion_graph.shell.sandboxes import Sandbox
from fusion_graph.shell.settings import OUTPUT, OUTPUT_BYTES, WORKSPACE
from fusion_graph.shell.watch import Watch

_VARIABLES = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "HOME": WORKSPACE,
    "TMPDIR": WORKSPACE,
    "LANG": "C.UTF-8",
}
_GUARD = (
    "exec 2>/dev/null; case $(readlink /proc/self/ns/pid) in "
    "'{here}' | '{initial}') exit 1;; pid:*) ;; *) exit 1;; esac\n"
)
"""Sent first: commands end by killing all that can be seen, so where that is the host's processes the shell ends."""
_LINE = (
    "rm -rf {output}/* {output}/.[!.]*; timeout -k 1 {seconds:g} {shell} -c {command} </dev/null >{output}/out 2>&1; "
    "status=$?; [ $$ -lt 99 ] && kill -KILL -1; "
    "[ -f {output}/out ] && [ ! -L {output}/out ] || {{ rm -rf {output}/out; : >{output}/out; }}; "
    "head -c {most} {output}/out; printf '\\n%s %s %s\\n' {mark} $status $(wc -c <{output}/out)\n"
)
"""Output goes to a small disk, not to a pipe; what a command leaves running is killed, all of it, before it is read,
and only if it is still a file: a pipe or a device in its place would never end."""
_REPORT = re.compile(rb"(\d{1,3}) +(\d{1,8})\n")
_REMARKS_BYTES = 65_536
"""What is read of a sandbox's own remarks; who writes more must wait, and only what runs inside can do that."""
_PATIENCE = 10.0
"""Seconds beyond a command's own; a sandbox that takes them has been tampered with."""


class SandboxEndedError(FusionError):
    """The sandbox is gone, and its files with it; the next command gets a new one."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command gave back.

    Attributes:
        text: What it printed, both streams in order; its beginning if that is long.
        total: Bytes that it printed, as far as there was room for them.
        cut: Whether it printed more than was read.
        status: Its exit status; 124 if it was stopped at its time limit.
    """

    text: str
    total: int
    cut: bool
    status: int


class _Remarks(asyncio.Protocol):
    """Reads and forgets what a sandbox says of itself, so that it is not stuck, up to a limit."""

    def __init__(self) -> None:
        self._left = _REMARKS_BYTES
        self._pipe: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._pipe = transport

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0 and isinstance(self._pipe, asyncio.ReadTransport):
            self._pipe.pause_reading()


class Session:
    """One sandbox, begun with the first command; its commands wait for each other."""

    def __init__(self, sandbox: Sandbox, *, seconds: float, most_bytes: int) -> None:
        """Set the limits.

        Args:
            sandbox: Makes and ends the processes.
            seconds: What a command may take.
            most_bytes: What is read of its output.
        """
        self._sandbox, self._seconds, self._most = sandbox, seconds, most_bytes
        self._turn = asyncio.Lock()
        self._spawning = threading.Lock()
        self._closed = False
        self._process: subprocess.Popen[str] | None = None
        self._watch: Watch | None = None
        self._nothing: tempfile.TemporaryDirectory[str] | None = None
        self._reader: asyncio.StreamReader | None = None
        self._pipes: list[asyncio.BaseTransport] = []

    async def run(self, command: str) -> Output:
        """Run a command in a new shell in the workspace, whose files are those that earlier commands left.

        Args:
            command: What to run.

        Returns:
            Its output.

        Raises:
            SandboxEndedError: The sandbox ended under it, or was closed.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(self._seconds + _PATIENCE):
                    watch = self._watch or await self._begin()
                    with watch.closely():
                        return await self._exchange(command)
            except (TimeoutError, EOFError, asyncio.LimitOverrunError, OSError, ValueError) as error:
                fault = self._watch.fault if self._watch else None
                await self._end()
                why = f" ({fault})" if fault else ""
                raise SandboxEndedError(f"the sandbox ended during the command{why}, and its files with it") from error

    async def close(self) -> None:
        """End the sandbox and whatever runs in it, at once; nothing begins afterwards."""
        self._closed = True
        await self._end()

    async def _begin(self) -> Watch:
        process, watch = await asyncio.to_thread(self._spawn)
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise SandboxEndedError("the sandbox has no pipes")
        loop = asyncio.get_running_loop()
        self._reader = reader = asyncio.StreamReader(limit=self._most + 4096)
        out, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
        self._pipes.append(out)
        remarks, _ = await loop.connect_read_pipe(_Remarks, process.stderr)
        self._pipes.append(remarks)
        into, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, process.stdin)
        self._pipes.append(into)
        into.write(_GUARD.format(here=own_processes(), initial=INITIAL_PROCESSES).encode())
        return watch

    def _spawn(self) -> tuple[subprocess.Popen[str], Watch]:
        with self._spawning:
            if self._closed:
                raise SandboxEndedError("the run is over")
            self._nothing = tempfile.TemporaryDirectory(prefix="langchain-shell-")  # policies may mount it
            nothing, command = Path(self._nothing.name), [self._sandbox.shell, "-s"]
            self._process = self._sandbox.policy.spawn(workspace=nothing, env=_VARIABLES, command=command)
            self._watch = Watch(self._sandbox.policy, self._process)
            return self._process, self._watch

    async def _exchange(self, command: str) -> Output:
        reader, into = self._reader, self._pipes[-1]
        if reader is None or not isinstance(into, asyncio.WriteTransport):
            raise SandboxEndedError("the sandbox has no pipes")
        mark = token_hex(16)
        line = _LINE.format(
            seconds=self._seconds,
            shell=self._sandbox.shell,
            command=shlex.quote(command),
            output=OUTPUT,
            most=self._most,
            mark=mark,
        )
        into.write(line.encode("utf-8", "replace"))
        printed = await reader.readuntil(f"\n{mark} ".encode())
        report = _REPORT.fullmatch(await reader.readuntil(b"\n"))
        if report is None or int(report[2]) > OUTPUT_BYTES:
            raise ValueError("what the sandbox reports has been tampered with")
        status, total = int(report[1]), int(report[2])
        text = printed[: -len(mark) - 2].decode("utf-8", "replace")
        return Output(text, total, total > self._most, status)

    async def _end(self) -> None:
        if self._process is not None:
            kill_group(self._process)  # now, however busy the threads are that clear up
        for pipe in self._pipes:
            if not pipe.is_closing():
                pipe.abort() if isinstance(pipe, asyncio.WriteTransport) else pipe.close()
        self._pipes, self._reader = [], None
        await asyncio.shield(asyncio.to_thread(self._clear_up))

    def _clear_up(self) -> None:
        with self._spawning:
            if self._watch is not None:
                self._watch.stop()
                self._watch = None
            if self._nothing is not None:
                self._nothing.cleanup()
            process, self._process = self._process, None
            if process is None:
                return
            self._sandbox.policy.end(process)
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

"""Ways to try a sandbox from inside, for the tests of its walls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

from langchain_core.messages import ToolMessage

from fusion_graph import Resources
from fusion_graph.fence import unfence
from fusion_graph.shell.settings import ShellSettings
from fusion_graph.shell.tool import shell_tool

SECRET = "planted-4f1d7c-secret"
QUICK = ShellSettings(timeout=2)
PATIENT = ShellSettings(timeout=20)
Shell = Callable[[str], Coroutine[None, None, ToolMessage]]

_CALLS = """
import ctypes, errno, os
_libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    result = _libc.syscall(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]
"""


@asynccontextmanager
async def opened(resources: Resources, settings: ShellSettings = QUICK) -> AsyncIterator[Shell]:
    """Open the tool as a seat has it."""
    async with shell_tool(settings, resources) as tool:

        async def run(command: str) -> ToolMessage:
            call = {"name": "shell", "args": {"command": command}, "id": "1", "type": "tool_call"}
            return await tool.ainvoke(call)

        yield run


def printed(message: ToolMessage) -> str:
    """What a command printed."""
    (output,) = unfence(str(message.content), "shell_output")
    return output.text


def status(message: ToolMessage) -> int:
    """With which status it ended."""
    return int(str(message.content).rsplit("[exit status ", 1)[1].split("]")[0].split(",")[0])


def python(code: str) -> str:
    """A command that runs Python, with `call(number, ...)` for system calls: their result, or the name of the error."""
    return f"python3 - <<'END_OF_CODE'\n{_CALLS}{code}\nEND_OF_CODE"

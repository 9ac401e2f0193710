"""One limit on the memory of all that runs in a sandbox, whoever of it holds it, and a reserve for the host."""

from __future__ import annotations

import time

import pytest
from sandbox_probe import PATIENT, QUICK, opened, printed, python, status
from test_shell_sandbox import gone

from fusion_graph import Resources
from fusion_graph.shell import memory, sandboxes
from fusion_graph.shell.bubblewrap import BubblewrapExecutionPolicy
from fusion_graph.shell.sandboxes import Sandbox

MOST = 200 * 2**20


@pytest.fixture
def small(with_bubblewrap: Resources, monkeypatch: pytest.MonkeyPatch) -> Resources:
    """A sandbox that may take 200 MB in all."""
    policy = BubblewrapExecutionPolicy(memory_bytes=MOST)
    key = (with_bubblewrap.shell, with_bubblewrap.shell_image)
    monkeypatch.setattr(sandboxes, "_WORKING", {key: Sandbox("bubblewrap", policy, "/bin/bash")})
    return with_bubblewrap


def hogs(number: int, megabytes: int) -> str:
    """Processes that each fill as much memory for some seconds."""
    return python(f"""
import time
for _ in range({number - 1}):
    if os.fork() == 0: break
held = bytearray({megabytes} * 2**20)
time.sleep(6)
""")


async def test_processes_that_share_the_work_of_filling_memory_are_ended_together(small):
    async with opened(small, PATIENT) as shell:
        await shell("echo lost > note")
        begun = time.monotonic()
        result = await shell(hogs(4, 80))
        assert time.monotonic() - begun < 5
        assert result.status == "error"
        assert "ended during the command (it took more than 200 MB of memory), and its files with it" in result.content
        assert printed(await shell("ls; echo fine")) == "fine"


async def test_children_that_hide_from_their_parents_are_counted_too(small):
    async with opened(small, PATIENT) as shell:
        hog = "setsid python3 -c 'import time; x = bytearray(100 * 2**20); time.sleep(6)'"
        result = await shell(f"for i in 1 2 3; do ({hog} &); done; sleep 6")
        assert "it took more than 200 MB" in result.content


async def test_memory_that_processes_share_is_counted_once(small):
    shared = python("""
import time
held = bytearray(100 * 2**20)
for _ in range(4):
    if os.fork() == 0:
        break
time.sleep(1.5)
""")
    async with opened(small, PATIENT) as shell:
        result = await shell(shared + "\necho fine")
    assert (printed(result), status(result)) == ("fine", 0)


async def test_one_process_alone_meets_its_own_limit_first_and_the_sandbox_stays(small):
    async with opened(small, PATIENT) as shell:
        await shell("echo kept > note")
        assert "MemoryError" in printed(await shell(python("bytearray(250 * 2**20)")))
        assert printed(await shell("cat note")) == "kept"


async def test_a_host_that_runs_out_of_memory_ends_its_sandboxes_first_even_those_that_wait(
    with_bubblewrap, monkeypatch
):
    async with opened(with_bubblewrap, QUICK) as shell:
        await shell("true")
        monkeypatch.setattr(memory, "_RESERVE", 1.0)
        await gone()
        monkeypatch.undo()
        result = await shell("echo x")
        assert "(the machine was running out of memory)" in result.content
        assert printed(await shell("echo fine")) == "fine"


def test_a_process_that_is_gone_takes_nothing_and_memory_that_cannot_be_read_is_a_fault(tmp_path, monkeypatch):
    assert memory.overdraft(2**22 + 1, MOST) is None
    monkeypatch.setattr(memory, "_PROC", tmp_path)
    assert str(memory.overdraft(1, MOST)).startswith("its memory cannot be watched: ")

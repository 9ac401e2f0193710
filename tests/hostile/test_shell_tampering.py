"""A command turns against its own sandbox: its shell, its clock, its output, the host's reader of it."""

from __future__ import annotations

import asyncio
import os
import platform
import socket
import sys
import threading
import time

import pytest
from sandbox_probe import PATIENT, QUICK, SECRET, opened, printed, python, status
from test_shell_sandbox import gone, nap, processes
from waiting import eventually

from fusion_graph.shell import session
from fusion_graph.shell.settings import ShellSettings

only_on_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86-64")
TAKE = """
def taken(process, file):
    return call(438, call(434, process, 0), file, 0)
"""
"""`pidfd_getfd`: take a file of another process in the sandbox, as a debugger may."""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_PATIENCE", 1.0)


@pytest.mark.parametrize("trick", ["mkfifo", "mkdir", "ln -s /dev/zero", "ln -s /proc/1/mem", "ln -s ../output/out"])
async def test_an_output_file_that_is_swapped_costs_a_command_its_words_alone(with_bubblewrap, trick):
    async with opened(with_bubblewrap, PATIENT) as shell:
        await shell("echo kept > note")
        begun = time.monotonic()
        swapped = await shell(f"rm /output/out; {trick} /output/out; echo unseen; exit 3")
        assert (printed(swapped), status(swapped)) == ("", 3)
        assert time.monotonic() - begun < 5
        assert printed(await shell("cat note; ls -A /output")) == "kept\nout"


async def test_a_full_output_disk_costs_a_command_its_words_alone(with_bubblewrap):
    async with opened(with_bubblewrap) as shell:
        assert "No space left" not in printed(await shell("head -c 8M /dev/zero > /output/.junk; echo unseen"))
        assert printed(await shell("echo fine")) == "fine"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("target", ["$PPID", "2"])
async def test_a_stopped_clock_is_noticed_from_outside(with_bubblewrap, target):
    begun = time.monotonic()
    async with opened(with_bubblewrap, ShellSettings(timeout=1)) as shell:
        result = await shell(f"kill -STOP {target}; {nap(10)}")
        assert result.status == "error"
        assert time.monotonic() - begun < 8
        await gone(nap(10))
        assert printed(await shell("echo fine")) == "fine"


@only_on_x86
@pytest.mark.usefixtures("impatient")
async def test_a_flood_into_the_shells_own_pipe_ends_the_sandbox_and_is_not_kept(with_bubblewrap):
    flood = "pipe = taken(2, 1)\nwhile True: os.write(pipe, b'x' * 65536)"
    async with opened(with_bubblewrap, QUICK) as shell:
        result = await shell(python(TAKE + flood))
        assert result.status == "error"
        assert len(result.content) < 200
        assert printed(await shell("echo fine")) == "fine"


@only_on_x86
async def test_a_flood_of_remarks_does_not_keep_the_host_busy(with_bubblewrap):
    flood = "pipe = taken(1, 2)\nprint(pipe >= 0, flush=True)\nwhile True: os.write(pipe, b'x' * 65536)"
    async with opened(with_bubblewrap, QUICK) as shell:
        await shell("true")
        begun = time.process_time()
        result = await shell(python(TAKE + flood))
        assert time.process_time() - begun < 0.5
        assert printed(result) == "True"
        assert status(result) == 124
        assert printed(await shell("echo fine")) == "fine"


FORGERY = """
import re, time
maps = open("/proc/2/maps").read()
memory = open("/proc/2/mem", "rb")
for low, high in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", maps, re.MULTILINE):
    try:
        memory.seek(int(low, 16))
        marks = re.findall(rb"n' ([0-9a-f]{32}) ", memory.read(int(high, 16) - int(low, 16)))
    except (OSError, ValueError, OverflowError):
        continue
    if marks:
        os.write(taken(2, 1), b"forged\\n" + marks[-1] + b" " + REPORT + b"\\n")
        time.sleep(30)
"""


@only_on_x86
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("report", ["9" * 4000 + " 1", "0 " + "9" * 4000, "-1 5", "0 99999999", "1_0 5", "0"])
async def test_a_forged_report_is_recognised_by_what_no_sandbox_says(with_bubblewrap, report):
    async with opened(with_bubblewrap, QUICK) as shell:
        result = await shell(python(f"{TAKE}\nREPORT = {report.encode()!r}\n{FORGERY}"))
        assert result.status == "error", result.content[:300]
        assert len(result.content) < 200
        assert printed(await shell("echo fine")) == "fine"


@only_on_x86
@pytest.mark.usefixtures("impatient")
async def test_a_forged_report_that_could_be_true_is_fenced_like_any_output(with_bubblewrap):
    async with opened(with_bubblewrap, QUICK) as shell:
        result = await shell(python(f"{TAKE}\nREPORT = b'0 5'\n{FORGERY}"))
    assert (printed(result), status(result)) == ("forged", 0)


async def test_open_files_of_the_host_process_are_not_passed_on(with_bubblewrap, tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    with (tmp_path / "secret").open() as file:
        os.set_inheritable(file.fileno(), True)
        async with opened(with_bubblewrap) as shell:
            files = printed(await shell("for f in /proc/[0-9]*/fd/*; do readlink $f; done"))
            assert str(tmp_path) not in files
            own = printed(await shell("exec 9</dev/null; ls /proc/self/fd"))
    assert own.split() == ["0", "1", "2", "3", "9"]  # 3 is the folder that `ls` reads


async def test_there_is_no_terminal_to_type_into(with_bubblewrap):
    push = """
import fcntl, termios
for file in (0, 1, 2):
    try:
        fcntl.ioctl(file, termios.TIOCSTI, b"x")
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
    async with opened(with_bubblewrap) as shell:
        assert status(await shell(": < /dev/tty")) != 0
        assert set(printed(await shell(python(push))).split()) <= {"ENOTTY", "EPERM", "EIO"}


async def test_abstract_sockets_of_the_host_and_of_other_seats_are_not_reached(with_bubblewrap):
    name = f"fusion-{os.getpid()}"
    reach = f"import socket\nsocket.socket(socket.AF_UNIX).connect('\\0{name}')"
    hold = f"import socket, time\ns = socket.socket(socket.AF_UNIX); s.bind('\\0{name}'); s.listen(); time.sleep(1.5)"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0{name}")
        server.listen()
        async with opened(with_bubblewrap) as one, opened(with_bubblewrap) as other:
            holding = asyncio.create_task(one(python(hold)))
            await asyncio.sleep(0.5)
            assert "ConnectionRefused" in printed(await other(python(reach)))
            assert status(await holding) == 0


async def test_processes_of_another_seat_are_neither_seen_nor_killed(with_bubblewrap):
    async with opened(with_bubblewrap) as one, opened(with_bubblewrap) as other:
        working = asyncio.create_task(one("sleep 1; echo done"))
        await asyncio.sleep(0.3)
        assert "sleep 1; echo" not in printed(await other("cat /proc/[0-9]*/cmdline | tr '\\0' ' '"))
        await other("kill -KILL -1")  # inside the sandbox: its own processes
        assert printed(await working) == "done"


async def test_what_proc_tells_of_the_whole_host_is_closed(with_bubblewrap):
    async with opened(with_bubblewrap) as shell:
        for name in ("cmdline", "keys", "key-users", "partitions", "kcore", "sysrq-trigger"):
            assert printed(await shell(f"cat /proc/{name} 2>/dev/null; echo > /proc/{name}")).count("\n") == 0, name
        assert status(await shell("mount -t tmpfs none /mnt || umount /proc/cmdline || mount -o remount,rw /usr")) != 0


async def test_every_mount_ignores_setuid_and_all_but_the_workspace_are_read_only(with_bubblewrap):
    async with opened(with_bubblewrap) as shell:
        mounts = [line.split() for line in printed(await shell("cat /proc/self/mounts")).splitlines()]
    for _, where, _, options, *_ in mounts:
        assert "nosuid" in options.split(","), where
        written = where in ("/workspace", "/output", "/proc") or where.startswith("/dev/")
        expected = "rw" if written else "ro"
        assert options.split(",")[0] == expected, where


_HOST = """
import asyncio, sys
from sandbox_probe import PATIENT, opened
from fusion_graph import Resources

async def main():
    async with opened(Resources(shell="bubblewrap"), PATIENT) as shell:
        await shell(sys.argv[1])

asyncio.run(main())
"""


async def test_a_host_that_is_killed_takes_its_sandboxes_with_it(with_bubblewrap, pytestconfig):
    path = f"{pytestconfig.rootpath}/tests/hostile:{pytestconfig.rootpath}"
    variables = {**os.environ, "PYTHONPATH": path}
    host = await asyncio.create_subprocess_exec(sys.executable, "-c", _HOST, f"setsid {nap(11)}", env=variables)
    try:
        await eventually(lambda: any("timeout -k" in line and nap(11) in line for _, line in processes()), 20)
    finally:
        host.kill()
        await host.wait()
    await gone(nap(11))


async def test_no_thread_stays_when_sandboxes_have_ended(with_bubblewrap):
    async with opened(with_bubblewrap, PATIENT) as shell:
        await shell("true")
    await eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == "fusion-shell-watch"])

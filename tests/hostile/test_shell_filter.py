"""What neither namespaces nor limits on processes reach is refused by a filter of system calls."""

from __future__ import annotations

import platform
import re
import struct
import subprocess
import sys

import pytest
from sandbox_probe import PATIENT, SECRET, opened, printed, python, status

from fusion_graph import Resources
from fusion_graph.errors import ConfigError
from fusion_graph.shell import bubblewrap, sandboxes
from fusion_graph.shell.sandboxes import find_sandbox
from fusion_graph.shell.system_calls import seccomp_filter

ENOSYS, EAFNOSUPPORT, EPERM = "ENOSYS", "EAFNOSUPPORT", "EPERM"
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
REFUSED = {
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
}
SOCKET, SOCKETPAIR, SETRLIMIT, PRLIMIT = (41, 198), (53, 199), (160, 164), (302, 261)
MACHINES = list(ARCHITECTURES)
HERE = platform.machine()
only_on_x86 = pytest.mark.skipif(HERE != "x86_64", reason="numbers and instructions of x86-64")


def verdict(machine: str, number: int, *arguments: int, architecture: int | None = None) -> str:
    """Run the filter as the kernel does."""
    given = list(arguments) + [0] * (6 - len(arguments))
    facts = struct.pack("<IIQ6Q", number, ARCHITECTURES[machine] if architecture is None else architecture, 0, *given)
    program = list(struct.iter_unpack("=HBBI", seccomp_filter(machine)))
    at = loaded = 0
    while True:
        code, if_true, if_false, value = program[at]
        at += 1
        if code == 0x20:
            (loaded,) = struct.unpack_from("<I", facts, value)
        elif code in (0x15, 0x35):
            at += if_true if (loaded == value if code == 0x15 else loaded >= value) else if_false
        else:
            assert code == 0x06
            if value == 0x7FFF0000:
                return "allowed"
            return "killed" if value == 0x80000000 else {38: ENOSYS, 97: EAFNOSUPPORT, 1: EPERM}[value & 0xFFFF]


@pytest.mark.parametrize("machine", MACHINES)
def test_every_refused_call_is_refused_on_every_machine_and_all_others_are_allowed(machine):
    at = MACHINES.index(machine)
    refused = {numbers[at] for numbers in REFUSED.values()}
    special = {numbers[at] for numbers in (SOCKET, SOCKETPAIR, SETRLIMIT, PRLIMIT)}
    for number in range(600):
        if number not in special:
            assert verdict(machine, number) == (ENOSYS if number in refused else "allowed"), number


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("calls", [SOCKET, SOCKETPAIR])
def test_only_families_that_the_network_namespace_holds_make_sockets(machine, calls):
    number = calls[MACHINES.index(machine)]
    allowed = [family for family in range(64) if verdict(machine, number, family) == "allowed"]
    assert allowed == [1, 2, 10, 16]
    assert verdict(machine, number, 2**32 + 40) == EAFNOSUPPORT  # the kernel reads the lower half alone


@pytest.mark.parametrize("machine", MACHINES)
def test_limits_can_be_read_and_set_but_that_of_core_files(machine):
    at = MACHINES.index(machine)
    limits = range(16)
    assert [limit for limit in limits if verdict(machine, SETRLIMIT[at], limit, 1) != "allowed"] == [4]
    for address in (1, 2**32, 2**40 + 8):
        assert [limit for limit in limits if verdict(machine, PRLIMIT[at], 0, limit, address) != "allowed"] == [4]
    assert verdict(machine, PRLIMIT[at], 0, 4, 0, 99) == "allowed"


@pytest.mark.parametrize("machine", MACHINES)
def test_programs_of_another_architecture_are_killed(machine):
    for other in {0x40000003, 0x40000028, *ARCHITECTURES.values()} - {ARCHITECTURES[machine]}:
        assert verdict(machine, 1, architecture=other) == "killed"


def test_a_machine_whose_calls_are_not_known_has_no_sandbox(monkeypatch):
    monkeypatch.setattr(sandboxes, "_WORKING", {})
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(bubblewrap.platform, "machine", lambda: "riscv64")
    with pytest.raises(ConfigError, match=r"bubblewrap: there is no filter of system calls for riscv64, only for"):
        find_sandbox(Resources(shell="bubblewrap"))


@only_on_x86
async def test_inside_they_are_really_refused(with_bubblewrap):
    numbers = {name: numbers[0] for name, numbers in REFUSED.items()}
    code = f"for name, number in {numbers}.items(): print(name, call(number, 0, 0, 0, 0, 0, 0))"
    async with opened(with_bubblewrap, PATIENT) as shell:
        result = printed(await shell(python(code)))
    assert dict(line.split() for line in result.splitlines()) == dict.fromkeys(REFUSED, ENOSYS)


async def test_sockets_to_the_virtual_machines_host_cannot_be_made(with_bubblewrap):
    code = """
import socket
for family in ("AF_VSOCK", "AF_ALG", "AF_PACKET", "AF_BLUETOOTH", "AF_CAN", "AF_UNIX", "AF_INET", "AF_INET6"):
    try:
        socket.socket(getattr(socket, family), socket.SOCK_STREAM).close()
        print(family, "made")
    except OSError as error:
        print(family, errno.errorcode[error.errno])
"""
    async with opened(with_bubblewrap, PATIENT) as shell:
        result = dict(line.split() for line in printed(await shell(python(code))).splitlines())
    assert {family for family, outcome in result.items() if outcome == "made"} <= {"AF_UNIX", "AF_INET", "AF_INET6"}
    assert result["AF_VSOCK"] == result["AF_PACKET"] == EAFNOSUPPORT
    assert result["AF_UNIX"] == result["AF_INET"] == "made"


_KEEPER = """
import asyncio, ctypes, sys
from sandbox_probe import PATIENT, SECRET, opened, printed, python
from fusion_graph import Resources

libc = ctypes.CDLL(None)
if libc.syscall(250, 1, None) < 0 or libc.syscall(248, b"user", b"planted", SECRET.encode(), len(SECRET), -3) < 0:
    sys.exit("this kernel keeps no keys")
CODE = '''
buffer = ctypes.create_string_buffer(64)
key = call(250, 10, -3, b"user", b"planted", 0)
print("key", key, call(250, 11, key, buffer, 64) if isinstance(key, int) else None, buffer.value)
'''

async def main():
    async with opened(Resources(shell="bubblewrap"), PATIENT) as shell:
        print(printed(await shell(python(CODE))))

asyncio.run(main())
"""


@only_on_x86
def test_keys_that_the_kernel_keeps_for_the_host_process_cannot_be_read(with_bubblewrap, pytestconfig):
    keeper = subprocess.run(
        [sys.executable, "-c", _KEEPER],
        env={"PYTHONPATH": f"{pytestconfig.rootpath}/tests/hostile:{pytestconfig.rootpath}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if keeper.stderr.startswith("this kernel keeps no keys"):
        pytest.skip(keeper.stderr.strip())
    assert keeper.stdout == "key ENOSYS None b''\n", keeper.stderr
    assert SECRET not in keeper.stdout


@only_on_x86
async def test_the_second_and_the_32_bit_ways_into_the_kernel_are_closed_too(with_bubblewrap):
    getpid_by_int_80 = """
import mmap
page = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
page.write(bytes.fromhex("b814000000cd80c3"))
print("answered", ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())
"""
    async with opened(with_bubblewrap, PATIENT) as shell:
        assert printed(await shell(python("print(call(0x40000000 + 39))"))) == ENOSYS
        old = await shell(python(getpid_by_int_80))
    assert status(old) == 128 + 31
    assert not re.search("^answered", printed(old), re.MULTILINE)


async def test_a_crash_calls_no_core_handler_of_the_host_and_that_cannot_be_changed(with_bubblewrap):
    async with opened(with_bubblewrap, PATIENT) as shell:
        assert printed(await shell("grep core /proc/self/limits")).split()[4:6] == ["1", "1"]
        assert status(await shell("ulimit -c 0")) != 0
        lower = "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))"
        assert "not allowed to raise maximum limit" in printed(await shell(python(lower)))
        await shell("bash -c 'kill -SEGV $$'")
        assert printed(await shell("ls -A; ls -A /output")) == "out"


async def test_ordinary_programs_work_under_the_filter(with_bubblewrap):
    code = """
import multiprocessing, socket, threading, tempfile
def twice(n): return 2 * n
a, b = socket.socketpair()
a.sendall(b"x")
thread = threading.Thread(target=print, args=("thread",)); thread.start(); thread.join()
with multiprocessing.get_context("fork").Pool(2) as pool: print(b.recv(1), pool.map(twice, [1, 2]))
tempfile.TemporaryFile().write(b"x")
"""
    async with opened(with_bubblewrap, PATIENT) as shell:
        result = await shell(
            python(code) + "\necho a b | awk '{print $2}' | sort | tee f | xargs echo; sleep 0.1; date >d"
        )
    assert printed(result) == "thread\nb'x' [2, 4]\nb"
    assert status(result) == 0

"""The system calls that a sandbox is refused: what namespaces and limits on processes do not reach.

Kernel keyrings and VM sockets belong to no namespace that bubblewrap makes. Memory of System V and of `memfd` belongs
to no process, so no limit on processes counts it. A crash calls the host's core handler, a program of root's, unless
the limit on core files is exactly one byte. io_uring, bpf, perf and userfaultfd are refused as in Docker's own profile.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # of classic BPF, <linux/bpf_common.h>
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data, <linux/seccomp.h>
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X32 = 0x40000000
"""From here on the calls of x86-64's second ABI are numbered."""
_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: the network namespace holds them all."""
_CORE = 4
"""RLIMIT_CORE."""


@dataclass(frozen=True, slots=True)
class _Machine:
    """Numbers of system calls, from the kernel's tables.

    Attributes:
        architecture: AUDIT_ARCH of its programs.
        refused: In order add_key, request_key, keyctl; shmget, msgget, semget; memfd_create, memfd_secret;
            io_uring_setup, io_uring_enter, io_uring_register; bpf, perf_event_open, userfaultfd.
        sockets: socket, socketpair.
        setrlimit: The older way to set a limit.
        prlimit: The newer one, which reads limits too.
    """

    architecture: int
    refused: tuple[int, ...]
    sockets: tuple[int, int]
    setrlimit: int
    prlimit: int


_MACHINES = {
    "x86_64": _Machine(
        0xC000003E, (248, 249, 250, 29, 68, 64, 319, 447, 425, 426, 427, 321, 298, 323), (41, 53), 160, 302
    ),
    "aarch64": _Machine(
        0xC00000B7, (217, 218, 219, 194, 186, 190, 279, 447, 425, 426, 427, 280, 241, 282), (198, 199), 164, 261
    ),
}


def seccomp_filter(machine: str) -> bytes:
    """Write the filter for `bwrap --seccomp`.

    Args:
        machine: The kernel's name for it, such as `x86_64`.

    Returns:
        A program of classic BPF. Refused calls fail with ENOSYS, so that programs fall back to something else; what
        is no program of this machine's own architecture is killed.

    Raises:
        RuntimeError: The numbers of this machine's calls are not known here.
    """
    if machine not in _MACHINES:
        raise RuntimeError(f"there is no filter of system calls for {machine}, only for {', '.join(_MACHINES)}")
    known = _MACHINES[machine]
    program = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, known.architecture, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        *([_step(_AT_LEAST, _X32, 0, 1), _refusal(errno.ENOSYS)] if machine == "x86_64" else []),
    ]
    for call in known.refused:
        program += _when(call, [_refusal(errno.ENOSYS)])
    for call in known.sockets:
        program += _when(call, _families())
    program += _when(known.setrlimit, _no_core(argument=0))
    program += _when(known.prlimit, _no_change_of_core())
    return b"".join([*program, _step(_RETURN, _ALLOW)])


def _families() -> list[bytes]:
    allowed = [step for family in _FAMILIES for step in _when(family, [_step(_RETURN, _ALLOW)])]
    return [_argument(0), *allowed, _refusal(errno.EAFNOSUPPORT)]


def _no_core(*, argument: int) -> list[bytes]:
    return [_argument(argument), *_when(_CORE, [_refusal(errno.EPERM)]), _step(_RETURN, _ALLOW)]


def _no_change_of_core() -> list[bytes]:
    """Refuse a new limit, whose address is the third argument, and let the old one be read."""
    upper = [_argument(2, upper=True), *_when(0, [_step(_RETURN, _ALLOW)])]
    return [_argument(2), *_when(0, upper), *_no_core(argument=1)]


def _when(value: int, then: list[bytes]) -> list[bytes]:
    """Run steps if what was loaded is a value, and pass over them if not."""
    return [_step(_EQUAL, value, 0, len(then)), *then]


def _argument(number: int, *, upper: bool = False) -> bytes:
    """Load half of a 64-bit argument; both machines keep the lower half first."""
    return _step(_LOAD, _ARGUMENTS + 8 * number + 4 * upper)


def _refusal(error: int) -> bytes:
    return _step(_RETURN, _REFUSE | error)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
